#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/password.h"
#include "base/compiler.h"

/* Made by mosquitto_passwd 2.0.11 (-H sha512-pbkdf2, -H sha512) and by the argon2 command. */
static const struct {
    const char *hash, *password;
    enum gw_hashtext_kind kind;
} vectors[] = {
    {"$7$101$8uMIAUQEDT1KHj2G$DZ2bibL9W8BSqSBERkS+ydm3FwfBUVfWm9Re+9cGoZLdtAmQAkeGAnco0oxGobY/"
     "a7t0plwGVKECP8cvhrH+UA==",
     "secret", GW_HASHTEXT_PBKDF2},
    {"$7$1000$L4yD2FUNztIA5RhK$51PYgXolYD/bRqOgNwcyiUgEtnV2BwLtbaTQiF+7OeMlnAwNMejdY5pX3MOOJbU8GM1R"
     "1qpwbBm7lgpJJ1Pk9g==",
     "p\xC3\xA4ssw\xC3\xB6rd", GW_HASHTEXT_PBKDF2},
    {"$6$6MKidibLCPGWff2+$YwxI0rj1LmoA0uX4GGKR3Mx0+DDsXQAGEqXxr0KPZRQacwaudw/nnUl4i/KrJVYqU2kyVc3y5"
     "1QEPi7ds60GdA==",
     "builder", GW_HASHTEXT_SHA512},
    {"$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$GMv1V/a9uBNqF+93SqBH3JLZiqfe1V1xP9SfOSAqqRE",
     "secret", GW_HASHTEXT_ARGON2ID},
    {"$argon2id$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0$Ji+djQ0+6vg1VyN9fPVLyqi5MsFxu9ue/cgilRpiZpw",
     "secret", GW_HASHTEXT_ARGON2ID},
    {"$argon2i$v=19$m=256,t=1,p=1$c2FsdHNhbHRzYWx0$ysWGlk+XNwhinp+TQwrHvlnwHLIHwKiccrBzmTZjRKs",
     "secret", GW_HASHTEXT_ARGON2I},
};

static struct gw_hashtext parse(const char *text)
{
    struct gw_hashtext hash;
    const char *why;
    size_t at;
    assert_int_equal(gw_hashtext_parse(gw_span_str(text), &hash, &why, &at), GW_OK);
    assert_null(why);
    return hash;
}

static void hashes_of_others_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(vectors); i++) {
        struct gw_hashtext hash = parse(vectors[i].hash);
        assert_int_equal(hash.kind, vectors[i].kind);
        assert_int_equal(gw_password_check(&hash, gw_span_str(vectors[i].password)), GW_OK);
    }
}

static void every_byte_of_a_password_counts(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } wrong[] = {
        {"", 0},        {"s", 1},      {"secre", 5},    {"secret\0", 7},  {"\0secret", 7},
        {"secret ", 7}, {"Secret", 6}, {"secret\n", 7}, {"secret\0x", 8},
    };
    for (size_t v = 0; v < GW_COUNT_OF(vectors); v++) {
        struct gw_hashtext hash = parse(vectors[v].hash);
        for (size_t i = 0; i < GW_COUNT_OF(wrong); i++)
            assert_int_equal(gw_password_check(&hash, gw_span_of(wrong[i].bytes, wrong[i].size)),
                             GW_REFUSED);
    }
}

static void a_wrong_bit_of_the_key_is_wrong(void **state)
{
    (void)state;
    for (size_t v = 0; v < GW_COUNT_OF(vectors); v++) {
        struct gw_hashtext hash = parse(vectors[v].hash);
        hash.key.bytes[hash.key.size - 1] ^= 1;
        assert_int_equal(gw_password_check(&hash, gw_span_str(vectors[v].password)), GW_REFUSED);
        hash.key.size = 0; /* never made by the parser; must not match everything */
        assert_int_equal(gw_password_check(&hash, gw_span_str(vectors[v].password)), GW_REFUSED);
    }
}

static void what_is_made_is_read_and_proved_again(void **state)
{
    (void)state;
    static const enum gw_hashtext_kind kinds[] = {GW_HASHTEXT_ARGON2ID, GW_HASHTEXT_PBKDF2};
    struct gw_span password = gw_span_of("a\0b", 3);
    for (size_t i = 0; i < GW_COUNT_OF(kinds); i++) {
        struct gw_hashtext hash, again;
        struct gw_buf text;
        const char *why;
        size_t at;
        gw_buf_init(&text, GW_HASHTEXT_MAX);
        assert_int_equal(gw_password_hash(kinds[i], password, &hash), GW_OK);
        assert_int_equal(gw_hashtext_print(&hash, &text), GW_OK);
        assert_int_equal(gw_hashtext_parse(gw_buf_span(&text), &again, &why, &at), GW_OK);
        assert_int_equal(gw_password_check(&again, password), GW_OK);
        assert_int_equal(gw_password_check(&again, GW_SPAN_LIT("a")), GW_REFUSED);
        gw_buf_fini(&text);
    }
}

static void two_hashes_of_one_password_differ(void **state)
{
    (void)state;
    struct gw_hashtext one, other;
    assert_int_equal(gw_password_hash(GW_HASHTEXT_ARGON2ID, GW_SPAN_LIT("x"), &one), GW_OK);
    assert_int_equal(gw_password_hash(GW_HASHTEXT_ARGON2ID, GW_SPAN_LIT("x"), &other), GW_OK);
    assert_memory_not_equal(one.salt.bytes, other.salt.bytes, one.salt.size);
    assert_memory_not_equal(one.key.bytes, other.key.bytes, one.key.size);
}

static void a_dummy_costs_the_same_and_fits_nobody(void **state)
{
    (void)state;
    for (size_t v = 0; v < GW_COUNT_OF(vectors); v++) {
        struct gw_hashtext hash = parse(vectors[v].hash), dummy;
        gw_password_dummy(&hash, &dummy);
        assert_int_equal(dummy.kind, hash.kind);
        assert_int_equal(dummy.memory, hash.memory);
        assert_int_equal(dummy.rounds, hash.rounds);
        assert_true(gw_password_costs_more(&dummy, &hash) && gw_password_costs_more(&hash, &dummy));
        assert_int_equal(gw_password_check(&dummy, gw_span_str(vectors[v].password)), GW_REFUSED);
    }
    struct gw_hashtext cheap = parse(vectors[0].hash), dummy;
    gw_password_dummy(NULL, &dummy);
    assert_false(gw_password_costs_more(&cheap, &dummy));
}

static void passwords_longer_than_the_protocol_takes_are_wrong(void **state)
{
    (void)state;
    static uint8_t bytes[GW_PASSWORD_SIZE_MAX + 1];
    struct gw_hashtext hash = parse(vectors[0].hash);
    assert_int_equal(gw_password_check(&hash, gw_span_of(bytes, sizeof(bytes))), GW_REFUSED);
    assert_int_equal(gw_password_check(&hash, gw_span_of(bytes, sizeof(bytes) - 1)), GW_REFUSED);
}

static void no_hash_is_made_that_fits_two_passwords(void **state)
{
    (void)state;
    struct gw_hashtext hash;
    struct gw_span password = gw_span_of("a\0", 2);
    assert_int_equal(gw_password_hash(GW_HASHTEXT_PBKDF2, password, &hash), GW_INVALID);
    assert_int_equal(gw_password_hash(GW_HASHTEXT_ARGON2ID, password, &hash), GW_OK);
    assert_int_equal(gw_password_check(&hash, GW_SPAN_LIT("a")), GW_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_others_are_understood),
        cmocka_unit_test(every_byte_of_a_password_counts),
        cmocka_unit_test(a_wrong_bit_of_the_key_is_wrong),
        cmocka_unit_test(what_is_made_is_read_and_proved_again),
        cmocka_unit_test(two_hashes_of_one_password_differ),
        cmocka_unit_test(a_dummy_costs_the_same_and_fits_nobody),
        cmocka_unit_test(no_hash_is_made_that_fits_two_passwords),
        cmocka_unit_test(passwords_longer_than_the_protocol_takes_are_wrong),
    };
    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
