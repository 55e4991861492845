#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/hashtext.h"
#include "base/compiler.h"

#define SALT  "c2FsdHNhbHRzYWx0"
#define KEY32 "GMv1V/a9uBNqF+93SqBH3JLZiqfe1V1xP9SfOSAqqRE"
#define KEY64                                                                                      \
    "DZ2bibL9W8BSqSBERkS+ydm3FwfBUVfWm9Re+9cGoZLdtAmQAkeGAnco0oxGobY/a7t0plwGVKECP8cvhrH+UA"

static void good_texts_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "$argon2id$v=19$m=19456,t=2,p=1$" SALT "$" KEY32,
        "$argon2i$v=19$m=8,t=1,p=1$" SALT "$" KEY32,
        "$argon2id$v=19$m=262144,t=64,p=16$" SALT "$" KEY32,
        "$7$101$" SALT "$" KEY64 "==",
        "$7$10000000$" SALT "$" KEY64 "==",
        "$7$1$YQ==$" KEY64 "==",
        "$6$" SALT "$" KEY64 "==",
        "$scram-sha-256$4096$" SALT "$" KEY32 "=$" KEY32 "=",
        "$scram-sha-512$10000000$" SALT "$" KEY64 "==$" KEY64 "==",
    };
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
        struct gw_hashtext hash;
        struct gw_buf out;
        const char *why;
        size_t at;
        gw_buf_init(&out, GW_HASHTEXT_MAX);
        assert_int_equal(gw_hashtext_parse(gw_span_str(texts[i]), &hash, &why, &at), GW_OK);
        assert_int_equal(gw_hashtext_print(&hash, &out), GW_OK);
        assert_int_equal(out.size, strlen(texts[i]));
        assert_memory_equal(out.data, texts[i], out.size);
        gw_buf_fini(&out);
    }
}

static void padding_may_be_missing_or_there(void **state)
{
    (void)state;
    static const char *const texts[] = {"$6$YWI=$" KEY64 "==", "$6$YWI$" KEY64,
                                        "$argon2id$v=19$m=8,t=1,p=1$" SALT "$" KEY32 "="};
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
        struct gw_hashtext hash;
        const char *why;
        size_t at;
        assert_int_equal(gw_hashtext_parse(gw_span_str(texts[i]), &hash, &why, &at), GW_OK);
    }
}

/* The byte that is shown, -1 where it makes no difference. */
static const struct {
    const char *text;
    int at;
} bad[] = {
    {"", 0},
    {"secret", 0},
    {"$", 0},
    {"$5$" SALT "$" KEY64, 0},
    {"$2b$12$abcdefghijklmnopqrstuv", 0},
    {"$6$", 3},
    {"$6$$" KEY64 "==", 3},
    {"$6$" SALT, -1},
    {"$6$" SALT "$", 20},
    {"$6$" SALT "$YQ==", 20},
    {"$6$" SALT "$" KEY64 "===", -1},
    {"$6$" SALT "$" KEY64 "==$", -1},
    {"$6$YR==$" KEY64 "==", 3}, /* bits that mean nothing */
    {"$6$Y Q=$" KEY64 "==", 3},
    {"$6$Y$" KEY64 "==", 3},
    {"$7$0$" SALT "$" KEY64 "==", 3},
    {"$7$-1$" SALT "$" KEY64 "==", 3},
    {"$7$0101$" SALT "$" KEY64 "==", 3},
    {"$7$10000001$" SALT "$" KEY64 "==", 3},
    {"$7$99999999999999999999$" SALT "$" KEY64 "==", 3},
    {"$7$101$" SALT "$" KEY32, -1},
    {"$scram-sha-256$4096$" SALT "$" KEY32 "=", -1},
    {"$scram-sha-256$4096$" SALT "$" KEY32 "=$", -1},
    {"$scram-sha-256$4096$" SALT "$" KEY64 "==$" KEY64 "==", -1},
    {"$scram-sha-512$4096$" SALT "$" KEY32 "=$" KEY32 "=", -1},
    {"$scram-sha-256$0$" SALT "$" KEY32 "=$" KEY32 "=", 15},
    {"$scram-sha-256$4096$" SALT "$" KEY32 "=$" KEY32 "=$", -1},
    {"$scram-sha-1$4096$" SALT "$" KEY32 "=$" KEY32 "=", 0},
    {"$argon2d$v=19$m=8,t=1,p=1$" SALT "$" KEY32, 0},
    {"$argon2id$m=8,t=1,p=1$" SALT "$" KEY32, 10},
    {"$argon2id$v=16$m=8,t=1,p=1$" SALT "$" KEY32, -1},
    {"$argon2id$v=19$m=262145,t=1,p=1$" SALT "$" KEY32, 17},
    {"$argon2id$v=19$m=4294967304,t=1,p=1$" SALT "$" KEY32, 17},
    {"$argon2id$v=19$m=8,t=65,p=1$" SALT "$" KEY32, 21},
    {"$argon2id$v=19$m=800,t=1,p=17$" SALT "$" KEY32, 27},
    {"$argon2id$v=19$m=15,t=1,p=2$" SALT "$" KEY32, -1},
    {"$argon2id$v=19$m=8,t=1,p=1$c2FsdA$" KEY32, 27},
    {"$argon2id$v=19$m=8,t=1,p=1$" SALT "$YWJj", 44},
    {"$argon2id$v=19$t=1,m=8,p=1$" SALT "$" KEY32, 15},
};

static void bad_texts_are_refused_where_they_are_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
        struct gw_hashtext hash;
        const char *why = NULL;
        size_t at = 0;
        struct gw_span text = gw_span_str(bad[i].text);
        assert_int_equal(gw_hashtext_parse(text, &hash, &why, &at), GW_INVALID);
        assert_non_null(why);
        assert_true(at <= text.size);
        if (bad[i].at >= 0)
            assert_int_equal(at, bad[i].at);
    }
}

static void a_zero_byte_is_no_digit(void **state)
{
    (void)state;
    struct gw_hashtext hash;
    const char *why;
    size_t at;
    char text[] = "$6$" SALT "$" KEY64 "==";
    text[5] = 0;
    assert_int_equal(gw_hashtext_parse(gw_span_of(text, sizeof(text) - 1), &hash, &why, &at),
                     GW_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_come_back_as_they_were),
        cmocka_unit_test(padding_may_be_missing_or_there),
        cmocka_unit_test(bad_texts_are_refused_where_they_are_bad),
        cmocka_unit_test(a_zero_byte_is_no_digit),
    };
    return cmocka_run_group_tests_name("hashtext", tests, NULL, NULL);
}
