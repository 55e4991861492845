#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "pki/certnames.h"

static void good_names_and_what_they_become(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        uint8_t address_size;
    } rows[] = {
        {"broker.lan", "broker.lan", 0},
        {"Broker.LAN", "broker.lan", 0},
        {"*.example.com", "*.example.com", 0},
        {"my_host", "my_host", 0},
        {"3com", "3com", 0},
        {"xn--mnchen-3ya.de", "xn--mnchen-3ya.de", 0},
        {"10.0.0.9", "10.0.0.9", 4},
        {"::1", "::1", 16},
        {"[fd00::2]", "fd00::2", 16},
        {"FD00:0:0::2", "fd00::2", 16},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_certnames names = {0};
        const char *why;
        assert_int_equal(gw_certnames_add(&names, gw_span_str(rows[i].text), &why), GW_OK);
        assert_int_equal(names.count, 1);
        assert_string_equal(names.items[0].text, rows[i].name);
        assert_int_equal(names.items[0].address_size, rows[i].address_size);
    }
}

static void what_is_no_name_is_refused_with_a_reason(void **state)
{
    (void)state;
    const struct gw_span texts[] = {
        GW_SPAN_LIT(""),
        GW_SPAN_LIT("a b"),
        GW_SPAN_LIT("*"),
        GW_SPAN_LIT("a..b"),
        GW_SPAN_LIT(".a"),
        GW_SPAN_LIT("a."),
        GW_SPAN_LIT("-a"),
        GW_SPAN_LIT("a-"),
        GW_SPAN_LIT("a,DNS:evil"),
        GW_SPAN_LIT("m\xC3\xBC"),
        GW_SPAN_LIT("10.0.0"),
        GW_SPAN_LIT("10.0.0.256"),
        GW_SPAN_LIT("fe80::1%lo"),
        GW_SPAN_LIT("a\0b"),
        GW_SPAN_LIT("a.*.b"),
        GW_SPAN_LIT("[10.0.0.9]"),
        GW_SPAN_LIT("broker:8883"),
        GW_SPAN_LIT("a\nb"),
        GW_SPAN_LIT("localhost\0"),
        GW_SPAN_LIT("10.0.0.9\0x"),
        GW_SPAN_LIT("mqtts://broker"),
    };
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
        struct gw_certnames names = {0};
        const char *why = NULL;
        assert_int_equal(gw_certnames_add(&names, texts[i], &why), GW_INVALID);
        assert_non_null(why);
        assert_int_equal(names.count, 0);
    }
}

static void lengths_at_their_limits(void **state)
{
    (void)state;
    struct gw_certnames names = {0};
    const char *why;
    char text[300];
    memset(text, 'a', sizeof text);
    assert_int_equal(gw_certnames_add(&names, gw_span_of(text, 63), &why), GW_OK);
    assert_int_equal(gw_certnames_add(&names, gw_span_of(text, 64), &why), GW_INVALID);
    for (size_t i = 50; i < sizeof text; i += 51)
        text[i] = '.';
    assert_int_equal(gw_certnames_add(&names, gw_span_of(text, 253), &why), GW_OK);
    assert_int_equal(gw_certnames_add(&names, gw_span_of(text, 254), &why), GW_INVALID);
    assert_int_equal(gw_certnames_add(&names, gw_span_of(text, 300), &why), GW_INVALID);
}

static void each_name_once_and_not_too_many(void **state)
{
    (void)state;
    struct gw_certnames names = {0};
    const char *why;
    for (int i = 0; i < 2 * GW_CERTNAMES_MAX; i++) {
        char text[16];
        snprintf(text, sizeof text, "h%d", i / 2);
        assert_int_equal(gw_certnames_add(&names, gw_span_str(text), &why), GW_OK);
    }
    assert_int_equal(names.count, GW_CERTNAMES_MAX);
    assert_int_equal(gw_certnames_add(&names, GW_SPAN_LIT("h0"), &why), GW_OK);
    assert_int_equal(gw_certnames_add(&names, GW_SPAN_LIT("other"), &why), GW_LIMIT);
    struct gw_certnames others = {0};
    assert_int_equal(gw_certnames_merge(&others, &names), GW_OK);
    assert_int_equal(others.count, GW_CERTNAMES_MAX);
}

static void a_host_and_what_others_call_it(void **state)
{
    (void)state;
    static const struct {
        const char *host, *names;
        bool good;
    } rows[] = {
        {"myhost", "myhost, myhost.local, localhost, 127.0.0.1, ::1", true},
        {"My.Example.com", "my.example.com, my, my.local, localhost, 127.0.0.1, ::1", true},
        {"localhost", "localhost, 127.0.0.1, ::1", true},
        {"", "localhost, 127.0.0.1, ::1", true},
        {"(none)", "localhost, 127.0.0.1, ::1", true},
        {"bad name", "localhost, 127.0.0.1, ::1", false},
        {"b\xC3\xBCro", "localhost, 127.0.0.1, ::1", false},
        {"-x", "localhost, 127.0.0.1, ::1", false},
        {"1234", "localhost, 127.0.0.1, ::1", false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_certnames names = {0};
        char text[200];
        assert_int_equal(gw_certnames_add_host(&names, rows[i].host), rows[i].good);
        assert_string_equal(gw_certnames_text(&names, text, sizeof text), rows[i].names);
    }
}

static void the_first_for_others_is_not_of_this_machine_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"localhost", "127.0.0.1", "127.9.9.9", "::1",
                                        "*.lan",     "10.0.0.9",  "b.lan"};
    struct gw_certnames names = {0};
    const char *why;
    assert_null(gw_certnames_public(&names));
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
        assert_int_equal(gw_certnames_add(&names, gw_span_str(texts[i]), &why), GW_OK);
        assert_string_equal(gw_certnames_public(&names)->text, i < 5 ? "localhost" : "10.0.0.9");
    }
}

static void a_text_that_does_not_fit_is_cut_with_dots(void **state)
{
    (void)state;
    struct gw_certnames names = {0};
    char text[64];
    gw_certnames_add_host(&names, "myhost");
    for (size_t size = 4; size < sizeof text; size++) {
        memset(text, 'x', sizeof text);
        gw_certnames_text(&names, text, size);
        assert_true(strlen(text) < size);
        bool whole = size > strlen("myhost, myhost.local, localhost, 127.0.0.1, ::1");
        assert_int_equal(strcmp(text + strlen(text) - 3, "...") == 0, !whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_names_and_what_they_become),
        cmocka_unit_test(what_is_no_name_is_refused_with_a_reason),
        cmocka_unit_test(lengths_at_their_limits),
        cmocka_unit_test(each_name_once_and_not_too_many),
        cmocka_unit_test(a_host_and_what_others_call_it),
        cmocka_unit_test(the_first_for_others_is_not_of_this_machine_alone),
        cmocka_unit_test(a_text_that_does_not_fit_is_cut_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
