#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "auth/method.h"
#include "base/compiler.h"

#define SALT   "W22ZaJ0SNY7soEsUEjb6gQ=="
#define KEY256 "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define KEY512                                                                                     \
    "DZ2bibL9W8BSqSBERkS+ydm3FwfBUVfWm9Re+9cGoZLdtAmQAkeGAnco0oxGobY/a7t0plwGVKECP8cvhrH+UA=="
#define USER256 "user:$scram-sha-256$4096$" SALT "$" KEY256 "$" KEY256 ":ops\n"
#define USER512 "big:$scram-sha-512$4096$" SALT "$" KEY512 "$" KEY512 "\n"
#define PLAIN   "plain:$6$" SALT "$" KEY512 "\n"

static struct gw_users *users_of(const char *text)
{
    struct gw_users *users;
    struct gw_users_error error;
    struct gw_span span = gw_span_str(text);
    assert_int_equal(gw_users_of(&span, 1, &users, &error), GW_OK);
    gw_users_error_fini(&error);
    return users;
}

static void only_what_is_offered_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool echo;
        const char *users; /* NULL: no user files */
        bool found;
    } rows[] = {
        {"ECHO", true, NULL, true},
        {"ECHO", false, NULL, false},
        {"echo", true, NULL, false},
        {"", true, NULL, false},
        {"ECHO ", true, NULL, false},
        {"ECH", true, NULL, false},
        {"SCRAM-SHA-256", true, NULL, false},
        {"SCRAM-SHA-256", false, PLAIN, false},
        {"SCRAM-SHA-256", false, USER512, false},
        {"SCRAM-SHA-256", false, PLAIN USER256, true},
        {"SCRAM-SHA-512", false, PLAIN USER256, false},
        {"SCRAM-SHA-512", false, USER256 USER512, true},
        {"SCRAM-SHA-1", false, USER256 USER512, false},
        {"SCRAM-SHA-256-PLUS", false, USER256 USER512, false},
        {"scram-sha-256", false, USER256 USER512, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_users *users = rows[i].users ? users_of(rows[i].users) : NULL;
        struct gw_method_set set = {.echo = rows[i].echo, .users = users};
        const struct gw_method *method = gw_method_find(&set, gw_span_str(rows[i].name));
        assert_int_equal(method != NULL, rows[i].found);
        if (method)
            assert_string_equal(method->name, rows[i].name);
        gw_users_unref(users);
    }
}

struct run {
    const struct gw_method *method;
    void *memory;
    struct gw_method_exchange exchange;
    struct gw_buf answer;
};

static void begin(struct run *run, const struct gw_method *method, const struct gw_users *users,
                  size_t room)
{
    assert_non_null(method);
    run->method = method;
    run->memory = calloc(1, method->state_size);
    assert_non_null(run->memory);
    gw_method_exchange_init(&run->exchange);
    run->exchange.users = users;
    gw_buf_init(&run->answer, room);
}

static enum gw_method_outcome step(struct run *run, const char *data)
{
    gw_buf_clear(&run->answer);
    return run->method->step(run->memory, &run->exchange, gw_span_str(data), &run->answer);
}

static void end(struct run *run)
{
    if (run->method->end)
        run->method->end(run->memory);
    free(run->memory);
    gw_method_exchange_fini(&run->exchange);
    gw_buf_fini(&run->answer);
}

static void echo_sends_back_and_asks_once(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        enum gw_method_outcome outcome;
    } rows[] = {
        {"hello", "again", GW_METHOD_DONE},  {"", "", GW_METHOD_DONE},
        {"hello", "fail", GW_METHOD_FAILED}, {"fail", "x", GW_METHOD_DONE},
        {"hello", "failed", GW_METHOD_DONE},
    };
    struct gw_method_set set = {.echo = true};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct run run;
        begin(&run, gw_method_find(&set, GW_SPAN_LIT("ECHO")), NULL, 100);
        assert_int_equal(step(&run, rows[i].first), GW_METHOD_CONTINUE);
        assert_true(gw_span_equal(gw_buf_span(&run.answer), gw_span_str(rows[i].first)));
        assert_int_equal(step(&run, rows[i].second), rows[i].outcome);
        assert_true(run.method->proves_nobody);
        end(&run);
    }
}

static void too_much_data_is_no_success(void **state)
{
    (void)state;
    struct gw_method_set set = {.echo = true};
    struct run run;
    begin(&run, gw_method_find(&set, GW_SPAN_LIT("ECHO")), NULL, 4);
    assert_int_equal(step(&run, "12345"), GW_METHOD_TROUBLE);
    assert_int_equal(run.answer.size, 0);
    end(&run);
}

static void scram_names_the_user_also_when_it_fails(void **state)
{
    (void)state;
    static const struct {
        const char *first, *user;
        enum gw_method_outcome outcome;
    } rows[] = {
        {"n,,n=user,r=abc", "user", GW_METHOD_CONTINUE},
        {"n,,n=nobody,r=abc", "nobody", GW_METHOD_CONTINUE},
        {"n,,n=us=2Cer,r=abc", "us,er", GW_METHOD_CONTINUE},
        {"p=x,,n=user,r=abc", "", GW_METHOD_FAILED},
        {"", "", GW_METHOD_FAILED},
    };
    struct gw_users *users = users_of(USER256 PLAIN);
    struct gw_method_set set = {.users = users};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct run run;
        begin(&run, gw_method_find(&set, GW_SPAN_LIT("SCRAM-SHA-256")), users, 1000);
        assert_int_equal(step(&run, rows[i].first), rows[i].outcome);
        assert_true(
            gw_span_equal(gw_buf_span(&run.exchange.warrant.user), gw_span_str(rows[i].user)));
        assert_int_equal(step(&run, "c=biws,r=abc,p=AAAA"), GW_METHOD_FAILED);
        assert_true(run.exchange.words[0] != 0);
        assert_int_equal(run.exchange.warrant.proof, 0);
        end(&run);
    }
    gw_users_unref(users);
}

static void our_nonce_is_new_each_time(void **state)
{
    (void)state;
    struct gw_users *users = users_of(USER256);
    struct gw_method_set set = {.users = users};
    struct run one, other;
    begin(&one, gw_method_find(&set, GW_SPAN_LIT("SCRAM-SHA-256")), users, 1000);
    begin(&other, gw_method_find(&set, GW_SPAN_LIT("SCRAM-SHA-256")), users, 1000);
    assert_int_equal(step(&one, "n,,n=user,r=abc"), GW_METHOD_CONTINUE);
    assert_int_equal(step(&other, "n,,n=user,r=abc"), GW_METHOD_CONTINUE);
    assert_true(gw_span_starts_with(gw_buf_span(&one.answer), GW_SPAN_LIT("r=abc")));
    assert_false(gw_span_equal(gw_buf_span(&one.answer), gw_buf_span(&other.answer)));
    end(&one);
    end(&other);
    gw_users_unref(users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_offered_is_found),
        cmocka_unit_test(echo_sends_back_and_asks_once),
        cmocka_unit_test(too_much_data_is_no_success),
        cmocka_unit_test(scram_names_the_user_also_when_it_fails),
        cmocka_unit_test(our_nonce_is_new_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
