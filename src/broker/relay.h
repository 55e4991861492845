/*
 * broker/relay: what one shard tells another: events in order, one batch for each pair and turn.
 *
 * Layer   broker.
 * Owner   the sending shard until the batch is posted, the receiving one from then on.
 * Life    post gathers, flush (before the loop flushes its sockets) sends.
 * Limits  batches grow with one turn's work; the weight of what waits in a mailbox is bounded by
 *         limits.mailbox, and the time that it will take by GW_RELAY_LAG_MAX: publishers of a shard
 *         that is ahead are not read from meanwhile.
 *
 * An event to the shard itself is handled at once, in the caller's stack.
 */
#ifndef GW_BROKER_RELAY_H
#define GW_BROKER_RELAY_H

#include "base/blob.h"
#include "base/time.h"

/* How far a shard may be behind with what others sent it, as far as its past tells. */
#define GW_RELAY_LAG_MAX (20 * GW_NS_PER_MS)

struct gw_shard;

enum gw_relay_kind {
    GW_RELAY_PUBLISH,     /* blob: a message for whoever wants it on the receiving shard */
    GW_RELAY_RETAIN,      /* blob: a message to be kept, or a deletion */
    GW_RELAY_ASSIGN,      /* blob: a message of a group; target: session; origin: group; id, qos,
                           * order, serial */
    GW_RELAY_SETTLE,      /* target: group; origin: session whose message is done with; order */
    GW_RELAY_RETURN,      /* blob: a message not delivered; target: group; origin: session; id, qos,
                             order */
    GW_RELAY_JOIN,        /* blob: whole filter; origin: session; flags, qos, id */
    GW_RELAY_LEAVE,       /* blob: whole filter; origin: session */
    GW_RELAY_PRESENCE,    /* blob: whole filter; origin: session; flags: online */
    GW_RELAY_INTEREST,    /* blob: filter; target: shard; flags: wanted, durably */
    GW_RELAY_REPLAY_ASK,  /* object: gw_recall */
    GW_RELAY_REPLAY_GIVE, /* object: gw_recall */
    GW_RELAY_CLIENT,      /* object: gw_guest that moves here */
    GW_RELAY_KIND_COUNT
};

enum gw_relay_flag {
    GW_RELAY_ONLINE = 1,
    GW_RELAY_PERSISTENT = 2,
    GW_RELAY_RETAIN_AS_PUBLISHED = 4,
    GW_RELAY_OWNED = 8, /* ASSIGN, RETURN: stays with its session if that has left the group */
};

struct gw_relay_event {
    struct gw_blob *blob; /* one reference goes with the event */
    void *object;         /* goes with the event */
    uint64_t serial; /* ASSIGN, RETURN, SETTLE: names the group in the log, 0 = it is not there */
    uint64_t target; /* a handle of the receiver */
    uint64_t origin; /* a handle of the sender */
    uint32_t id;
    uint32_t order; /* ASSIGN, RETURN, SETTLE: what the group calls the message */
    uint16_t from;  /* shard; filled in by post */
    uint8_t kind;
    uint8_t qos : 2;
    uint8_t flags : 6;
};

/* Tells a shard something; takes blob and object over. Out of memory ends the process' promise to
 * deliver, so it is asserted: batches are small and bounded by a turn. */
void gw_relay_post(struct gw_shard *shard, unsigned to, const struct gw_relay_event *event);

/* Posts what the turn gathered. */
void gw_relay_flush(struct gw_shard *shard);

/* True if something was gathered and not posted yet. */
bool gw_relay_pending(const struct gw_shard *shard);

/* Releases what was gathered and never sent, at the end of a shard's life. */
void gw_relay_fini(struct gw_shard *shard);

/* True while another shard has more waiting than limits.mailbox or than it can do in
 * GW_RELAY_LAG_MAX. */
bool gw_relay_congested(const struct gw_shard *shard);
/* The first of these alone: no client is to add to it, whatever it sends. */
bool gw_relay_full(const struct gw_shard *shard);

#endif
