/*
 * test/unit/session: a durable outbox with its log, filled and emptied by texts; for the tests of
 * its rules.
 */
#ifndef GW_TEST_BOX_H
#define GW_TEST_BOX_H

#include <stdio.h>
#include <string.h>

#include "unit/session/consistent.h"
#include "unit/session/ledger.h"

#define S        GW_NS_PER_S
#define TEXT_MAX 1000

/* One durable outbox with its log; what went out is a text ("a1 b2! ", ! = DUP). */
struct box {
    struct ledger log;
    struct gw_outbox_host host;
    struct gw_outbox outbox;
    gw_mono_ns now;
    char text[TEXT_MAX];
    unsigned told;
    uint32_t told_order;
};

static inline void on_settled(void *user, struct gw_outbox *outbox, uint64_t share,
                              uint32_t group_order)
{
    struct box *box = user;
    assert_ptr_equal(outbox, &box->outbox);
    assert_int_equal(share, 5);
    box->told++;
    box->told_order = group_order;
}

static inline void open_box(struct box *box, uint16_t quota)
{
    *box = (struct box){.now = 100 * S};
    ledger_init(&box->log);
    gw_pool_init(&box->host.deliveries, sizeof(struct gw_delivery), 1000);
    box->host.on_settled = on_settled;
    box->host.user = box;
    box->host.ledger = &box->log.ledger;
    gw_outbox_init(&box->outbox);
    box->outbox.durable = true;
    gw_outbox_on_resume(&box->outbox, quota);
}

static inline void check(struct box *box)
{
    assert_true(consistent(&box->outbox));
    ledger_check(&box->log, &box->outbox, &box->host);
}

static inline void close_box(struct box *box)
{
    check(box);
    gw_outbox_fini(&box->outbox, &box->host);
    assert_int_equal(gw_outbox_bytes(&box->outbox), 0);
    gw_pool_fini(&box->host.deliveries);
    ledger_fini(&box->log);
}

/* The process ends; the log is all that there is. */
static inline void restart(struct box *box, uint16_t quota)
{
    uint32_t next_order = box->outbox.next_order;
    ledger_sync(&box->log);
    gw_outbox_fini(&box->outbox, &box->host);
    gw_outbox_init(&box->outbox);
    box->outbox.durable = true;
    assert_int_equal(ledger_restore(&box->log, &box->outbox, &box->host, next_order), GW_OK);
    gw_outbox_on_resume(&box->outbox, quota);
    check(box);
}

struct item {
    char name;
    uint8_t qos;
    bool unwritten; /* the message is not in the log */
    bool shared;
    uint32_t expiry;
    uint32_t ids;
    size_t size; /* of the payload */
};

static inline enum gw_status push_item(struct box *box, struct item item,
                                       const struct gw_outbox_limits *limits, uint32_t *ret_evicted)
{
    static const uint32_t ids[] = {11, 22, 33};
    static const uint8_t payload[100000];
    struct gw_message message = {
        .topic_name = gw_span_of(&item.name, 1),
        .payload = gw_span_of(payload, item.size),
        .received_at = box->now,
        .expiry = item.expiry,
        .has_expiry = item.expiry > 0,
        .qos = item.qos,
    };
    struct gw_delivery_options options = {.share = item.shared ? 5 : 0,
                                          .group_order = item.shared ? 77 : 0,
                                          .ids = ids,
                                          .id_count = item.ids,
                                          .qos = item.qos};
    if (!item.unwritten)
        assert_true(ledger_write(&box->log, &message));
    enum gw_status status =
        gw_outbox_push(&box->outbox, &box->host, &message, &options, limits, ret_evicted);
    gw_message_drop(&message);
    check(box);
    return status;
}

/* "a1b2": a with QoS 1, b with QoS 2; a capital's message is not in the log. */
static inline void push(struct box *box, const char *text)
{
    for (; *text; text += 2) {
        struct item item = {
            .name = text[0], .qos = (uint8_t)(text[1] - '0'), .unwritten = text[0] < 'a'};
        assert_int_equal(push_item(box, item, NULL, NULL), GW_OK);
    }
}

static inline void push_many(struct box *box, char name, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(push_item(box, (struct item){name, .qos = 1}, NULL, NULL), GW_OK);
}

static inline char name_of(const struct gw_blob *blob)
{
    struct gw_message message;
    gw_message_open((struct gw_blob *)(uintptr_t)blob, &message);
    return (char)message.topic_name.data[0];
}

static const char *pump(struct box *box)
{
    struct gw_delivery *next;
    char *at = box->text;
    *at = 0;
    while ((next = gw_outbox_next(&box->outbox, &box->host, box->now)) != NULL) {
        bool dup;
        check(box);
        assert_int_equal(gw_outbox_begin(&box->outbox, &box->host, next, &dup), GW_OK);
        assert_true(at + 8 < box->text + TEXT_MAX);
        at += snprintf(at, 8, "%c%u%s ", name_of(next->message), next->qos, dup ? "!" : "");
        gw_outbox_sent(&box->outbox, &box->host, next);
        check(box);
    }
    check(box);
    return box->text;
}

static inline gw_packet_id first_id(const struct gw_list *list)
{
    return GW_CONTAINER_CONST(list->next, struct gw_delivery, link)->packet_id;
}

#endif
