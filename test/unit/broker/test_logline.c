#include "broker/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/compiler.h"

#define WALL ((gw_wall_ns)1795349024 * 1000000000 + 512999999) /* 2026-11-22T12:03:44.512 UTC */

static struct gw_span json_of(struct gw_span value, char line[GW_LOGLINE_SIZE_MAX])
{
    struct gw_log_field field = gw_log_text("v", value);
    struct gw_logline_event event = {WALL, GW_LOG_INFO, "e", NULL, &field, 1};

    return gw_span_of(line, gw_logline_json(&event, line));
}

static void test_json(void **state)
{
    struct gw_log_field fields[] = {
        gw_log_str("id", "sensor-7"),
        gw_log_number("proto", -5),
        {"clean", GW_LOG_BOOL, GW_SPAN_NONE, 1},
        {"will", GW_LOG_BOOL, GW_SPAN_NONE, 0},
        gw_log_text("empty", GW_SPAN_NONE),
    };
    struct gw_logline_event event = {WALL,        GW_LOG_WARN, "client.connected",
                                     "connected", fields,      GW_COUNT_OF(fields)};
    char line[GW_LOGLINE_SIZE_MAX];
    size_t size = gw_logline_json(&event, line);

    (void)state;
    line[size] = '\0';
    assert_string_equal(line, "{\"ts\":\"2026-11-22T12:03:44.512Z\",\"level\":\"warn\","
                              "\"event\":\"client.connected\",\"message\":\"connected\","
                              "\"id\":\"sensor-7\",\"proto\":-5,\"clean\":true,\"will\":false,"
                              "\"empty\":\"\"}\n");
}

static void test_json_escapes(void **state)
{
    const struct {
        struct gw_span value;
        const char *json;
    } rows[] = {
        {GW_SPAN_LIT("a\"b\\c/"), "a\\\"b\\\\c/"},
        {GW_SPAN_LIT("\n\r\t\0\x1F\x7F"), "\\n\\r\\t\\u0000\\u001f\\u007f"},
        {GW_SPAN_LIT("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"),
         "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {GW_SPAN_LIT("\xC2\x9B\xE2\x80\xA8\xE2\x80\xAE"), "\\u009b\\u2028\\u202e"},
        {GW_SPAN_LIT("\xFF"), "\\ufffd"},
        {GW_SPAN_LIT("a\x80z"), "a\\ufffdz"},
        {GW_SPAN_LIT("\xC0\x80"), "\\ufffd\\ufffd"},
        {GW_SPAN_LIT("\xE2\x82"), "\\ufffd\\ufffd"},
        {GW_SPAN_LIT("\xE2\x82z"), "\\ufffd\\ufffdz"},
        {GW_SPAN_LIT("\xED\xA0\x80"), "\\ufffd\\ufffd\\ufffd"},
        {GW_SPAN_LIT("\xF5\x80\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd"},
        {GW_SPAN_LIT("\xF4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        char line[GW_LOGLINE_SIZE_MAX];
        struct gw_span all = json_of(rows[i].value, line);
        char *value;

        line[all.size - 3] = '\0'; /* "}\n */
        value = strstr(line, "\"v\":\"");
        assert_non_null(value);
        assert_string_equal(value + 5, rows[i].json);
    }
}

/* Whatever the values are, a line ends and stays within its size. */
static void test_json_is_bounded(void **state)
{
    struct gw_log_field fields[GW_LOG_FIELDS_MAX];
    struct gw_logline_event event = {WALL, GW_LOG_INFO, "e", "m", fields, GW_LOG_FIELDS_MAX};
    uint8_t value[2000];
    char line[GW_LOGLINE_SIZE_MAX];

    (void)state;
    memset(value, 1, sizeof value);
    for (size_t size = 0; size < sizeof value; size += 13) {
        size_t length;

        for (size_t i = 0; i < GW_LOG_FIELDS_MAX; i++)
            fields[i] = gw_log_text("key", gw_span_of(value, size));
        length = gw_logline_json(&event, line);
        assert_in_range(length, 10, GW_LOGLINE_SIZE_MAX);
        assert_memory_equal(line + length - 2, "}\n", 2);
        assert_int_equal(size > 30, strstr(line, ",\"cut\":true}\n") != NULL);
        length = gw_logline_text(&event, true, 0, line);
        assert_in_range(length, 10, GW_LOGLINE_SIZE_MAX);
        assert_int_equal(line[length - 1], '\n');
        length = gw_logline_text(&event, true, 20, line);
        assert_in_range(length, 10, GW_LOGLINE_SIZE_MAX);
        assert_int_equal(line[length - 1], '\n');
        length = gw_logline_journal(&event, line);
        assert_in_range(length, 10, GW_LOGLINE_SIZE_MAX);
        assert_int_equal(line[length - 1], '\n');
        memset(line, 0, sizeof line);
    }
}

static void test_long_value(void **state)
{
    char value[GW_LOGLINE_VALUE_MAX + 1];
    char line[GW_LOGLINE_SIZE_MAX];
    struct gw_span all;

    (void)state;
    memset(value, 'a', sizeof value);
    all = json_of(gw_span_of(value, sizeof value), line);
    assert_memory_equal(line + all.size - 7, "a...\"}\n", 7);
    all = json_of(gw_span_of(value, sizeof value - 1), line);
    assert_memory_equal(line + all.size - 5, "aa\"}\n", 5);
}

static void test_text(void **state)
{
    struct gw_log_field fields[] = {
        gw_log_str("id", "cam 3"),
        gw_log_str("user", "b\xC3\xB6"),
        gw_log_str("e", ""),
        gw_log_str("q", "a\"\x1B[1m\n\\"),
        gw_log_number("code", 129),
        gw_log_text("raw", GW_SPAN_LIT("\xFF\0")),
        gw_log_str("topic", "a/b/#=\xE2\x80\xAE"),
    };
    struct gw_logline_event event = {WALL,        GW_LOG_INFO, "client.connected",
                                     "connected", fields,      GW_COUNT_OF(fields)};
    char line[GW_LOGLINE_SIZE_MAX];

    (void)state;
    line[gw_logline_text(&event, false, 0, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 INFO  connected     id=\"cam 3\" user=b\xC3\xB6 "
                              "q=\"a\\\"\\x1b[1m\\n\\\\\" code=129 raw=\"\\xff\\x00\" "
                              "topic=\"a/b/#=\\xe2\\x80\\xae\"\n");
    event.field_count = 1;
    line[gw_logline_text(&event, true, 0, line)] = '\0';
    assert_string_equal(line, "\x1B[2m12:03:44.512\x1B[0m \x1B[32mINFO \x1B[0m connected     "
                              "\x1B[2mid=\x1B[0m\"cam 3\"\n");
    event.level = GW_LOG_ERROR;
    event.field_count = 0;
    line[gw_logline_text(&event, false, 0, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 ERROR connected\n");
    event.message = "a sentence that is longer";
    event.field_count = 1;
    line[gw_logline_journal(&event, line)] = '\0';
    assert_string_equal(line, "<3>a sentence that is longer event=client.connected id=\"cam 3\"\n");
    event.message = NULL;
    line[gw_logline_text(&event, false, 0, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 ERROR client.connected id=\"cam 3\"\n");
}

static void assert_field(struct gw_log_field field, const char *shown)
{
    struct gw_logline_event event = {WALL, GW_LOG_INFO, "e", "m", &field, 1};
    char line[GW_LOGLINE_SIZE_MAX];
    char expected[128];

    line[gw_logline_text(&event, false, 0, line)] = '\0';
    snprintf(expected, sizeof expected, "12:03:44.512 INFO  m            %s\n", shown);
    assert_string_equal(line, expected);
    line[gw_logline_journal(&event, line)] = '\0';
    snprintf(expected, sizeof expected, "<6>m event=e%s\n", shown);
    assert_string_equal(line, expected);
}

/* What a key's ending does to its number where people read it. */
static void test_units(void **state)
{
    const struct {
        const char *key;
        int64_t number;
        const char *shown;
    } rows[] = {
        {"after_ms", 0, " after=0ms"},
        {"after_ms", 999, " after=999ms"},
        {"after_ms", 1000, " after=1.0s"},
        {"after_ms", 59499, " after=59.4s"},
        {"after_ms", 59500, " after=1m"},
        {"after_ms", 192000, " after=3m12s"},
        {"after_ms", 3599500, " after=1h"},
        {"after_ms", 11520000, " after=3h12m"},
        {"after_ms", (int64_t)86400000 * 4 + 3600000 * 3, " after=4d3h"},
        {"after_ms", -1, " after_ms=-1"},
        {"keep_alive_s", 0, " keep_alive=0s"},
        {"keep_alive_s", 60, " keep_alive=1m"},
        {"expiry_s", 604800, " expiry=7d"},
        {"expiry_s", UINT32_MAX, " expiry=never"},
        {"in_bytes", 0, " in=0B"},
        {"in_bytes", 999, " in=999B"},
        {"in_bytes", 1000, " in=1.0kB"},
        {"in_bytes", 9949, " in=9.9kB"},
        {"in_bytes", 9950, " in=10kB"},
        {"in_bytes", 120400, " in=120kB"},
        {"in_bytes", 999499, " in=999kB"},
        {"in_bytes", 999500, " in=1.0MB"},
        {"in_bytes", 4100000, " in=4.1MB"},
        {"in_bytes", INT64_MAX, " in=9.2EB"},
        {"queued", 1000, " queued=1000"},
        {"_s", 5, " _s=5"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_field(gw_log_number(rows[i].key, rows[i].number), rows[i].shown);
    assert_field(gw_log_bool("clean", true), " clean");
    assert_field(gw_log_bool("clean", false), "");
    assert_field(gw_log_str("user", ""), "");
    assert_field(gw_log_str("user", NULL), "");
}

/* On a terminal a line is broken before a field, never inside one. */
static void test_width(void **state)
{
    struct gw_log_field fields[] = {
        gw_log_str("id", "\xC3\xA4\xC3\xA4"),
        gw_log_str("user", "bob"),
        gw_log_str("reason", "longer than the window is wide"),
        gw_log_number("code", 1),
    };
    struct gw_logline_event event = {WALL,        GW_LOG_INFO, "client.connected",
                                     "connected", fields,      GW_COUNT_OF(fields)};
    char line[GW_LOGLINE_SIZE_MAX];

    (void)state;
    line[gw_logline_text(&event, false, 47, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 INFO  connected     id=\xC3\xA4\xC3\xA4 user=bob\n"
                              "                   reason=\"longer than the window is wide\"\n"
                              "                   code=1\n");
    line[gw_logline_text(&event, false, 46, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 INFO  connected     id=\xC3\xA4\xC3\xA4\n"
                              "                   user=bob\n"
                              "                   reason=\"longer than the window is wide\"\n"
                              "                   code=1\n");
    event.field_count = 2;
    line[gw_logline_text(&event, true, 47, line)] = '\0';
    assert_null(strstr(line, "\n "));
    line[gw_logline_text(&event, true, 46, line)] = '\0';
    assert_non_null(strstr(line, "\n                   "));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_escapes),
        cmocka_unit_test(test_json_is_bounded),
        cmocka_unit_test(test_long_value),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_width),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
