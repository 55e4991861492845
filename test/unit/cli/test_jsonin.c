/* Reading JSON and writing it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/jsonin.h"

static enum gw_status copy(struct gw_span text, bool pretty, struct gw_buf *buf)
{
    struct gw_jsonout out;
    gw_jsonout_init(&out, buf, pretty);
    return gw_jsonin_copy(text, &out);
}

static void test_copies(void **state)
{
    static const struct {
        const char *text, *copy; /* copy NULL: refused */
    } rows[] = {
        {"{}", "{}"},
        {" [ ] ", "[]"},
        {"{ \"a\" : 1.50 , \"b\":[1, 2,{\"x\":null}]}", "{\"a\":1.5,\"b\":[1,2,{\"x\":null}]}"},
        {"true", "true"},
        {"-0", "-0"},
        {"1E3", "1000"},
        {"1e400", "null"},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.3"},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"\"\\u00e9\\ud83d\\ude00\\/\\n\"", "\"\xC3\xA9\xF0\x9F\x98\x80/\\n\""},
        {"\"\\u0000\"", "\"\\u0000\""},
        {"\"\x01\"", "\"\\u0001\""},
        {"\"\xFFx\"", "\"\xEF\xBF\xBDx\""},
        {"[[[[]]],{\"a\":{}}]", "[[[[]]],{\"a\":{}}]"},
        {"", NULL},
        {"{", NULL},
        {"[", NULL},
        {"[1,]", NULL},
        {"[1 2]", NULL},
        {"{\"a\"}", NULL},
        {"{\"a\":}", NULL},
        {"{\"a\":1,}", NULL},
        {"{a:1}", NULL},
        {"[1}", NULL},
        {"{}x", NULL},
        {"nul", NULL},
        {"-", NULL},
        {"+1", NULL},
        {"\"", NULL},
        {"\"\\x\"", NULL},
        {"\"\\", NULL},
        {"\"\\u12g4\"", NULL},
        {"\"\\ud83d\"", NULL},
        {"\"\\udc00\"", NULL},
        {"\"\\ud83d\\u0041\"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_buf buf;
        gw_buf_init(&buf, 4096);
        enum gw_status status = copy(gw_span_str(rows[i].text), false, &buf);
        if (status != (rows[i].copy ? GW_OK : GW_MALFORMED))
            print_error("%s: %s\n", rows[i].text, gw_status_name(status));
        assert_int_equal(status, rows[i].copy ? GW_OK : GW_MALFORMED);
        if (rows[i].copy && !gw_span_equal(gw_buf_span(&buf), gw_span_str(rows[i].copy)))
            print_error("%s became %.*s\n", rows[i].text, GW_SPAN_FMT(gw_buf_span(&buf)));
        if (rows[i].copy)
            assert_true(gw_span_equal(gw_buf_span(&buf), gw_span_str(rows[i].copy)));
        gw_buf_fini(&buf);
    }
}

static void test_pretty(void **state)
{
    struct gw_buf buf;
    (void)state;
    gw_buf_init(&buf, 4096);
    assert_int_equal(copy(GW_SPAN_LIT("{\"a\":[1,{\"x\":2}],\"o\":{}}"), true, &buf), GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&buf),
                              GW_SPAN_LIT("{\n\t\"a\":\t[1, {\n\t\t\t\"x\":\t2\n\t\t}],\n"
                                          "\t\"o\":\t{\n\t}\n}")));
    gw_buf_fini(&buf);
}

static void test_depth(void **state)
{
    uint8_t text[2 * (GW_JSONIN_DEPTH_MAX + 1)];
    (void)state;
    for (size_t depth = GW_JSONIN_DEPTH_MAX; depth <= GW_JSONIN_DEPTH_MAX + 1; depth++) {
        struct gw_buf buf;
        gw_buf_init(&buf, 1 << 16);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(copy(gw_span_of(text, 2 * depth), false, &buf),
                         depth > GW_JSONIN_DEPTH_MAX ? GW_LIMIT : GW_OK);
        gw_buf_fini(&buf);
    }
}

static void test_bound(void **state)
{
    struct gw_buf buf;
    (void)state;
    gw_buf_init(&buf, 8);
    assert_int_equal(copy(GW_SPAN_LIT("[1,2,3,4,5,6,7,8,9]"), false, &buf), GW_NO_MEMORY);
    gw_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
