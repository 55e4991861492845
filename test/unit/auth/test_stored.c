#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/password.h"
#include "auth/stored.h"

/* What godwit passwd --hash pbkdf2 stores. */
static void make_hash(const char *password, struct gw_buf *out)
{
    struct gw_hashtext hash;
    gw_buf_init(out, GW_HASHTEXT_MAX);
    assert_int_equal(gw_password_hash(GW_HASHTEXT_PBKDF2, gw_span_str(password), &hash), GW_OK);
    assert_int_equal(gw_hashtext_print(&hash, out), GW_OK);
}

static enum gw_backend_answer check(struct gw_span hash, const char *groups, const char *password,
                                    struct gw_backend_reply *reply)
{
    struct gw_stored stored;
    const struct gw_backend_login login = {.user = GW_SPAN_LIT("alice"),
                                           .password = gw_span_str(password)};
    gw_stored_init(&stored);
    *reply = (struct gw_backend_reply){.words = ""};
    gw_warrant_init(&reply->warrant);
    return gw_stored_check(&stored, hash, gw_span_str(groups), &login, reply);
}

static void right_and_wrong(void **state)
{
    struct gw_backend_reply reply;
    struct gw_buf hash;
    (void)state;
    make_hash("secret", &hash);
    assert_int_equal(check(gw_buf_span(&hash), " a, b c ,,d\n", "secret", &reply), GW_BACKEND_YES);
    assert_true(gw_span_equal(gw_buf_span(&reply.warrant.groups), GW_SPAN_LIT("a,b c,d")));
    assert_int_equal(reply.warrant.user.size, 0);
    uint64_t proof = reply.warrant.proof;
    assert_true(proof != 0);
    gw_warrant_fini(&reply.warrant);
    assert_int_equal(check(gw_buf_span(&hash), NULL, "secret", &reply), GW_BACKEND_YES);
    assert_true(reply.warrant.proof == proof);
    assert_int_equal(reply.warrant.groups.size, 0);
    gw_warrant_fini(&reply.warrant);
    assert_int_equal(check(gw_buf_span(&hash), "a", "Secret", &reply), GW_BACKEND_NO);
    assert_string_equal(reply.words, "the password is wrong");
    assert_int_equal(reply.warrant.groups.size, 0);
    gw_buf_fini(&hash);
}

static void what_is_no_hash_lets_nobody_in(void **state)
{
    struct gw_backend_reply reply;
    (void)state;
    assert_int_equal(check(GW_SPAN_NONE, "a", "", &reply), GW_BACKEND_NO);
    assert_int_equal(check(GW_SPAN_LIT(" "), "a", "", &reply), GW_BACKEND_NO);
    assert_int_equal(check(GW_SPAN_LIT("secret"), "a", "secret", &reply), GW_BACKEND_TROUBLE);
    assert_non_null(strstr(reply.words, "hash"));
    assert_null(strstr(reply.words, "secret"));
}

static void too_many_groups_let_nobody_in(void **state)
{
    struct gw_backend_reply reply;
    struct gw_buf hash;
    (void)state;
    char *groups = malloc(GW_WARRANT_TEXT_MAX + 2);
    assert_non_null(groups);
    memset(groups, 'g', GW_WARRANT_TEXT_MAX + 1);
    groups[GW_WARRANT_TEXT_MAX + 1] = '\0';
    make_hash("secret", &hash);
    assert_int_equal(check(gw_buf_span(&hash), groups, "secret", &reply), GW_BACKEND_TROUBLE);
    gw_warrant_fini(&reply.warrant);
    gw_buf_fini(&hash);
    free(groups);
}

static void the_unknown_cost_what_the_known_cost(void **state)
{
    struct gw_stored stored;
    struct gw_backend_reply reply = {.words = ""};
    struct gw_buf hash;
    const struct gw_backend_login login = {.user = GW_SPAN_LIT("a"), .password = GW_SPAN_LIT("x")};
    (void)state;
    gw_stored_init(&stored);
    make_hash("secret", &hash);
    assert_int_equal(gw_stored_unknown(&stored, &login, &reply), GW_BACKEND_UNKNOWN);
    assert_false(stored.seen);
    assert_int_equal(gw_stored_check(&stored, gw_buf_span(&hash), GW_SPAN_NONE, &login, &reply),
                     GW_BACKEND_NO);
    assert_true(stored.seen && stored.dearest.kind == GW_HASHTEXT_PBKDF2);
    assert_int_equal(gw_stored_unknown(&stored, &login, &reply), GW_BACKEND_UNKNOWN);
    gw_buf_fini(&hash);
}

static void names_are_judged(void **state)
{
    char longest[GW_STORED_NAME_MAX + 1];
    (void)state;
    memset(longest, 'n', sizeof(longest));
    assert_true(gw_stored_may_be(GW_SPAN_LIT("a' or 1=1 --")));
    assert_true(gw_stored_may_be(gw_span_of(longest, GW_STORED_NAME_MAX)));
    assert_false(gw_stored_may_be(gw_span_of(longest, GW_STORED_NAME_MAX + 1)));
    assert_false(gw_stored_may_be(GW_SPAN_NONE));
    assert_false(gw_stored_may_be(GW_SPAN_LIT("alice\0bob")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_and_wrong),
        cmocka_unit_test(what_is_no_hash_lets_nobody_in),
        cmocka_unit_test(too_many_groups_let_nobody_in),
        cmocka_unit_test(the_unknown_cost_what_the_known_cost),
        cmocka_unit_test(names_are_judged),
    };
    return cmocka_run_group_tests_name("stored", tests, NULL, NULL);
}
