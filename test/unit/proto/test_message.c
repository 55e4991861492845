#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "proto/message.h"

#define S  GW_NS_PER_S
#define T0 (1000 * S)

static void expect_equal(const struct gw_message *a, const struct gw_message *b)
{
    assert_true(gw_span_equal(a->topic_name, b->topic_name));
    assert_true(gw_span_equal(a->props, b->props));
    assert_true(gw_span_equal(a->payload, b->payload));
    assert_true(a->received_at == b->received_at);
    assert_true(a->publisher == b->publisher);
    assert_true(a->topic_hash == b->topic_hash);
    assert_int_equal(a->author, b->author);
    assert_int_equal(a->expiry, b->expiry);
    assert_int_equal(a->has_expiry, b->has_expiry);
    assert_int_equal(a->retain, b->retain);
    assert_int_equal(a->qos, b->qos);
}

static void expect_inside(const struct gw_blob *blob, struct gw_span span)
{
    assert_true(span.data >= blob->data);
    assert_true(span.data + span.size <= blob->data + blob->size);
}

static const uint8_t large[70000] = {1, 2, 3};

static const struct gw_message messages[] = {
    {.topic_name = {(const uint8_t *)"a", 1}},
    {.topic_name = {(const uint8_t *)"a/b", 3}, .payload = {(const uint8_t *)"on", 2}, .qos = 1},
    {.topic_name = {(const uint8_t *)"a/b", 3},
     .props = {(const uint8_t *)"\x01\x01", 2},
     .payload = {(const uint8_t *)"x", 1},
     .received_at = UINT64_MAX - 1,
     .publisher = UINT64_MAX,
     .topic_hash = UINT64_MAX - 2,
     .author = GW_MESSAGE_AUTHORS - 1,
     .expiry = UINT32_MAX,
     .has_expiry = true,
     .retain = true,
     .qos = 2},
    {.topic_name = {large, 65535},
     .props = {large, sizeof(large)},
     .payload = {large, sizeof(large)},
     .received_at = 7,
     .has_expiry = true,
     .qos = 2},
    {.topic_name = {(const uint8_t *)"t", 1}, .props = {large, 3}, .expiry = 5},
};

static void what_is_kept_opens_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(messages); i++) {
        struct gw_message message = messages[i];
        assert_int_equal(gw_message_keep(&message), GW_OK);
        assert_non_null(message.blob);
        assert_int_equal(gw_blob_refs(message.blob), 1);
        expect_equal(&message, &messages[i]);
        expect_inside(message.blob, message.topic_name);
        expect_inside(message.blob, message.props);
        expect_inside(message.blob, message.payload);

        struct gw_message opened;
        gw_message_open(message.blob, &opened);
        expect_equal(&opened, &messages[i]);
        assert_ptr_equal(opened.blob, message.blob);
        assert_int_equal(gw_blob_refs(message.blob), 1); /* open takes no reference */
        assert_int_equal(gw_message_footprint(&message),
                         sizeof(struct gw_blob) + message.blob->size);
        assert_int_equal(gw_message_footprint(&messages[i]), gw_message_footprint(&message));
        gw_message_drop(&message);
        assert_null(message.blob);
    }
}

static void keeping_twice_keeps_once(void **state)
{
    (void)state;
    struct gw_message message = messages[1];
    assert_int_equal(gw_message_keep(&message), GW_OK);
    struct gw_blob *blob = message.blob;
    const uint8_t *topic = message.topic_name.data;
    assert_int_equal(gw_message_keep(&message), GW_OK);
    assert_ptr_equal(message.blob, blob);
    assert_ptr_equal(message.topic_name.data, topic);
    assert_int_equal(gw_blob_refs(blob), 1);
    gw_message_drop(&message);
    gw_message_drop(&message);
    message = messages[1];
    gw_message_drop(&message); /* was never kept */
}

#define FOREVER UINT32_MAX

/* Received at T0 with `expiry`; asked `after` later. */
static void expiry_arithmetic(void **state)
{
    (void)state;
    static const struct {
        uint32_t expiry;
        uint64_t after;
        bool expired;
        uint32_t left;
    } rows[] = {
        {0, 0, false, 0}, /* what is delivered at once still is */
        {0, 1, true, 0},
        {0, 5 * S, true, 0},
        {1, 0, false, 1},
        {1, S - 1, false, 1}, /* whole seconds count */
        {1, S, true, 0},
        {1, S + 1, true, 0},
        {10, 9 * S, false, 1},
        {10, 10 * S - 1, false, 1}, /* never 0 while it is alive */
        {10, 10 * S, true, 0},
        {10, UINT32_MAX * S, true, 0}, /* and never wraps around */
        {60, 30 * S + S / 2, false, 30},
        {FOREVER, 0, false, FOREVER},
        {FOREVER, 1 * S, false, FOREVER - 1},
        {FOREVER, (FOREVER - 1) * S, false, 1},
        {FOREVER, FOREVER * S, true, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_message message = {
            .received_at = T0, .expiry = rows[i].expiry, .has_expiry = true};
        gw_mono_ns now = T0 + rows[i].after;
        assert_int_equal(gw_message_expired(&message, now), rows[i].expired);
        assert_int_equal(gw_message_expiry_left(&message, now), rows[i].left);
        assert_true(gw_message_deadline(&message) == T0 + rows[i].expiry * S);
        message.has_expiry = false;
        assert_false(gw_message_expired(&message, now));
        assert_true(gw_message_deadline(&message) == GW_NEVER);
    }
}

/* A clock read before the message came (another loop's turn) harms nothing. */
static void a_clock_that_is_behind(void **state)
{
    (void)state;
    static const uint32_t expiries[] = {0, 1, UINT32_MAX};
    for (size_t i = 0; i < GW_COUNT_OF(expiries); i++) {
        struct gw_message message = {.received_at = T0, .expiry = expiries[i], .has_expiry = true};
        assert_false(gw_message_expired(&message, T0 - 1));
        assert_int_equal(gw_message_expiry_left(&message, 0), expiries[i]);
    }
}

static void a_deadline_saturates(void **state)
{
    (void)state;
    struct gw_message message = {
        .received_at = GW_NEVER - 10 * S, .expiry = UINT32_MAX, .has_expiry = true};
    assert_true(gw_message_deadline(&message) == GW_NEVER - 1);
    assert_false(gw_message_expired(&message, GW_NEVER - 5 * S));
    assert_int_equal(gw_message_expiry_left(&message, GW_NEVER - 5 * S), UINT32_MAX - 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_opens_as_it_was),
        cmocka_unit_test(keeping_twice_keeps_once),
        cmocka_unit_test(expiry_arithmetic),
        cmocka_unit_test(a_clock_that_is_behind),
        cmocka_unit_test(a_deadline_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
