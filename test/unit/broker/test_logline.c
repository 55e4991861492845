#include "broker/logline.h"

#include <setjmp.h>
#include <stdarg.h>
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
        length = gw_logline_text(&event, true, line);
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
    line[gw_logline_text(&event, false, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 INFO  connected     id=\"cam 3\" user=b\xC3\xB6 e=\"\" "
                              "q=\"a\\\"\\x1b[1m\\n\\\\\" code=129 raw=\"\\xff\\x00\" "
                              "topic=\"a/b/#=\\xe2\\x80\\xae\"\n");
    event.field_count = 1;
    line[gw_logline_text(&event, true, line)] = '\0';
    assert_string_equal(line, "\x1B[2m12:03:44.512\x1B[0m \x1B[32mINFO \x1B[0m connected     "
                              "\x1B[2mid=\x1B[0m\"cam 3\"\n");
    event.level = GW_LOG_ERROR;
    event.field_count = 0;
    line[gw_logline_text(&event, false, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 ERROR connected\n");
    event.message = "a sentence that is longer";
    event.field_count = 1;
    line[gw_logline_journal(&event, line)] = '\0';
    assert_string_equal(line, "<3>a sentence that is longer event=client.connected id=\"cam 3\"\n");
    event.message = NULL;
    line[gw_logline_text(&event, false, line)] = '\0';
    assert_string_equal(line, "12:03:44.512 ERROR client.connected id=\"cam 3\"\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_escapes),
        cmocka_unit_test(test_json_is_bounded),
        cmocka_unit_test(test_long_value),
        cmocka_unit_test(test_text),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
