/*
 * session/cold: a queue of deliveries whose messages are in the log only, packed.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; allocates chunks with malloc.
 * Owner   its outbox.
 * Life    init/fini.
 * Limits  24 bytes an entry, in chunks; entries with several subscription identifiers or of a
 * shared group hold a little more beside.
 */
#ifndef GW_SESSION_COLD_H
#define GW_SESSION_COLD_H

#include "base/list.h"
#include "base/position.h"
#include "base/status.h"
#include "proto/window.h"

struct gw_cold {
    gw_position message;
    uint32_t order;
    uint32_t id;   /* the first subscription identifier, 0 = none */
    uint32_t size; /* gw_message_footprint of the message */
    gw_packet_id packet_id;
    uint16_t qos : 2;
    uint16_t retain : 1;
    uint16_t sent : 1;
    uint16_t more : 1; /* there is a gw_cold_more of this order */
};

_Static_assert(sizeof(struct gw_cold) == 24, "small, there are millions");

/* What few entries have. */
struct gw_cold_more {
    struct gw_list link;
    uint64_t share;
    uint64_t group;
    struct gw_blob *ids; /* all identifiers if more than one, else NULL */
    uint32_t order;
    uint32_t group_order;
};

struct gw_cold_queue {
    struct gw_list chunks;
    struct gw_list more; /* gw_cold_more.link, in order */
    uint32_t count;
    uint64_t gone;        /* entries taken off, ever: the first one has this number */
    size_t message_bytes; /* sum of sizes */
    size_t memory_bytes;  /* what the queue itself takes */
};

void gw_cold_init(struct gw_cold_queue *queue);
/* Forgets all entries. */
void gw_cold_fini(struct gw_cold_queue *queue);
/* Appends; more may be NULL, else it was malloc'ed and is taken over. GW_NO_MEMORY: nothing was
 * taken. */
GW_MUST_USE enum gw_status gw_cold_push(struct gw_cold_queue *queue, const struct gw_cold *entry,
                                        struct gw_cold_more *more);
/* The oldest; false if there is none. */
bool gw_cold_first(const struct gw_cold_queue *queue, struct gw_cold *ret_entry);
/* Takes the oldest off; *ret_more is NULL or now the caller's to free. */
bool gw_cold_pop(struct gw_cold_queue *queue, struct gw_cold *ret_entry,
                 struct gw_cold_more **ret_more);
/* Takes off the oldest one that was not sent; false if there is none. Those before it, which were
 * sent, are few: as many as were in flight. */
bool gw_cold_pop_unsent(struct gw_cold_queue *queue, struct gw_cold *ret_entry,
                        struct gw_cold_more **ret_more);
/* Goes through them, oldest first: at 0 the oldest. A cursor is void after a push or a pop. */
struct gw_cold_cursor {
    const struct gw_list *chunk;
    const struct gw_list *more;
    uint32_t at;
};
void gw_cold_begin(const struct gw_cold_queue *queue, struct gw_cold_cursor *cursor);
/* The same from the entry with this number on, or from the first if it is gone. Numbers grow from
 * 0; taking off an entry that is not the first moves those before it up by one, never back. */
void gw_cold_seek(const struct gw_cold_queue *queue, struct gw_cold_cursor *cursor,
                  uint64_t number);
bool gw_cold_each(const struct gw_cold_queue *queue, struct gw_cold_cursor *cursor,
                  struct gw_cold *ret_entry, const struct gw_cold_more **ret_more);
/* The message of the entry that each would tell of next stands elsewhere now. */
void gw_cold_move(struct gw_cold_queue *queue, const struct gw_cold_cursor *cursor,
                  gw_position message);

#endif
