/* -F and the forms without it. That they equal mosquitto's is held by test/e2e/test_tools.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cli/format.h"

#define WALL ((gw_wall_ns)1588803120 * (gw_wall_ns)GW_NS_PER_S + 5000007)

/* A message with every property that one can have. */
static struct gw_publish message(uint8_t memory[256])
{
    struct gw_publish m = {.qos = 1,
                           .retain = true,
                           .packet_id = 77,
                           .topic_name = GW_SPAN_LIT("a/b"),
                           .payload = GW_SPAN_LIT("xyzzy")};
    struct gw_props props = {.present = GW_PROP_BIT(CONTENT_TYPE) | GW_PROP_BIT(RESPONSE_TOPIC) |
                                        GW_PROP_BIT(CORRELATION_DATA) |
                                        GW_PROP_BIT(MESSAGE_EXPIRY) | GW_PROP_BIT(TOPIC_ALIAS) |
                                        GW_PROP_BIT(PAYLOAD_FORMAT) | GW_PROP_BIT(SUBSCRIPTION_ID),
                             .content_type = GW_SPAN_LIT("text"),
                             .response_topic = GW_SPAN_LIT("r/t"),
                             .correlation_data = GW_SPAN_LIT("\1\2"),
                             .message_expiry = 1000,
                             .topic_alias = 3,
                             .payload_format = 1,
                             .subscription_id = 7};
    struct gw_writer w = gw_writer_of(memory, 256);
    gw_props_encode(&w, &props);
    gw_props_write_user(&w, GW_SPAN_LIT("k"), GW_SPAN_LIT("v"));
    gw_props_write_user(&w, GW_SPAN_LIT("k"), GW_SPAN_LIT("w"));
    assert_false(w.overflow);
    m.props = props;
    m.props.raw = gw_span_of(memory + 1, gw_writer_size(&w) - 1); /* without the length */
    return m;
}

static void test_letters(void **state)
{
    static const struct {
        const char *format, *shown;
    } rows[] = {
        {"%t %p %q %r %l %m", "a/b xyzzy 1 1 5 77"},
        {"%x %X", "78797a7a79 78797A7A79"},
        {"%b", "eHl6enk="},
        {"%A|%C|%E|%F|%P|%R|%S|%D", "3|text|1000|1|k:v k:w|r/t|7|\1\2"},
        {"%5t|%-5t|%05t|%.2t|%4.1t|", "  a/b|a/b  |  a/b|a/|   a|"},
        {"%5l|%05l|%-5l|%-05l", "    5|00005|5    |5    "},
        {"%7p|%-7p|%07p|%3p", "  xyzzy|xyzzy  |00xyzzy|xyz"},
        {"%6x|%06x", "  7879|007879"},
        {"%.2:x|%.4 X|%.1:x", "78:79:7a:7a:79|7879 7A7A 79|7:8:7:9:7:a:7:a:7:9"},
        {"%16.2:x|%-16.2:x|", "  78:79:7a:7a:79|78:79:7a:7a:79  |"},
        {"100%%", "100%"},
        {"\\n\\t\\0\\\\", NULL},
        {"@Y-@m-@dT@H:@M:@S@z @@ @N", "2020-05-06T22:12:00+0000 @ 005000007"},
        {"%I %U", "2020-05-06T22:12:00+0000 1588803120.005000007"},
        {"", ""},
        {"%j", "{\"tst\":\"2020-05-06T22:12:00.005000Z+0000\",\"topic\":\"a/b\",\"qos\":1,"
               "\"retain\":1,\"payloadlen\":5,\"mid\":77,\"properties\":{"
               "\"payload-format-indicator\":1,\"message-expiry-interval\":1000,"
               "\"content-type\":\"text\",\"response-topic\":\"r/t\","
               "\"correlation-data\":\"\\u0001\\u0002\",\"subscription-identifier\":7,"
               "\"topic-alias\":3,\"user-properties\":{\"k\":\"v\",\"k\":\"w\"}},"
               "\"payload\":\"xyzzy\"}"},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        uint8_t memory[256];
        struct gw_options options;
        struct gw_buf buf;
        struct gw_publish m = message(memory);
        gw_options_init(&options, GW_TOOL_SUB);
        gw_buf_init(&buf, 4096);
        options.output.format = rows[i].format;
        options.output.no_newline = true;
        assert_int_equal(gw_format_check(&options), GW_OK);
        assert_int_equal(gw_format_message(&options, &m, WALL, &buf), GW_OK);
        struct gw_span wanted =
            rows[i].shown ? gw_span_str(rows[i].shown) : GW_SPAN_LIT("\n\t\0\\");
        if (!gw_span_equal(gw_buf_span(&buf), wanted))
            print_error("%s: %.*s\n", rows[i].format, GW_SPAN_FMT(gw_buf_span(&buf)));
        assert_true(gw_span_equal(gw_buf_span(&buf), wanted));
        gw_buf_fini(&buf);
    }
}

static void test_absent_properties(void **state)
{
    struct gw_options options;
    struct gw_buf buf;
    /* Fields of properties that are not there hold anything. */
    struct gw_publish m = {.topic_name = GW_SPAN_LIT("t"),
                           .props = {.content_type = GW_SPAN_LIT("stale"),
                                     .response_topic = GW_SPAN_LIT("stale"),
                                     .correlation_data = GW_SPAN_LIT("stale"),
                                     .message_expiry = 9}};
    (void)state;
    gw_options_init(&options, GW_TOOL_SUB);
    gw_buf_init(&buf, 4096);
    options.output.format = "%A|%C|%D|%E|%F|%P|%R|%S|%3C|%03E|%3S";
    assert_int_equal(gw_format_message(&options, &m, WALL, &buf), GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&buf), GW_SPAN_LIT("||||||||   |000|   \n")));
    gw_buf_fini(&buf);
}

static void test_refused_formats(void **state)
{
    static const char *const formats[] = {"%",   "%5", "x%-", "%k",  "%--l", "%0-l",
                                          "%5.", "@",  "\\",  "\\q", "%:x",  "%.2:p"};
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(formats); i++) {
        struct gw_options options;
        gw_options_init(&options, GW_TOOL_SUB);
        options.output.format = formats[i];
        assert_int_equal(gw_format_check(&options), GW_INVALID);
        assert_true(options.problem[0] != '\0');
    }
}

static void test_without_format(void **state)
{
    static const struct {
        bool verbose, no_newline;
        const char *payload, *shown;
    } rows[] = {
        {false, false, "x", "x\n"},  {false, false, "", ""},          {false, true, "x", "x"},
        {true, false, "x", "t x\n"}, {true, false, "", "t (null)\n"}, {true, true, "x", "t x"},
        {true, true, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_options options;
        struct gw_buf buf;
        struct gw_publish m = {.topic_name = GW_SPAN_LIT("t"),
                               .payload = gw_span_str(rows[i].payload)};
        gw_options_init(&options, GW_TOOL_SUB);
        gw_buf_init(&buf, 64);
        options.output.verbose = rows[i].verbose;
        options.output.no_newline = rows[i].no_newline;
        assert_int_equal(gw_format_message(&options, &m, WALL, &buf), GW_OK);
        assert_true(gw_span_equal(gw_buf_span(&buf), gw_span_str(rows[i].shown)));
        gw_buf_fini(&buf);
    }
}

static void test_payload_that_is_no_json(void **state)
{
    struct gw_options options;
    struct gw_buf buf;
    struct gw_publish m = {.topic_name = GW_SPAN_LIT("t"), .payload = GW_SPAN_LIT("{\"a\":")};
    (void)state;
    gw_options_init(&options, GW_TOOL_SUB);
    gw_buf_init(&buf, 4096);
    options.output.format = "%t %J %q";
    assert_int_equal(gw_format_message(&options, &m, WALL, &buf), GW_MALFORMED);
    assert_true(gw_span_equal(gw_buf_span(&buf), GW_SPAN_LIT("t  0\n")));
    gw_buf_fini(&buf);
}

static void test_json_keeps_bytes(void **state)
{
    const struct {
        bool json;
        struct gw_span payload;
        const char *end;
    } rows[] = {
        {true, GW_SPAN_LIT("\xFF\0\1"), "\"payloadlen\":3,\"payload_b64\":\"/wAB\"}\n"},
        {true, GW_SPAN_LIT("\xC3\xA9\0"), "\"payloadlen\":3,\"payload\":\"\xC3\xA9\\u0000\"}\n"},
        {false, GW_SPAN_LIT("\xFFz"), "\"payloadlen\":2,\"payload\":\"\xEF\xBF\xBDz\"}\n"},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_options options;
        struct gw_buf buf;
        struct gw_publish m = {.topic_name = GW_SPAN_LIT("t"), .payload = rows[i].payload};
        gw_options_init(&options, GW_TOOL_SUB);
        gw_buf_init(&buf, 4096);
        options.output.format = "%j";
        options.output.json = rows[i].json;
        assert_int_equal(gw_format_message(&options, &m, WALL, &buf), GW_OK);
        size_t size = strlen(rows[i].end);
        assert_true(buf.size > size);
        assert_memory_equal(buf.data + buf.size - size, rows[i].end, size);
        gw_buf_fini(&buf);
    }
}

static void test_bound(void **state)
{
    struct gw_options options;
    struct gw_buf buf;
    struct gw_publish m = {.topic_name = GW_SPAN_LIT("t"), .payload = GW_SPAN_LIT("0123456789")};
    (void)state;
    gw_options_init(&options, GW_TOOL_SUB);
    gw_buf_init(&buf, 8);
    assert_int_equal(gw_format_message(&options, &m, WALL, &buf), GW_NO_MEMORY);
    assert_int_equal(buf.size, 0);
    gw_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_absent_properties),
        cmocka_unit_test(test_refused_formats),
        cmocka_unit_test(test_without_format),
        cmocka_unit_test(test_payload_that_is_no_json),
        cmocka_unit_test(test_json_keeps_bytes),
        cmocka_unit_test(test_bound),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
