#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "net/tlskeys.h"

static struct gw_tlskeys *parse(const char *text)
{
    struct gw_tlskeys *keys;
    struct gw_tlskeys_error error;
    if (gw_tlskeys_parse(gw_span_str(text), &keys, &error) != GW_OK)
        fail_msg("%u: %s", error.line, error.what);
    return keys;
}

static void finds_keys_by_identity(void **state)
{
    static const struct {
        const char *identity;
        uint8_t key[4];
        size_t size;
    } rows[] = {
        {"dev", {0xde, 0xad, 0xbe, 0xef}, 4},
        {"d", {0x01}, 1},
        {"device 2", {0xAB, 0xCD}, 2},
        {"ger\xC3\xA4t", {0x0f, 0xf0, 0x10}, 3},
        {"", {0}, 0},
        {"de", {0}, 0},
        {"devi", {0}, 0},
        {"comment", {0}, 0},
    };
    struct gw_tlskeys *keys = parse("# comment:00\n\ndevice 2:ABcd\r\n  dev : deadbeef \n"
                                    "ger\xC3\xA4t:0ff010\n\t# another\nd:01");
    (void)state;
    assert_int_equal(gw_tlskeys_count(keys), 4);
    assert_int_equal(gw_tlskeys_short_count(keys), 4);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct gw_tlskeys_key *key = gw_tlskeys_find(keys, gw_span_str(rows[i].identity));
        assert_int_equal(key != NULL, rows[i].size > 0);
        assert_true(key == NULL || gw_span_equal(key->key, gw_span_of(rows[i].key, rows[i].size)));
    }
    gw_tlskeys_free(keys);
}

static void an_empty_file_has_no_keys(void **state)
{
    (void)state;
    struct gw_tlskeys *keys = parse("");
    assert_int_equal(gw_tlskeys_count(keys), 0);
    assert_null(gw_tlskeys_find(keys, gw_span_str("a")));
    gw_tlskeys_free(keys);
    gw_tlskeys_free(NULL);
}

static void faults_are_told_with_their_line(void **state)
{
    static const struct {
        const char *text;
        uint32_t line;
        const char *words;
    } rows[] = {
        {"a", 1, "no colon"},
        {"a:00\n\n:00\n", 3, "identity is empty"},
        {"a:\n", 1, "key is empty"},
        {"a:0x00\n", 1, "without 0x"},
        {"a:00:11", 1, "not hexadecimal"},
        {"a:000\n", 1, "odd number"},
        {"a:00\nb:11\na:22\nc:33", 3, "stands twice"},
        {"\xFF:00\n", 1, "not UTF-8"},
        {"a\x01:00\n", 1, "control characters"},
    };
    struct gw_tlskeys *keys;
    struct gw_tlskeys_error error;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum gw_status status = gw_tlskeys_parse(gw_span_str(rows[i].text), &keys, &error);
        assert_int_equal(status, GW_INVALID);
        assert_null(keys);
        assert_int_equal(error.line, rows[i].line);
        if (strstr(error.what, rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].text, error.what);
    }
}

/* An identity and a key of these lengths. */
static enum gw_status try_lengths(size_t identity, size_t digits)
{
    static char text[2048];
    struct gw_tlskeys *keys;
    struct gw_tlskeys_error error;
    memset(text, 'a', identity);
    text[identity] = ':';
    memset(text + identity + 1, 'b', digits);
    enum gw_status status =
        gw_tlskeys_parse(gw_span_of(text, identity + 1 + digits), &keys, &error);
    assert_true(status != GW_OK || gw_tlskeys_at(keys, 0)->key.size == digits / 2);
    gw_tlskeys_free(keys);
    return status;
}

static void lengths_have_limits(void **state)
{
    (void)state;
    assert_int_equal(try_lengths(256, 32), GW_OK);
    assert_int_equal(try_lengths(257, 32), GW_INVALID);
    assert_int_equal(try_lengths(1, 512), GW_OK);
    assert_int_equal(try_lengths(1, 514), GW_INVALID);
}

static void one_key_alone(void **state)
{
    struct gw_tlskeys *keys;
    struct gw_tlskeys_error error;
    (void)state;
    assert_int_equal(gw_tlskeys_one(gw_span_str("a:b"),
                                    gw_span_str("00112233445566778899aabbccddeeff"), &keys, &error),
                     GW_OK);
    assert_int_equal(gw_tlskeys_count(keys), 1);
    assert_int_equal(gw_tlskeys_short_count(keys), 0);
    assert_int_equal(gw_tlskeys_at(keys, 0)->key.size, 16);
    gw_tlskeys_free(keys);
    assert_int_equal(gw_tlskeys_one(gw_span_str("a"), gw_span_str(""), &keys, &error), GW_INVALID);
    assert_null(keys);
    assert_int_equal(gw_tlskeys_one(gw_span_str(""), gw_span_str("00"), &keys, &error), GW_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_keys_by_identity),
        cmocka_unit_test(an_empty_file_has_no_keys),
        cmocka_unit_test(faults_are_told_with_their_line),
        cmocka_unit_test(lengths_have_limits),
        cmocka_unit_test(one_key_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
