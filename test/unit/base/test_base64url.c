#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64url.h"

static void goes_both_ways(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } cases[] = {
        {"", 0, ""},           {"f", 1, "Zg"},
        {"fo", 2, "Zm8"},      {"foo", 3, "Zm9v"},
        {"foob", 4, "Zm9vYg"}, {"\x03\xec\xff\xe0\xc1", 5, "A-z_4ME"},
        {"\0\0\0", 3, "AAAA"}, {"\xff\xff\xff", 3, "____"},
    };
    struct gw_buf buf;
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_span bytes = gw_span_of(cases[i].bytes, cases[i].size);
        gw_buf_init(&buf, 16);
        assert_int_equal(gw_base64url_encode(bytes, &buf), GW_OK);
        assert_true(gw_span_equal(gw_buf_span(&buf), gw_span_str(cases[i].text)));
        gw_buf_clear(&buf);
        assert_int_equal(gw_base64url_decode(gw_span_str(cases[i].text), &buf), GW_OK);
        assert_true(gw_span_equal(gw_buf_span(&buf), bytes));
        gw_buf_fini(&buf);
    }
}

static void takes_one_form_only(void **state)
{
    static const char *const cases[] = {"Zg==", "Z",    "Zm9vY", "Zh",   "Zm9", "Zg\n",
                                        " Zg",  "Zm+v", "Zm/v",  "Zm9=", "Zm.v"};
    struct gw_buf buf;
    (void)state;
    gw_buf_init(&buf, 16);
    assert_int_equal(gw_buf_append(&buf, GW_SPAN_LIT("x")), GW_OK);
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        assert_int_equal(gw_base64url_decode(gw_span_str(cases[i]), &buf), GW_MALFORMED);
        assert_int_equal(buf.size, 1);
    }
    gw_buf_fini(&buf);
}

static void keeps_to_the_bound(void **state)
{
    struct gw_buf buf;
    (void)state;
    gw_buf_init(&buf, 3);
    assert_int_equal(gw_base64url_decode(GW_SPAN_LIT("Zm9vYg"), &buf), GW_LIMIT);
    assert_int_equal(gw_base64url_decode(GW_SPAN_LIT("Zm9v"), &buf), GW_OK);
    gw_buf_clear(&buf);
    assert_int_equal(gw_base64url_encode(GW_SPAN_LIT("foo"), &buf), GW_LIMIT);
    gw_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_both_ways),
        cmocka_unit_test(takes_one_form_only),
        cmocka_unit_test(keeps_to_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
