#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "session/outbox.h"
#include "unit/session/consistent.h"

#define S       GW_NS_PER_S
#define POOL    64
#define LOG_MAX 256

/* One outbox, the messages that went out as a text ("a1 b2! ", ! = DUP), the shares settled. */
struct box {
    struct gw_outbox_host host;
    struct gw_outbox outbox;
    gw_mono_ns now;
    char sent[LOG_MAX];
    unsigned settled[8];
};

static void on_settled(void *user, struct gw_outbox *outbox, uint64_t share, uint32_t group_order)
{
    struct box *box = user;
    (void)group_order;
    assert_ptr_equal(outbox, &box->outbox);
    assert_in_range(share, 1, 7);
    box->settled[share]++;
}

static void open_box(struct box *box, uint16_t quota)
{
    *box = (struct box){.now = 100 * S};
    gw_pool_init(&box->host.deliveries, sizeof(struct gw_delivery), POOL);
    box->host.on_settled = on_settled;
    box->host.user = box;
    gw_outbox_init(&box->outbox);
    gw_outbox_on_resume(&box->outbox, quota);
}

static void close_box(struct box *box)
{
    assert_true(consistent(&box->outbox));
    gw_outbox_fini(&box->outbox, &box->host);
    assert_true(consistent(&box->outbox));
    assert_int_equal(gw_outbox_bytes(&box->outbox), 0);
    assert_int_equal(box->host.deliveries.live, 0);
    gw_pool_fini(&box->host.deliveries);
}

/* One message: its topic name is one letter. */
struct item {
    char name;
    uint8_t qos;
    uint8_t share;
    uint32_t expiry; /* seconds, 0 = none */
    uint32_t ids;    /* how many subscription identifiers */
};

static enum gw_status push_item(struct box *box, struct item item,
                                const struct gw_outbox_limits *limits, uint32_t *ret_evicted)
{
    static const uint32_t ids[] = {11, 22, 33, 44};
    struct gw_message message = {
        .topic_name = gw_span_of(&item.name, 1),
        .received_at = box->now,
        .expiry = item.expiry,
        .has_expiry = item.expiry > 0,
        .qos = item.qos,
    };
    struct gw_delivery_options options = {
        .share = item.share, .ids = ids, .id_count = item.ids, .qos = item.qos};
    assert_true(item.ids <= GW_COUNT_OF(ids));
    enum gw_status status =
        gw_outbox_push(&box->outbox, &box->host, &message, &options, limits, ret_evicted);
    gw_message_drop(&message);
    assert_true(consistent(&box->outbox));
    return status;
}

/* Pushes what a text says: "a1b2" is a with QoS 1, b with QoS 2. */
static void push(struct box *box, const char *text)
{
    for (; *text; text += 2) {
        struct item item = {.name = text[0], .qos = (uint8_t)(text[1] - '0')};
        assert_int_equal(push_item(box, item, NULL, NULL), GW_OK);
    }
}

static char name_of(const struct gw_delivery *delivery)
{
    struct gw_message message;
    if (!delivery->message)
        return '?';
    gw_message_open(delivery->message, &message);
    return (char)message.topic_name.data[0];
}

/* Sends what can be sent; what went out is in box->sent. */
static const char *pump(struct box *box)
{
    struct gw_delivery *next;
    char *at = box->sent;
    *at = 0;
    while ((next = gw_outbox_next(&box->outbox, &box->host, box->now)) != NULL) {
        bool dup;
        assert_int_equal(gw_outbox_begin(&box->outbox, &box->host, next, &dup), GW_OK);
        assert_int_equal(next->packet_id != 0, next->qos > 0);
        assert_true(at + 8 < box->sent + LOG_MAX);
        at += snprintf(at, 8, "%c%u%s ", name_of(next), next->qos, dup ? "!" : "");
        gw_outbox_sent(&box->outbox, &box->host, next);
        assert_true(consistent(&box->outbox));
    }
    assert_true(consistent(&box->outbox));
    return box->sent;
}

/* The members of a list as a text; '?' for those whose payload is gone. */
static const char *list_text(const struct gw_list *head, char memory[LOG_MAX])
{
    size_t size = 0;
    for (const struct gw_list *link = head->next; link != head; link = link->next)
        memory[size++] = name_of(GW_CONTAINER_CONST(link, struct gw_delivery, link));
    memory[size] = 0;
    return memory;
}

static void expect_list(const struct gw_list *head, const char *text)
{
    char memory[LOG_MAX];
    assert_string_equal(list_text(head, memory), text);
}

/* -- the states of an identifier (sender's table of the QoS flows) -- */

enum state { UNKNOWN, WAIT_PUBACK, WAIT_PUBREC, WAIT_PUBCOMP, AGAIN_1, AGAIN_2, RELEASE_AGAIN };
enum event { PUBACK, PUBREC, PUBREC_REFUSED, PUBCOMP };

static enum gw_status answer(struct box *box, enum event event, gw_packet_id id)
{
    enum gw_status status = GW_OK;
    switch (event) {
    case PUBACK: status = gw_outbox_on_puback(&box->outbox, &box->host, id); break;
    case PUBREC: status = gw_outbox_on_pubrec(&box->outbox, &box->host, id, false); break;
    case PUBREC_REFUSED: status = gw_outbox_on_pubrec(&box->outbox, &box->host, id, true); break;
    case PUBCOMP: status = gw_outbox_on_pubcomp(&box->outbox, &box->host, id); break;
    }
    assert_true(consistent(&box->outbox));
    return status;
}

/* Brings identifier 1 into a state. */
static void bring(struct box *box, enum state state)
{
    if (state == UNKNOWN)
        return;
    push(box, state == WAIT_PUBACK || state == AGAIN_1 ? "a1" : "a2");
    pump(box);
    if (state == WAIT_PUBCOMP || state == RELEASE_AGAIN)
        assert_int_equal(answer(box, PUBREC, 1), GW_OK);
    if (state >= AGAIN_1)
        gw_outbox_on_resume(&box->outbox, 3);
}

static enum state state_of(const struct box *box, gw_packet_id id)
{
    const struct gw_delivery *delivery = gw_window_get(&box->outbox.window, id);
    if (!delivery)
        return UNKNOWN;
    if (delivery->releasing)
        return delivery->counted ? WAIT_PUBCOMP : RELEASE_AGAIN;
    if (!delivery->counted)
        return delivery->qos == 1 ? AGAIN_1 : AGAIN_2;
    return delivery->qos == 1 ? WAIT_PUBACK : WAIT_PUBREC;
}

static void every_state_meets_every_answer(void **unused)
{
    (void)unused;
    static const struct {
        enum state from;
        enum event event;
        enum gw_status status;
        enum state to;
        uint16_t quota; /* of 3, afterwards */
    } rows[] = {
        {UNKNOWN, PUBACK, GW_NOT_FOUND, UNKNOWN, 3},
        {UNKNOWN, PUBREC, GW_NOT_FOUND, UNKNOWN, 3},
        {UNKNOWN, PUBREC_REFUSED, GW_NOT_FOUND, UNKNOWN, 3},
        {UNKNOWN, PUBCOMP, GW_NOT_FOUND, UNKNOWN, 3},
        {WAIT_PUBACK, PUBACK, GW_OK, UNKNOWN, 3},
        {WAIT_PUBACK, PUBREC, GW_PROTOCOL, WAIT_PUBACK, 2},
        {WAIT_PUBACK, PUBREC_REFUSED, GW_PROTOCOL, WAIT_PUBACK, 2},
        {WAIT_PUBACK, PUBCOMP, GW_PROTOCOL, WAIT_PUBACK, 2},
        {WAIT_PUBREC, PUBACK, GW_PROTOCOL, WAIT_PUBREC, 2},
        {WAIT_PUBREC, PUBREC, GW_OK, WAIT_PUBCOMP, 2}, /* the slot is held until PUBCOMP */
        {WAIT_PUBREC, PUBREC_REFUSED, GW_OK, UNKNOWN, 3},
        {WAIT_PUBREC, PUBCOMP, GW_PROTOCOL, WAIT_PUBREC, 2},
        {WAIT_PUBCOMP, PUBACK, GW_PROTOCOL, WAIT_PUBCOMP, 2},
        {WAIT_PUBCOMP, PUBREC, GW_OK, WAIT_PUBCOMP, 2}, /* a duplicate: PUBREL again */
        {WAIT_PUBCOMP, PUBREC_REFUSED, GW_OK, WAIT_PUBCOMP, 2},
        {WAIT_PUBCOMP, PUBCOMP, GW_OK, UNKNOWN, 3},
        {AGAIN_1, PUBACK, GW_NOT_FOUND, AGAIN_1, 3}, /* this connection has not sent it yet */
        {AGAIN_1, PUBREC, GW_NOT_FOUND, AGAIN_1, 3},
        {AGAIN_2, PUBREC, GW_NOT_FOUND, AGAIN_2, 3},
        {AGAIN_2, PUBREC_REFUSED, GW_NOT_FOUND, AGAIN_2, 3},
        {AGAIN_2, PUBCOMP, GW_NOT_FOUND, AGAIN_2, 3},
        {RELEASE_AGAIN, PUBACK, GW_PROTOCOL, RELEASE_AGAIN, 3},
        {RELEASE_AGAIN, PUBREC, GW_OK, RELEASE_AGAIN, 3},
        {RELEASE_AGAIN, PUBCOMP, GW_OK, UNKNOWN, 3},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        open_box(&box, 3);
        bring(&box, rows[i].from);
        assert_int_equal(state_of(&box, 1), rows[i].from);
        assert_int_equal(answer(&box, rows[i].event, 1), rows[i].status);
        assert_int_equal(state_of(&box, 1), rows[i].to);
        assert_int_equal(box.outbox.window.quota, rows[i].quota);
        assert_int_equal(answer(&box, rows[i].event, 0), GW_NOT_FOUND);
        assert_int_equal(answer(&box, rows[i].event, 5), GW_NOT_FOUND);
        close_box(&box);
    }
}

static void the_payload_goes_with_pubrec(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 3);
    struct gw_message message = {.topic_name = GW_SPAN_LIT("a")};
    uint32_t ids[] = {1, 2, 3};
    struct gw_delivery_options options = {.ids = ids, .id_count = 3, .qos = 2};
    assert_int_equal(gw_outbox_push(&box.outbox, &box.host, &message, &options, NULL, NULL), GW_OK);
    pump(&box);
    assert_int_equal(gw_blob_refs(message.blob), 2);
    size_t before = gw_outbox_bytes(&box.outbox);
    assert_int_equal(answer(&box, PUBREC, 1), GW_OK);
    assert_int_equal(gw_blob_refs(message.blob), 1);
    assert_true(gw_outbox_bytes(&box.outbox) < before);
    expect_list(&box.outbox.releasing, "?");
    assert_int_equal(answer(&box, PUBCOMP, 1), GW_OK);
    gw_message_drop(&message);
    close_box(&box);
}

/* -- order and quota -- */

static void goes_out_in_the_order_of_arrival(void **unused)
{
    (void)unused;
    static const struct {
        uint16_t quota;
        const char *pushed, *sent, *left;
    } rows[] = {
        {9, "a0b1c2d0", "a0 b1 c2 d0 ", ""},
        {1, "a0b1c0d1e0", "a0 b1 c0 ", "de"}, /* QoS 0 does not overtake */
        {2, "a2b1c1d0", "a2 b1 ", "cd"},
        {0, "a0b0c1d0", "a0 b0 ", "cd"},
        {0, "a0b0", "a0 b0 ", ""},
        {65535, "a1a1a2a0", "a1 a1 a2 a0 ", ""},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        open_box(&box, rows[i].quota);
        push(&box, rows[i].pushed);
        assert_string_equal(pump(&box), rows[i].sent);
        expect_list(&box.outbox.queued, rows[i].left);
        assert_string_equal(pump(&box), "");
        close_box(&box);
    }
}

static void an_answer_makes_room_for_the_next(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 2);
    push(&box, "a1b2c1d2e1");
    assert_string_equal(pump(&box), "a1 b2 ");
    assert_int_equal(answer(&box, PUBREC, 2), GW_OK);
    assert_string_equal(pump(&box), "");
    assert_int_equal(answer(&box, PUBCOMP, 2), GW_OK);
    assert_string_equal(pump(&box), "c1 ");
    assert_int_equal(answer(&box, PUBACK, 3), GW_OK); /* not in the order of sending */
    assert_string_equal(pump(&box), "d2 ");
    assert_int_equal(answer(&box, PUBREC_REFUSED, 4), GW_OK);
    assert_string_equal(pump(&box), "e1 ");
    assert_int_equal(answer(&box, PUBACK, 1), GW_OK);
    assert_int_equal(answer(&box, PUBACK, 6), GW_OK); /* 5 would share a slot with 1 */
    assert_int_equal(box.outbox.window.quota, 2);
    assert_int_equal(box.outbox.flight_count, 0);
    close_box(&box);
}

static void begin_without_quota_leaves_no_trace(void **unused)
{
    (void)unused;
    struct box box;
    bool dup = true;
    open_box(&box, 0);
    push(&box, "a1");
    struct gw_delivery *delivery = GW_CONTAINER(box.outbox.queued.next, struct gw_delivery, link);
    assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, delivery, &dup), GW_LIMIT);
    assert_int_equal(delivery->packet_id, 0);
    gw_outbox_on_resume(&box.outbox, 1);
    assert_string_equal(pump(&box), "a1 "); /* no DUP: it was never sent */
    close_box(&box);
}

/* -- a new connection -- */

static void resume_sends_again_in_order(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    push(&box, "a1b2c1d2e2f0g1");
    pump(&box);
    push(&box, "h1i0");
    assert_int_equal(answer(&box, PUBREC, 5), GW_OK); /* e */
    assert_int_equal(answer(&box, PUBREC, 2), GW_OK); /* b */
    assert_int_equal(answer(&box, PUBACK, 3), GW_OK); /* c */
    gw_outbox_on_resume(&box.outbox, 9);
    assert_true(consistent(&box.outbox));
    expect_list(&box.outbox.queued, "adghi");
    expect_list(&box.outbox.in_flight, "");
    struct gw_list *first = box.outbox.releasing.next; /* PUBREL in the order of PUBREC */
    assert_int_equal(GW_CONTAINER(first, struct gw_delivery, link)->packet_id, 5);
    assert_int_equal(GW_CONTAINER(first->next, struct gw_delivery, link)->packet_id, 2);
    assert_string_equal(pump(&box), "a1! d2! g1! h1 i0 ");
    assert_int_equal(answer(&box, PUBACK, 1), GW_OK); /* with the identifier it had */
    assert_int_equal(answer(&box, PUBREC, 4), GW_OK);
    assert_int_equal(box.outbox.window.quota, 6);
    assert_int_equal(answer(&box, PUBCOMP, 5), GW_OK); /* took nothing from this quota */
    assert_int_equal(box.outbox.window.quota, 6);
    assert_int_equal(answer(&box, PUBCOMP, 4), GW_OK);
    assert_int_equal(box.outbox.window.quota, 7);
    close_box(&box);
}

static void resume_with_a_smaller_quota(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    push(&box, "a1b1c2d1e1");
    pump(&box);
    push(&box, "f1");
    gw_outbox_on_resume(&box.outbox, 2);
    assert_string_equal(pump(&box), "a1! b1! ");
    assert_int_equal(answer(&box, PUBACK, 4), GW_NOT_FOUND); /* d waits to be sent again */
    assert_int_equal(answer(&box, PUBACK, 2), GW_OK);
    assert_string_equal(pump(&box), "c2! ");
    gw_outbox_on_resume(&box.outbox, 1); /* and again, in the middle of it */
    expect_list(&box.outbox.queued, "acdef");
    assert_string_equal(pump(&box), "a1! ");
    assert_int_equal(answer(&box, PUBACK, 1), GW_OK);
    gw_outbox_on_resume(&box.outbox, 9);
    assert_string_equal(pump(&box), "c2! d1! e1! f1 ");
    close_box(&box);
}

/* The connection ended after an identifier was given and before the packet was out. */
static void resume_after_an_end_in_the_middle_of_sending(void **unused)
{
    (void)unused;
    struct box box;
    bool dup;
    open_box(&box, 5);
    push(&box, "a1b1c1");
    struct gw_delivery *a = gw_outbox_next(&box.outbox, &box.host, box.now);
    assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, a, &dup), GW_OK);
    assert_false(dup);
    gw_outbox_sent(&box.outbox, &box.host, a);
    struct gw_delivery *b = gw_outbox_next(&box.outbox, &box.host, box.now);
    assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, b, &dup), GW_OK);
    gw_outbox_on_resume(&box.outbox, 5);
    assert_true(consistent(&box.outbox));
    assert_int_equal(box.outbox.window.quota, 5);
    assert_int_equal(answer(&box, PUBACK, b->packet_id), GW_NOT_FOUND);
    assert_string_equal(pump(&box), "a1! b1! c1 ");
    close_box(&box);
}

static void identifiers_in_use_are_not_given_out_again(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 65535);
    push(&box, "a1b2");
    pump(&box);
    assert_int_equal(answer(&box, PUBREC, 2), GW_OK);
    for (unsigned i = 0; i < 140000; i++) {
        push(&box, "c1");
        struct gw_delivery *next = gw_outbox_next(&box.outbox, &box.host, box.now);
        bool dup;
        assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, next, &dup), GW_OK);
        gw_packet_id id = next->packet_id;
        assert_true(id != 1 && id != 2);
        gw_outbox_sent(&box.outbox, &box.host, next);
        assert_int_equal(gw_outbox_on_puback(&box.outbox, &box.host, id), GW_OK);
    }
    assert_int_equal(state_of(&box, 1), WAIT_PUBACK);
    assert_int_equal(state_of(&box, 2), WAIT_PUBCOMP);
    close_box(&box);
}

/* -- limits of the queue -- */

#define ONE (sizeof(struct gw_delivery) + sizeof(struct gw_blob) + 40 + 1) /* cost of a letter */

static void drops_by_policy_at_its_limits(void **unused)
{
    (void)unused;
    static const enum gw_outbox_policy newest = GW_OUTBOX_DROP_NEWEST,
                                       oldest = GW_OUTBOX_DROP_OLDEST;
    static const struct {
        enum gw_outbox_policy policy;
        uint32_t messages_max;
        size_t bytes_max;
        const char *sent_before, *pushed, *kept;
        uint32_t evicted, refused;
    } rows[] = {
        {newest, 3, 99 * ONE, "", "abc", "abc", 0, 0},
        {newest, 3, 99 * ONE, "", "abcde", "abc", 0, 2},
        {oldest, 3, 99 * ONE, "", "abcde", "cde", 2, 0},
        {newest, 99, 3 * ONE, "", "abcd", "abc", 0, 1},
        {newest, 99, 4 * ONE - 1, "", "abcd", "abc", 0, 1},
        {oldest, 99, 3 * ONE, "", "abcd", "bcd", 1, 0},
        {oldest, 99, 3 * ONE - 1, "", "abcd", "cd", 2, 0},
        {newest, 0, 0, "", "ab", "a", 0, 1}, /* one always passes */
        {oldest, 0, 0, "", "abc", "c", 2, 0},
        {newest, 1, 1, "", "ab", "a", 0, 1},
        /* what is to be sent again is never dropped */
        {oldest, 3, 99 * ONE, "xy", "abc", "xyc", 2, 0},
        {oldest, 2, 99 * ONE, "xy", "ab", "xy", 0, 2},
        {newest, 2, 99 * ONE, "xy", "ab", "xy", 0, 2},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        struct gw_outbox_limits limits = {rows[i].bytes_max, rows[i].messages_max, rows[i].policy,
                                          0};
        open_box(&box, 9);
        for (const char *c = rows[i].sent_before; *c; c++)
            assert_int_equal(push_item(&box, (struct item){*c, .qos = 1}, NULL, NULL), GW_OK);
        pump(&box);
        gw_outbox_on_resume(&box.outbox, 9);
        uint32_t evicted = 0, refused = 0;
        for (const char *c = rows[i].pushed; *c; c++) {
            enum gw_status status = push_item(&box, (struct item){*c, .qos = 1}, &limits, &evicted);
            assert_true(status == GW_OK || status == GW_LIMIT);
            refused += status != GW_OK;
        }
        expect_list(&box.outbox.queued, rows[i].kept);
        assert_int_equal(evicted, rows[i].evicted);
        assert_int_equal(refused, rows[i].refused);
        assert_int_equal(box.outbox.dropped, evicted + refused);
        close_box(&box);
    }
}

static void what_has_expired_makes_room(void **unused)
{
    (void)unused;
    struct box box;
    struct gw_outbox_limits limits = {99 * ONE, 3, GW_OUTBOX_DROP_NEWEST, 0};
    uint32_t evicted = 0;
    open_box(&box, 9);
    for (const char *c = "abc"; *c; c++) {
        struct item item = {*c, .qos = 1, .expiry = *c == 'c' ? 9 : 2};
        assert_int_equal(push_item(&box, item, &limits, &evicted), GW_OK);
    }
    limits.now = box.now += 3 * S;
    assert_int_equal(push_item(&box, (struct item){'d', .qos = 1}, &limits, &evicted), GW_OK);
    expect_list(&box.outbox.queued, "bcd");
    assert_int_equal(push_item(&box, (struct item){'e', .qos = 1}, &limits, &evicted), GW_OK);
    expect_list(&box.outbox.queued, "cde");
    assert_int_equal(evicted, 2);
    assert_int_equal(push_item(&box, (struct item){'f', .qos = 1}, &limits, &evicted), GW_LIMIT);
    expect_list(&box.outbox.queued, "cde");
    close_box(&box);
}

static void subscription_identifiers_count_too(void **unused)
{
    (void)unused;
    struct box box;
    size_t with_ids = ONE + sizeof(struct gw_blob) + 4 * sizeof(uint32_t);
    struct gw_outbox_limits limits = {2 * with_ids, 99, GW_OUTBOX_DROP_NEWEST, 0};
    open_box(&box, 0);
    assert_int_equal(push_item(&box, (struct item){'a', .ids = 4}, &limits, NULL), GW_OK);
    assert_int_equal(box.outbox.queued_bytes, with_ids);
    assert_int_equal(push_item(&box, (struct item){'b', .ids = 1}, &limits, NULL), GW_OK);
    assert_int_equal(box.outbox.queued_bytes, with_ids + ONE);
    assert_int_equal(push_item(&box, (struct item){'c', .ids = 4}, &limits, NULL), GW_LIMIT);
    assert_true(box.outbox.queued_bytes <= limits.bytes_max);
    const struct gw_delivery *a = GW_CONTAINER(box.outbox.queued.next, struct gw_delivery, link);
    const struct gw_delivery *b = GW_CONTAINER(a->link.next, struct gw_delivery, link);
    static const uint32_t ids[] = {11, 22, 33, 44};
    assert_int_equal(a->ids->size, sizeof(ids));
    assert_memory_equal(a->ids->data, ids, sizeof(ids));
    assert_int_equal(b->id, 11);
    assert_null(b->ids);
    close_box(&box);
}

/* -- memory is out -- */

static void a_push_without_memory_changes_nothing(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    box.host.deliveries.objects_max = 2;
    push(&box, "a1b1");
    size_t bytes = gw_outbox_bytes(&box.outbox);
    assert_int_equal(push_item(&box, (struct item){'c', .qos = 1}, NULL, NULL), GW_NO_MEMORY);
    struct gw_message message = {.topic_name = GW_SPAN_LIT("d")};
    struct gw_delivery_options options = {.qos = 1};
    assert_int_equal(gw_outbox_push(&box.outbox, &box.host, &message, &options, NULL, NULL),
                     GW_NO_MEMORY);
    assert_int_equal(gw_blob_refs(message.blob), 1); /* the caller's own */
    gw_message_drop(&message);
    message.payload = gw_span_of("", SIZE_MAX / 4); /* nobody has that much */
    assert_int_equal(gw_outbox_push(&box.outbox, &box.host, &message, &options, NULL, NULL),
                     GW_NO_MEMORY);
    assert_null(message.blob);
    assert_int_equal(gw_outbox_bytes(&box.outbox), bytes);
    assert_int_equal(box.outbox.queued_count, 2);
    assert_string_equal(pump(&box), "a1 b1 ");
    assert_int_equal(answer(&box, PUBACK, 1), GW_OK);
    assert_int_equal(push_item(&box, (struct item){'e', .qos = 1}, NULL, NULL), GW_OK);
    close_box(&box);
}

/* -- expiry -- */

static void expired_ones_are_dropped_unless_they_were_sent(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 2);
    const struct item items[] = {
        {'a', .qos = 1, .expiry = 5}, {'b', .qos = 2, .expiry = 5}, {'c', .qos = 1, .expiry = 5},
        {'d', .qos = 0, .expiry = 5}, {'e', .qos = 1, .expiry = 9}, {'f', .qos = 1},
    };
    for (size_t i = 0; i < GW_COUNT_OF(items); i++)
        assert_int_equal(push_item(&box, items[i], NULL, NULL), GW_OK);
    assert_string_equal(pump(&box), "a1 b2 ");
    box.now += 5 * S;
    assert_string_equal(pump(&box), ""); /* the quota is used up; c and d go all the same */
    expect_list(&box.outbox.queued, "ef");
    assert_int_equal(box.outbox.dropped, 2);
    gw_outbox_on_resume(&box.outbox, 9);
    assert_string_equal(pump(&box), "a1! b2! e1 f1 "); /* MQTT-4.3.3-7 */
    assert_int_equal(answer(&box, PUBREC, 2), GW_OK);
    assert_int_equal(answer(&box, PUBCOMP, 2), GW_OK);
    close_box(&box);
}

/* -- skipping -- */

static void skip_treats_it_as_delivered(void **unused)
{
    (void)unused;
    struct box box;
    bool dup;
    open_box(&box, 2);
    push(&box, "a1b0c2");
    for (int i = 0; i < 3; i++) {
        struct gw_delivery *next = gw_outbox_next(&box.outbox, &box.host, box.now);
        assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, next, &dup), GW_OK);
        gw_outbox_skip(&box.outbox, &box.host, next);
        assert_true(consistent(&box.outbox));
        assert_int_equal(box.outbox.window.quota, 2);
    }
    assert_int_equal(box.outbox.window.count, 0);
    assert_int_equal(box.outbox.dropped, 3);
    push(&box, "d1"); /* the same for one that was sent on an older connection */
    pump(&box);
    gw_outbox_on_resume(&box.outbox, 1);
    struct gw_delivery *next = gw_outbox_next(&box.outbox, &box.host, box.now);
    assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, next, &dup), GW_OK);
    assert_true(dup);
    gw_outbox_skip(&box.outbox, &box.host, next);
    assert_true(consistent(&box.outbox));
    assert_int_equal(box.outbox.window.quota, 1);
    assert_int_equal(gw_outbox_bytes(&box.outbox), 0);
    close_box(&box);
}

/* -- shared groups -- */

static void push_shared(struct box *box, char name, uint8_t qos, uint8_t share)
{
    struct item item = {name, .qos = qos, .share = share, .expiry = 50};
    assert_int_equal(push_item(box, item, NULL, NULL), GW_OK);
}

enum ending { ACKED, REFUSED, COMPLETED, EXPIRED, EVICTED, SKIPPED, TAKEN, ENDED };

static void end_by(struct box *box, enum ending ending, uint8_t qos)
{
    struct gw_outbox_limits one = {SIZE_MAX, 1, GW_OUTBOX_DROP_OLDEST, 0};
    struct gw_list taken;
    struct gw_delivery *next;
    bool dup;
    switch (ending) {
    case ACKED:
        pump(box);
        assert_int_equal(answer(box, PUBACK, 1), GW_OK);
        assert_int_equal(answer(box, PUBACK, 1), GW_NOT_FOUND);
        break;
    case REFUSED:
        pump(box);
        assert_int_equal(answer(box, PUBREC_REFUSED, 1), GW_OK);
        break;
    case COMPLETED:
        pump(box);
        assert_int_equal(answer(box, PUBREC, 1), GW_OK);
        assert_int_equal(answer(box, PUBREC, 1), GW_OK);
        gw_outbox_on_resume(&box->outbox, 3);
        assert_int_equal(box->settled[1], 0);
        assert_int_equal(answer(box, PUBCOMP, 1), GW_OK);
        break;
    case EXPIRED:
        box->now += 60 * S;
        assert_string_equal(pump(box), "");
        break;
    case EVICTED:
        assert_int_equal(push_item(box, (struct item){'z', .qos = 1}, &one, NULL), GW_OK);
        break;
    case SKIPPED:
        next = gw_outbox_next(&box->outbox, &box->host, box->now);
        assert_int_equal(gw_outbox_begin(&box->outbox, &box->host, next, &dup), GW_OK);
        gw_outbox_skip(&box->outbox, &box->host, next);
        break;
    case TAKEN:
        if (qos == 1)
            pump(box);
        gw_list_init(&taken);
        gw_outbox_take_shared(&box->outbox, &box->host, &taken);
        gw_outbox_release(&box->host,
                          GW_CONTAINER(gw_list_pop_front(&taken), struct gw_delivery, link));
        assert_true(gw_list_empty(&taken));
        break;
    case ENDED: pump(box); break;
    }
}

/* However a delivery of a group ends, its group hears it once; what goes back to the group or ends
 * with its session is the group's own business. */
static void each_shared_delivery_settles_once(void **unused)
{
    (void)unused;
    static const struct {
        enum ending ending;
        uint8_t qos;
        unsigned settled;
    } rows[] = {
        {ACKED, 1, 1},   {REFUSED, 2, 1}, {COMPLETED, 2, 1}, {EXPIRED, 0, 0}, {EXPIRED, 1, 1},
        {EXPIRED, 2, 1}, {EVICTED, 0, 0}, {EVICTED, 1, 1},   {EVICTED, 2, 1}, {SKIPPED, 0, 0},
        {SKIPPED, 1, 1}, {SKIPPED, 2, 1}, {TAKEN, 0, 0},     {TAKEN, 1, 0},   {TAKEN, 2, 0},
        {ENDED, 0, 0},   {ENDED, 1, 0},   {ENDED, 2, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        open_box(&box, 3);
        push_shared(&box, 'a', rows[i].qos, 1);
        end_by(&box, rows[i].ending, rows[i].qos);
        assert_int_equal(box.settled[1], rows[i].settled);
        close_box(&box);
        assert_int_equal(box.settled[1], rows[i].settled);
    }
}

static void take_shared_leaves_what_is_bound(void **unused)
{
    (void)unused;
    struct box box;
    struct gw_list taken;
    open_box(&box, 6);
    push_shared(&box, 'a', 1, 1);
    push_shared(&box, 'b', 2, 2); /* QoS 2 that was sent stays with its member */
    push(&box, "c1d2");           /* not shared */
    push_shared(&box, 'e', 1, 3);
    push_shared(&box, 'f', 2, 2);
    pump(&box);
    assert_int_equal(answer(&box, PUBREC, 6), GW_OK); /* f is being released */
    push_shared(&box, 'g', 0, 4);
    push(&box, "h1");
    push_shared(&box, 'i', 2, 5);
    push_shared(&box, 'j', 1, 6);
    gw_list_init(&taken);
    gw_outbox_take_shared(&box.outbox, &box.host, &taken);
    assert_true(consistent(&box.outbox));
    expect_list(&taken, "aegij");
    expect_list(&box.outbox.in_flight, "bcd");
    expect_list(&box.outbox.queued, "h");
    expect_list(&box.outbox.releasing, "?");
    assert_int_equal(box.outbox.window.count, 4);
    for (struct gw_list *link; (link = gw_list_pop_front(&taken)) != NULL;)
        gw_outbox_release(&box.host, GW_CONTAINER(link, struct gw_delivery, link));
    gw_outbox_on_resume(&box.outbox, 9);
    assert_string_equal(pump(&box), "b2! c1! d2! h1 ");
    close_box(&box);
    for (size_t share = 0; share < GW_COUNT_OF(box.settled); share++)
        assert_int_equal(box.settled[share], 0);
}

/* What waits to be sent again: QoS 1 goes back to its group, QoS 2 stays. */
static void take_shared_from_what_waits_again(void **unused)
{
    (void)unused;
    struct box box;
    struct gw_list taken;
    open_box(&box, 9);
    push_shared(&box, 'a', 1, 1);
    push_shared(&box, 'b', 2, 2);
    pump(&box);
    gw_outbox_on_resume(&box.outbox, 9);
    push_shared(&box, 'c', 2, 3);
    gw_list_init(&taken);
    gw_outbox_take_shared(&box.outbox, &box.host, &taken);
    assert_true(consistent(&box.outbox));
    expect_list(&taken, "ac");
    expect_list(&box.outbox.queued, "b");
    for (struct gw_list *link; (link = gw_list_pop_front(&taken)) != NULL;)
        gw_outbox_release(&box.host, GW_CONTAINER(link, struct gw_delivery, link));
    close_box(&box);
}

/* -- the end -- */

static void what_the_owner_was_told_survives_fini(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 2);
    push(&box, "a1b2c2d1e0");
    pump(&box);
    assert_int_equal(answer(&box, PUBREC, 2), GW_OK);
    box.outbox.told_bytes = 1234;
    box.outbox.told_count = 5;
    gw_outbox_fini(&box.outbox, &box.host);
    assert_int_equal(box.outbox.told_bytes, 1234);
    assert_int_equal(box.outbox.told_count, 5);
    assert_int_equal(box.outbox.queued_count + box.outbox.flight_count, 0);
    gw_outbox_on_resume(&box.outbox, 3); /* usable again */
    push(&box, "f1");
    assert_string_equal(pump(&box), "f1 ");
    close_box(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_meets_every_answer),
        cmocka_unit_test(the_payload_goes_with_pubrec),
        cmocka_unit_test(goes_out_in_the_order_of_arrival),
        cmocka_unit_test(an_answer_makes_room_for_the_next),
        cmocka_unit_test(begin_without_quota_leaves_no_trace),
        cmocka_unit_test(resume_sends_again_in_order),
        cmocka_unit_test(resume_with_a_smaller_quota),
        cmocka_unit_test(resume_after_an_end_in_the_middle_of_sending),
        cmocka_unit_test(identifiers_in_use_are_not_given_out_again),
        cmocka_unit_test(drops_by_policy_at_its_limits),
        cmocka_unit_test(what_has_expired_makes_room),
        cmocka_unit_test(subscription_identifiers_count_too),
        cmocka_unit_test(a_push_without_memory_changes_nothing),
        cmocka_unit_test(expired_ones_are_dropped_unless_they_were_sent),
        cmocka_unit_test(skip_treats_it_as_delivered),
        cmocka_unit_test(each_shared_delivery_settles_once),
        cmocka_unit_test(take_shared_leaves_what_is_bound),
        cmocka_unit_test(take_shared_from_what_waits_again),
        cmocka_unit_test(what_the_owner_was_told_survives_fini),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
