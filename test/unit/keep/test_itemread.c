#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keep/itemread.h"

#include "keep/itemjson.h"

#define SEED 7

/* Each line stands as it is written again: nothing is lost or changed on the way. */
static const char *const lines[] = {
    "{\"kind\":\"store\",\"version\":1,\"by\":\"godwit " GW_VERSION_TEXT "\"}",
    "{\"kind\":\"group\",\"filter\":\"$share/g/a/#\"}",
    "{\"kind\":\"session\",\"client_id\":\"c\",\"expiry\":\"never\",\"changed_ms\":0}",
    "{\"kind\":\"session\",\"client_id\":\"\xC3\xA4 "
    "\\\"\",\"expiry\":4294967294,\"changed_ms\":1700,"
    "\"online\":true,\"user\":\"u\",\"received\":[1,65535]}",
    "{\"kind\":\"will\",\"client_id\":\"c\",\"delay\":3,\"topic\":\"w\",\"message\":{\"qos\":2,"
    "\"retain\":true,\"expiry\":0,\"payload\":\"\"}}",
    "{\"kind\":\"subscription\",\"client_id\":\"c\",\"filter\":\"+/#\",\"qos\":0}",
    "{\"kind\":\"subscription\",\"client_id\":\"c\",\"filter\":\"a\",\"qos\":2,\"no_local\":true,"
    "\"retain_as_published\":true,\"id\":268435455}",
    "{\"kind\":\"unfinished\",\"had_sessions\":[\"c\",\"d\"],\"had_groups\":[\"$share/g/a\"],"
    "\"retained\":true,\"topic\":\"u\",\"message\":{\"qos\":1,\"received_ms\":1,\"origin\":255,"
    "\"payload\":\"x\"}}",
    "{\"kind\":\"unfinished\",\"had_groups\":[\"$share/g/"
    "a\"],\"topic\":\"u\",\"message\":{\"qos\":1,"
    "\"received_ms\":1,\"origin\":0,\"payload\":\"x\"}}",
    "{\"kind\":\"queued\",\"client_id\":\"c\",\"qos\":2,\"packet_id\":9,\"releasing\":true}",
    "{\"kind\":\"queued\",\"client_id\":\"c\",\"filter\":\"$share/g/a\",\"qos\":1,\"retain\":true,"
    "\"packet_id\":9,\"ids\":[1,2],\"topic\":\"t\",\"message\":{\"qos\":2,\"received_ms\":5,"
    "\"expiry\":60,\"publisher\":\"00000000000000ff\",\"author\":\"f:bob\",\"payload\":\"x\"}}",
    "{\"kind\":\"group_queued\",\"filter\":\"$share/g/a\",\"topic\":\"t\",\"message\":{\"qos\":1,"
    "\"received_ms\":5,\"payload_b64\":\"/wA=\"}}",
    "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"qos\":0,\"retain\":true,\"received_ms\":"
    "5,"
    "\"properties\":{\"payload-format-indicator\":1,\"content-type\":\"text\","
    "\"response-topic\":\"r\",\"correlation-data_b64\":\"/v8B\",\"user-properties\":[[\"a\",\"1\"],"
    "[\"a\",\"2\"],[\"\",\"\"]]},\"payload\":\"\\u0000\\u001f\"}}",
};

static void writes_again_what_it_read(void **state)
{
    struct gw_trouble trouble = {0};
    struct gw_itemread reader;
    struct gw_buf text;
    char memory[1024];
    (void)state;
    gw_itemread_init(&reader, SEED);
    gw_buf_init(&text, sizeof memory);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct gw_item item;
        size_t size = strlen(lines[i]);
        memcpy(memory, lines[i], size);
        if (gw_itemread_line(&reader, (uint8_t *)memory, size, &item, &trouble) != GW_OK)
            fail_msg("%s: %s", lines[i], trouble.text);
        gw_buf_clear(&text);
        assert_int_equal(gw_itemjson_write(&item, &text), GW_OK);
        assert_int_equal(text.data[text.size - 1], '\n');
        if (!gw_span_equal(gw_span_of(text.data, text.size - 1), gw_span_str(lines[i])))
            fail_msg("%s\nbecame %.*s", lines[i], GW_SPAN_FMT(gw_buf_span(&text)));
    }
    gw_buf_fini(&text);
    gw_itemread_fini(&reader);
}

static void refuses_what_no_client_could_have_sent(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"kind\":1}",
        "{\"kind\":\"store\"}",
        "{\"kind\":\"group\",\"filter\":\"$share/g\"}",
        "{\"kind\":\"group\",\"filter\":\"a/b\"}",
        "{\"kind\":\"session\",\"client_id\":\"\",\"expiry\":1}",
        "{\"kind\":\"session\",\"client_id\":\"a\\u0000\",\"expiry\":1}",
        "{\"kind\":\"session\",\"client_id\":\"c\",\"expiry\":0}",
        "{\"kind\":\"session\",\"client_id\":\"c\",\"expiry\":4294967296}",
        "{\"kind\":\"session\",\"client_id\":\"c\",\"expiry\":1,\"received\":[0]}",
        "{\"kind\":\"session\",\"client_id\":\"c\",\"expiry\":1,\"received\":[65536]}",
        "{\"kind\":\"session\",\"client_id\":\"c\",\"expiry\":1,\"online\":1}",
        "{\"kind\":\"subscription\",\"client_id\":\"c\",\"filter\":\"a/#/b\",\"qos\":1}",
        "{\"kind\":\"subscription\",\"client_id\":\"c\",\"filter\":\"a\",\"qos\":3}",
        "{\"kind\":\"subscription\",\"client_id\":\"c\",\"filter\":\"$share/g/"
        "a\",\"no_local\":true}",
        "{\"kind\":\"queued\",\"client_id\":\"c\",\"qos\":0,\"topic\":\"t\",\"message\":{}}",
        "{\"kind\":\"queued\",\"client_id\":\"c\",\"qos\":1,\"topic\":\"t\"}",
        "{\"kind\":\"queued\",\"client_id\":\"c\",\"qos\":1,\"releasing\":true,\"packet_id\":1}",
        "{\"kind\":\"queued\",\"client_id\":\"c\",\"qos\":2,\"releasing\":true}",
        "{\"kind\":\"queued\",\"client_id\":\"c\",\"qos\":1,\"ids\":[0],\"topic\":\"t\","
        "\"message\":{}}",
        "{\"kind\":\"retained\",\"topic\":\"\",\"message\":{\"payload\":\"x\"}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"payload\":1}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"payload_b64\":\"/w\"}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"payload\":\"x\",\"publisher\":\"1\"}"
        "}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"payload\":\"x\",\"properties\":[]}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"payload\":\"x\",\"properties\":"
        "{\"response-topic\":\"a/+\"}}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"payload\":\"x\",\"properties\":"
        "{\"user-properties\":[[\"a\"]]}}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"payload\":\"x\",\"properties\":"
        "{\"content-type\":\"a\",\"content-type\":\"b\"}}}",
    };
    struct gw_itemread reader;
    char memory[512];
    (void)state;
    gw_itemread_init(&reader, SEED);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct gw_trouble trouble = {0};
        struct gw_item item;
        size_t size = strlen(wrong[i]);
        memcpy(memory, wrong[i], size);
        if (gw_itemread_line(&reader, (uint8_t *)memory, size, &item, &trouble) != GW_INVALID)
            fail_msg("taken: %s", wrong[i]);
        assert_true(trouble.text[0] != '\0');
    }
    gw_itemread_fini(&reader);
}

static struct gw_item_key key_of(struct gw_itemread *reader, const char *line)
{
    struct gw_trouble trouble = {0};
    struct gw_item item;
    char memory[512];
    size_t size = strlen(line);
    memcpy(memory, line, size);
    assert_int_equal(gw_itemread_line(reader, (uint8_t *)memory, size, &item, &trouble), GW_OK);
    return item.key;
}

static void tells_messages_apart(void **state)
{
    static const char *const other[] = {
        "{\"kind\":\"retained\",\"topic\":\"u\",\"message\":{\"qos\":1,\"payload\":\"x\"}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"qos\":1,\"payload\":\"y\"}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"qos\":2,\"payload\":\"x\"}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"qos\":1,\"expiry\":0,\"payload\":"
        "\"x\"}}",
        "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"qos\":1,\"received_ms\":1,"
        "\"payload\":\"x\"}}",
    };
    struct gw_itemread reader;
    (void)state;
    gw_itemread_init(&reader, SEED);
    struct gw_item_key key =
        key_of(&reader, "{\"kind\":\"retained\",\"topic\":\"t\",\"message\":{\"qos\":1,\"payload\":"
                        "\"x\"}}");
    struct gw_item_key same =
        key_of(&reader, "{\"kind\":\"group_queued\",\"filter\":\"$share/g/t\",\"topic\":\"t\","
                        "\"message\":{\"qos\":1,\"payload_b64\":\"eA==\"}}");
    assert_memory_equal(&key, &same, sizeof key);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        same = key_of(&reader, other[i]);
        assert_memory_not_equal(&key, &same, sizeof key);
    }
    gw_itemread_fini(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_again_what_it_read),
        cmocka_unit_test(refuses_what_no_client_could_have_sent),
        cmocka_unit_test(tells_messages_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
