#include "config/confnumber.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/compiler.h"

#define S GW_NS_PER_S

static void test_values(void **state)
{
    static const struct {
        enum gw_config_kind kind;
        const char *text;
        uint64_t number;
    } rows[] = {
        {GW_CONFIG_COUNT, "0", 0},
        {GW_CONFIG_COUNT, "50k", 50000},
        {GW_CONFIG_COUNT, "1.5k", 1500},
        {GW_CONFIG_COUNT, "2M", 2000000},
        {GW_CONFIG_COUNT, "100_000", 100000},
        {GW_CONFIG_COUNT, "0007", 7},
        {GW_CONFIG_COUNT, "18446744073709551614", UINT64_MAX - 1},
        {GW_CONFIG_BYTES, "17", 17},
        {GW_CONFIG_BYTES, "17B", 17},
        {GW_CONFIG_BYTES, "64KiB", 65536},
        {GW_CONFIG_BYTES, "64 KiB", 65536},
        {GW_CONFIG_BYTES, "2MB", 2000000},
        {GW_CONFIG_BYTES, "2.5MB", 2500000},
        {GW_CONFIG_BYTES, "3kB", 3000},
        {GW_CONFIG_BYTES, "1GiB", (uint64_t)1 << 30},
        {GW_CONFIG_BYTES, "8PiB", (uint64_t)1 << 53},
        {GW_CONFIG_TIME, "0", 0},
        {GW_CONFIG_TIME, "0s", 0},
        {GW_CONFIG_TIME, "100ms", S / 10},
        {GW_CONFIG_TIME, "0.5s", S / 2},
        {GW_CONFIG_TIME, "30s", 30 * S},
        {GW_CONFIG_TIME, "5m", 300 * S},
        {GW_CONFIG_TIME, "5min", 300 * S},
        {GW_CONFIG_TIME, "1h30m", 5400 * S},
        {GW_CONFIG_TIME, "7d", 604800 * S},
        {GW_CONFIG_TIME, "1w", 604800 * S},
        {GW_CONFIG_TIME, "never", GW_NEVER},
        {GW_CONFIG_SECONDS, "never", GW_NEVER},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_confreport_error error;
        uint64_t number = 12345;

        if (gw_confnumber_parse(rows[i].kind, gw_span_str(rows[i].text), &number, &error) != GW_OK)
            fail_msg("%s: %s", rows[i].text, error.what);
        if (number != rows[i].number)
            fail_msg("%s became %llu", rows[i].text, (unsigned long long)number);
    }
}

static void test_errors(void **state)
{
    static const struct {
        enum gw_config_kind kind;
        const char *text, *what, *why;
    } rows[] = {
        {GW_CONFIG_COUNT, "", "\"\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "-1", "\"-1\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "many", "\"many\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "_1", "\"_1\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "1__0", "\"1__0\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "1.5", "\"1.5\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "50K", "\"50K\" is not a number, as 500 or 50k", "did you mean \"50k\"?"},
        {GW_CONFIG_COUNT, "5 6", "\"5 6\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "0x10", "\"0x10\" is not a number, as 500 or 50k", ""},
        {GW_CONFIG_COUNT, "18446744073709551616", "18446744073709551616 is too large", ""},
        {GW_CONFIG_COUNT, "18446744073709551615k", "18446744073709551615k is too large", ""},
        {GW_CONFIG_BYTES, "2mb", "\"2mb\" is not a size, as 64KiB or 2MB", "did you mean \"2MB\"?"},
        {GW_CONFIG_BYTES, "16M", "\"16M\" is not a size, as 64KiB or 2MB",
         "\"16MB\" or \"16MiB\"?"},
        {GW_CONFIG_BYTES, "16X", "\"16X\" is not a size, as 64KiB or 2MB", ""},
        {GW_CONFIG_BYTES, "1.5", "\"1.5\" is not a size, as 64KiB or 2MB", ""},
        {GW_CONFIG_BYTES, "1.0000000001MB", "\"1.0000000001MB\" is not a size, as 64KiB or 2MB",
         ""},
        {GW_CONFIG_BYTES, "999999999999PB", "999999999999PB is too large", ""},
        {GW_CONFIG_TIME, "30", "\"30\" is not a time, as 100ms, 30s, 7d or never",
         "the unit is missing: \"30ms\" or \"30s\"?"},
        {GW_CONFIG_TIME, "30S", "\"30S\" is not a time, as 100ms, 30s, 7d or never",
         "did you mean \"30s\"?"},
        {GW_CONFIG_TIME, "1h30", "\"1h30\" is not a time, as 100ms, 30s, 7d or never",
         "the unit is missing: \"1h30ms\" or \"1h30s\"?"},
        {GW_CONFIG_TIME, "999999w", "999999w is too large", ""},
        {GW_CONFIG_TIME, "Never", "\"Never\" is not a time, as 100ms, 30s, 7d or never", ""},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_confreport_error error;
        uint64_t number = 12345;

        assert_int_equal(
            gw_confnumber_parse(rows[i].kind, gw_span_str(rows[i].text), &number, &error),
            GW_INVALID);
        assert_string_equal(error.what, rows[i].what);
        assert_string_equal(error.why, rows[i].why);
        assert_int_equal(number, 12345);
    }
}

static void test_text(void **state)
{
    static const struct {
        enum gw_config_kind kind;
        uint64_t number;
        const char *text;
    } rows[] = {
        {GW_CONFIG_COUNT, 0, "0"},
        {GW_CONFIG_COUNT, 50000, "50000"},
        {GW_CONFIG_BYTES, 0, "0"},
        {GW_CONFIG_BYTES, 1023, "1023"},
        {GW_CONFIG_BYTES, 1024, "1KiB"},
        {GW_CONFIG_BYTES, 2000000, "2MB"},
        {GW_CONFIG_BYTES, 16777216, "16MiB"},
        {GW_CONFIG_BYTES, 268435460, "268435460"},
        {GW_CONFIG_TIME, 0, "0s"},
        {GW_CONFIG_TIME, 10 * S, "10s"},
        {GW_CONFIG_TIME, 90 * S, "90s"},
        {GW_CONFIG_TIME, 604800 * S, "7d"},
        {GW_CONFIG_TIME, 1, "1ns"},
        {GW_CONFIG_TIME, GW_NEVER, "never"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        char text[GW_CONFNUMBER_TEXT_MAX];
        struct gw_confreport_error error;
        uint64_t number;

        assert_string_equal(gw_confnumber_text(rows[i].kind, rows[i].number, text), rows[i].text);
        assert_int_equal(gw_confnumber_parse(rows[i].kind, gw_span_str(text), &number, &error),
                         GW_OK);
        assert_true(number == rows[i].number);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
