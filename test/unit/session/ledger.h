/*
 * test/unit/session: a ledger that keeps what it was told, as the log would, and holds it against
 * the outbox: each delivery is owed once, settled once, and in between the log says of it what the
 * outbox does. Shared by the tests of the outbox and the fault tests.
 */
#ifndef GW_TEST_LEDGER_H
#define GW_TEST_LEDGER_H

#include <stdlib.h>

#include "base/assert.h"
#include "session/outbox.h"

#define LEDGER_ORDERS   65536u
#define LEDGER_MESSAGES 65536u
#define LEDGER_IDS      4u

/* What the log says of one delivery. */
struct ledger_entry {
    gw_position message;
    uint64_t share;
    uint64_t ticket; /* of its SENT */
    uint32_t ids[LEDGER_IDS];
    uint32_t id_count;
    uint32_t group_order;
    uint32_t size;
    gw_packet_id packet_id;
    uint8_t qos;
    bool retain, releasing, owed, settled;
    bool seen; /* scratch of ledger_check */
};

struct ledger {
    struct gw_outbox_ledger ledger;
    struct ledger_entry *entries;   /* by order */
    struct gw_blob **messages;      /* by position: the log's own copies */
    uint32_t *holds;                /* by position */
    gw_position end;                /* of the last message; they are numbered from 1 */
    uint64_t ticket;                /* of what was staged last */
    uint32_t owed, unsettled, sent; /* calls, orders, calls */
    uint32_t released, fetches, held;
};

static inline struct ledger_entry *ledger_open_entry(struct ledger *log, uint32_t order)
{
    GW_ASSERT(order < LEDGER_ORDERS);
    struct ledger_entry *entry = &log->entries[order];
    GW_ASSERT(entry->owed && !entry->settled);
    return entry;
}

static inline void ledger_owe(void *user, struct gw_outbox *outbox,
                              const struct gw_delivery *delivery)
{
    struct ledger *log = user;
    GW_ASSERT(delivery->order < LEDGER_ORDERS && delivery->logged && delivery->qos > 0);
    struct ledger_entry *entry = &log->entries[delivery->order];
    GW_ASSERT(!entry->owed && delivery->order - outbox->next_order > UINT32_MAX / 2);
    *entry = (struct ledger_entry){
        .message = gw_blob_position(delivery->message),
        .share = delivery->share,
        .group_order = delivery->group_order,
        .size = (uint32_t)(delivery->message->size + sizeof(struct gw_blob)),
        .qos = delivery->qos,
        .retain = delivery->retain,
        .owed = true,
        .ids = {delivery->id},
        .id_count = delivery->id != 0,
    };
    if (delivery->ids) {
        entry->id_count = (uint32_t)(delivery->ids->size / sizeof(uint32_t));
        GW_ASSERT(entry->id_count <= LEDGER_IDS);
        memcpy(entry->ids, delivery->ids->data, delivery->ids->size);
    }
    /* Without a place it is for the identifier alone. */
    GW_ASSERT(entry->message <= log->end && (entry->message != 0 || entry->qos == 2));
    log->owed++;
    log->unsettled++;
    log->ticket++;
}

static inline uint64_t ledger_sent(void *user, struct gw_outbox *outbox,
                                   const struct gw_delivery *delivery)
{
    struct ledger *log = user;
    struct ledger_entry *entry = ledger_open_entry(log, delivery->order);
    (void)outbox;
    GW_ASSERT(entry->packet_id == 0 && delivery->packet_id != 0 && !delivery->sent);
    entry->packet_id = delivery->packet_id;
    log->sent++;
    return entry->ticket = ++log->ticket;
}

static inline void ledger_release(void *user, struct gw_outbox *outbox,
                                  const struct gw_delivery *delivery)
{
    struct ledger *log = user;
    struct ledger_entry *entry = ledger_open_entry(log, delivery->order);
    (void)outbox;
    GW_ASSERT(entry->packet_id == delivery->packet_id && !entry->releasing);
    entry->releasing = true;
    log->released++;
    log->ticket++;
}

static inline void ledger_settled(void *user, struct gw_outbox *outbox, uint32_t order)
{
    struct ledger *log = user;
    (void)outbox;
    ledger_open_entry(log, order)->settled = true;
    log->unsettled--;
    log->ticket++;
}

static inline void ledger_hold(void *user, gw_position position)
{
    struct ledger *log = user;
    GW_ASSERT(position != 0 && position <= log->end && position <= log->ledger.written);
    log->holds[position]++;
    log->held++;
}

static inline void ledger_drop(void *user, gw_position position)
{
    struct ledger *log = user;
    GW_ASSERT(position <= log->end && log->holds[position] > 0);
    log->holds[position]--;
    log->held--;
}

static inline void ledger_fetch(void *user, struct gw_outbox *outbox)
{
    struct ledger *log = user;
    GW_ASSERT(outbox->fetching && outbox->cold.count > 0);
    log->fetches++;
}

static inline void ledger_init(struct ledger *log)
{
    *log = (struct ledger){
        .ledger = {.owe = ledger_owe,
                   .sent = ledger_sent,
                   .release = ledger_release,
                   .settled = ledger_settled,
                   .hold = ledger_hold,
                   .drop = ledger_drop,
                   .fetch = ledger_fetch,
                   .user = log},
        .entries = calloc(LEDGER_ORDERS, sizeof(*log->entries)),
        .messages = calloc(LEDGER_MESSAGES, sizeof(struct gw_blob *)),
        .holds = calloc(LEDGER_MESSAGES, sizeof(*log->holds)),
    };
    GW_ASSERT(log->entries && log->messages && log->holds);
}

static inline void ledger_fini(struct ledger *log)
{
    GW_ASSERT(log->held == 0);
    for (gw_position at = 1; at <= log->end; at++)
        gw_blob_unref(&log->messages[at]);
    free(log->entries);
    free(log->messages);
    free(log->holds);
}

static inline struct gw_blob *ledger_copy(const struct gw_blob *blob, gw_position position)
{
    struct gw_blob *copy = gw_blob_new(blob->size);
    if (!copy)
        return NULL;
    memcpy(copy->data, blob->data, blob->size);
    gw_blob_set_position(copy, position);
    return copy;
}

/* Writes a message to the log; false when memory is out. */
static inline bool ledger_write(struct ledger *log, struct gw_message *message)
{
    if (gw_message_keep(message) != GW_OK)
        return false;
    struct gw_blob *copy = ledger_copy(message->blob, log->end + 1);
    if (!copy)
        return false;
    GW_ASSERT(log->end + 1 < LEDGER_MESSAGES);
    log->messages[++log->end] = copy;
    gw_blob_set_position(message->blob, log->end);
    log->ticket++;
    return true;
}

/* Everything up to now is on the disk and readable. */
static inline void ledger_sync(struct ledger *log)
{
    log->ledger.reached = log->ticket;
    log->ledger.written = log->end;
}

/* Reads back up to `count` of what the outbox wants next. */
static inline void ledger_serve(struct ledger *log, struct gw_outbox *outbox,
                                struct gw_outbox_host *host, size_t count)
{
    gw_position positions[256];
    struct gw_blob *messages[256];
    size_t wanted = gw_outbox_cold_next(outbox, count, SIZE_MAX, positions);
    GW_ASSERT(wanted <= count && wanted <= outbox->cold.count);
    for (size_t i = 0; i < wanted; i++) {
        GW_ASSERT(log->holds[positions[i]] > 0);
        messages[i] = ledger_copy(log->messages[positions[i]], positions[i]);
    }
    gw_outbox_warm(outbox, host, positions, messages, wanted);
}

static inline gw_position ledger_compare(void *user, const struct gw_outbox_restored *told,
                                         struct gw_blob **message)
{
    struct ledger *log = user;
    if (!told)
        return gw_blob_position(*message);
    struct ledger_entry *entry = ledger_open_entry(log, told->order);
    GW_ASSERT(!entry->seen);
    entry->seen = true;
    GW_ASSERT(told->share == entry->share && told->qos == entry->qos);
    GW_ASSERT(told->packet_id == entry->packet_id && told->releasing == entry->releasing);
    GW_ASSERT(entry->share == 0 || told->group_order == entry->group_order);
    if (told->releasing) {
        GW_ASSERT(told->message == 0 && !message);
        return 0;
    }
    GW_ASSERT(told->message == entry->message && told->size == entry->size);
    GW_ASSERT(told->retain == entry->retain && told->id_count == entry->id_count);
    GW_ASSERT(memcmp(told->ids, entry->ids, told->id_count * sizeof(uint32_t)) == 0);
    GW_ASSERT(!message || gw_blob_position(*message) == told->message);
    return told->message;
}

/* What the outbox holds and what the log says is owed are the same; so are the cold ones and the
 * holds. */
static inline void ledger_check(struct ledger *log, struct gw_outbox *outbox,
                                struct gw_outbox_host *host)
{
    uint32_t seen = 0;
    for (uint32_t order = 0; order < outbox->next_order; order++)
        log->entries[order].seen = false;
    uint64_t left = gw_outbox_tell(outbox, host, 0, UINT32_MAX, ledger_compare, log);
    if (left != GW_OUTBOX_ALL_TOLD)
        abort();
    for (uint32_t order = 0; order < outbox->next_order; order++)
        seen += log->entries[order].seen;
    GW_ASSERT(seen == log->unsettled);
    GW_ASSERT(log->held == outbox->cold.count);
}

/* What a start finds in the log. */
static inline enum gw_status ledger_restore(struct ledger *log, struct gw_outbox *outbox,
                                            struct gw_outbox_host *host, uint32_t next_order)
{
    for (uint32_t order = 0; order < next_order; order++) {
        struct ledger_entry *entry = &log->entries[order];
        if (!entry->owed || entry->settled)
            continue;
        entry->releasing |= entry->message == 0; /* as session/tidy has it */
        struct gw_outbox_restored restored = {
            .message = entry->releasing ? 0 : entry->message,
            .share = entry->share,
            .ids = entry->ids,
            .id_count = entry->releasing ? 0 : entry->id_count,
            .order = order,
            .group_order = entry->group_order,
            .size = entry->size,
            .packet_id = entry->packet_id,
            .qos = entry->qos,
            .retain = entry->retain,
            .releasing = entry->releasing,
        };
        GW_TRY(gw_outbox_restore(outbox, host, &restored));
    }
    return GW_OK;
}

#endif
