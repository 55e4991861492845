/*
 * session/outbox: what is on its way to one client: queued, in flight, being released.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; deliveries come from a pool.
 * Owner   the loop of its session; not thread-safe.
 * Life    init/fini; survives connections (it is session state, MQTT 5.0 section 4.1).
 * Limits  queue: messages and bytes with a policy, given at each push (limits.queue); in flight:
 * the quota of the connection (limits.inflight and the peer's receive maximum); in memory: beyond
 * GW_OUTBOX_HOT_MAX messages or GW_OUTBOX_HOT_BYTES those that are in the log are cold.
 *
 * A delivery lives in exactly one place: `queued` (oldest first; after a resume those to be sent
 * again come first and keep their packet identifier), then `cold` (in the log only, 24 bytes each),
 * then `fresh` (came while there were cold ones), or `in_flight` (sent, in order of sending, no
 * PUBACK or PUBREC yet) or `releasing` (PUBREC came; in order of PUBREC; PUBCOMP is awaited).
 */
#ifndef GW_SESSION_OUTBOX_H
#define GW_SESSION_OUTBOX_H

#include "base/pool.h"
#include "proto/message.h"
#include "proto/window.h"
#include "session/cold.h"

#define GW_OUTBOX_HOT_MAX   64u
#define GW_OUTBOX_HOT_BYTES ((size_t)64 * 1024)

struct gw_delivery {
    struct gw_list link;
    struct gw_blob *message; /* NULL while releasing */
    struct gw_blob *ids;     /* all subscription identifiers (uint32_t) if more than one */
    uint64_t share;          /* the shared group that chose this session, 0 = none */
    uint64_t group;          /* with share: its serial, which names it in the log */
    uint64_t ready;          /* may go out when the ledger has reached this ticket */
    uint32_t id;             /* the first subscription identifier, 0 = none */
    uint32_t order;          /* names it in the log, if numbered */
    uint32_t group_order;    /* with share: what the group calls it */
    gw_packet_id packet_id;  /* 0 = none yet */
    uint8_t qos;
    bool retain : 1;
    bool releasing : 1;
    bool counted : 1; /* has taken from this connection's quota */
    bool sent : 1;    /* on this or an earlier connection */
    bool numbered : 1;
    bool logged : 1; /* the ledger knows it */
    bool ahead : 1;  /* queued: has taken its part of the quota, or has it reserved */
};

/* How a message goes to this session. */
struct gw_delivery_options {
    uint64_t share;
    uint64_t group;
    const uint32_t *ids;
    uint32_t id_count;
    uint32_t group_order;
    uint8_t qos;
    bool retain;
};

enum gw_outbox_policy { GW_OUTBOX_DROP_NEWEST, GW_OUTBOX_DROP_OLDEST };

struct gw_outbox_limits {
    size_t bytes_max;
    uint32_t messages_max;
    enum gw_outbox_policy policy;
    gw_mono_ns now; /* what has expired makes room first; 0: nothing has */
};

struct gw_outbox;

/* Where durable outboxes write down what they owe. Tickets are the log's: what is staged now is
 * durable when `reached` is at its ticket. Calls come from inside outbox functions and must not
 * call back. NULL: nothing is durable here. */
struct gw_outbox_ledger {
    /* A QoS 1 or 2 message whose blob has a position is owed from now on; without a position: one
     * of QoS 2 that only goes out under a packet identifier that must not be forgotten. */
    void (*owe)(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery);
    /* It has got its packet identifier. The ticket from which on it may go out; 0: at once. */
    uint64_t (*sent)(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery);
    /* PUBREC came for it. */
    void (*release)(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery);
    /* It is not owed any more, by its order. */
    void (*settled)(void *user, struct gw_outbox *outbox, uint32_t order);
    /* A cold reference to a position begins, ends: its bytes have to stay readable meanwhile. */
    void (*hold)(void *user, gw_position position);
    void (*drop)(void *user, gw_position position);
    /* Cold ones are wanted back in memory: gw_outbox_cold_next, then gw_outbox_warm. Once at a time
     * for an outbox. */
    void (*fetch)(void *user, struct gw_outbox *outbox);
    void *user;
    uint64_t reached;    /* ticket; kept up to date by the owner */
    gw_position written; /* blobs at or before it can be read back; kept up to date by the owner */
};

/* What the outboxes of one loop share. */
struct gw_outbox_host {
    struct gw_pool deliveries;
    /* A QoS 1 or 2 message of a shared group is done with here, however it ended. */
    void (*on_settled)(void *user, struct gw_outbox *outbox, uint64_t share, uint32_t group_order);
    /* A message in the queue of a group (QoS 0 there, with a group order) was dropped. NULL: so
     * what. */
    void (*on_dropped)(void *user, struct gw_outbox *outbox, uint32_t group_order);
    void *user;
    struct gw_outbox_ledger *ledger; /* NULL: none */
};

struct gw_outbox {
    struct gw_list queued;
    struct gw_cold_queue cold;
    struct gw_list fresh;
    struct gw_list in_flight;
    struct gw_list releasing;
    struct gw_window window;
    struct gw_list *cursor; /* the first of `queued` that is not `ahead` */
    size_t queued_bytes;    /* of all that is queued, cold ones too: for limits.queue */
    size_t cold_bytes;      /* the part of queued_bytes that is cold; that is fresh */
    size_t fresh_bytes;
    size_t flight_bytes;
    uint32_t queued_count; /* queued, cold and fresh */
    uint32_t fresh_count;
    uint32_t flight_count; /* in flight and releasing */
    uint32_t reserved;     /* of the quota, by those `ahead` that have not taken it yet */
    uint32_t next_order;   /* of the next logged delivery */
    uint32_t told_count;   /* what the owner has counted of it so far */
    size_t told_bytes;
    uint64_t dropped; /* for want of room or expired, ever */
    bool durable;     /* the session is in the log: logged messages are written to the ledger */
    bool adrift;      /* its client was there when the broker crashed, and not since, */
    uint32_t adrift_before; /* so that what has an order before this may have gone out */
    bool away; /* the owner's word that the client is not there: nothing has to stay hot */
    bool fetching;
};

void gw_outbox_init(struct gw_outbox *outbox);
/* Gives all deliveries back to the pool, without a word to the ledger but for holds. */
void gw_outbox_fini(struct gw_outbox *outbox, struct gw_outbox_host *host);

/* Queues a message (keeps it: gw_message_keep). limits NULL = no limit (retained sets, streamed by
 * the caller). GW_LIMIT: dropped by policy; GW_NO_MEMORY: dropped. *ret_evicted, if not NULL,
 * counts older ones that made room. */
GW_MUST_USE enum gw_status gw_outbox_push(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                          struct gw_message *message,
                                          const struct gw_delivery_options *options,
                                          const struct gw_outbox_limits *limits,
                                          uint32_t *ret_evicted);

/* The delivery that is next to be sent, NULL if none is, or (QoS 1, 2) the quota is used up, or it
 * has to wait for the ledger or for a fetch: then ask again when these got further. Drops expired
 * ones on the way (never those sent before, MQTT-4.3.3-7). Durable QoS 2 deliveries that the quota
 * allows get their packet identifiers here, several ahead, so that one commit serves them all. */
struct gw_delivery *gw_outbox_next(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                   gw_mono_ns now);

/* Gives the next delivery its packet identifier and takes the quota, before it is encoded.
 * *ret_dup: it was sent before. QoS 0: nothing happens. GW_LIMIT, GW_NO_MEMORY: not now. */
GW_MUST_USE enum gw_status gw_outbox_begin(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                           struct gw_delivery *delivery, bool *ret_dup);
/* It was handed to the connection: QoS 0 ends, others are in flight. */
void gw_outbox_sent(struct gw_outbox *outbox, struct gw_outbox_host *host,
                    struct gw_delivery *delivery);
/* It cannot be sent to this client (too large for it): treat as delivered (MQTT-3.1.2-25). */
void gw_outbox_skip(struct gw_outbox *outbox, struct gw_outbox_host *host,
                    struct gw_delivery *delivery);

/* Answers of the peer. GW_NOT_FOUND: no such identifier; GW_PROTOCOL: not what this identifier
 * waits for. */
GW_MUST_USE enum gw_status gw_outbox_on_puback(struct gw_outbox *outbox,
                                               struct gw_outbox_host *host, gw_packet_id id);
/* refused: reason code >= 0x80, which ends the delivery; else PUBREL is to be sent. */
GW_MUST_USE enum gw_status gw_outbox_on_pubrec(struct gw_outbox *outbox,
                                               struct gw_outbox_host *host, gw_packet_id id,
                                               bool refused);
GW_MUST_USE enum gw_status gw_outbox_on_pubcomp(struct gw_outbox *outbox,
                                                struct gw_outbox_host *host, gw_packet_id id);

/* A new connection of the same session: what was in flight is to be sent again, before the rest;
 * `releasing` is for the caller to send PUBREL for, in order. */
void gw_outbox_on_resume(struct gw_outbox *outbox, uint16_t quota);

/* Takes out what came from shared groups and may go to another member: everything not sent, and
 * QoS 1 in flight (MQTT 5.0 section 4.8.2). Moves the deliveries to `to`, oldest first; those that
 * the ledger knew are settled there. */
void gw_outbox_take_shared(struct gw_outbox *outbox, struct gw_outbox_host *host,
                           struct gw_list *to);
/* Releases a delivery that is in no list of the outbox any more, without settling it. */
void gw_outbox_release(struct gw_outbox_host *host, struct gw_delivery *delivery);

/* -- what is in the log -- */

/* Moves what is beyond the hot limits, logged and readable to `cold`. For the end of a turn; cheap
 * if there is nothing to do. */
void gw_outbox_cool(struct gw_outbox *outbox, struct gw_outbox_host *host);

/* The cold deliveries that come next, oldest first: at most `count_max`, and at most about
 * `bytes_max` of messages (one at least). Returns how many. */
size_t gw_outbox_cold_next(const struct gw_outbox *outbox, size_t count_max, size_t bytes_max,
                           gw_position *ret_positions);
/* They have been fetched: the positions that cold_next named and their messages (references are
 * taken over); NULL: cannot be read, ever: that delivery is lost (counted as dropped). Entries that
 * were evicted or moved meanwhile are passed over. Ends `fetching`: also to be called with none, if
 * cold_next found nothing any more. Returns how many of the lost are the last ones of `releasing`
 * now, because the client may have them under their packet identifiers: PUBREL is to be sent. */
uint32_t gw_outbox_warm(struct gw_outbox *outbox, struct gw_outbox_host *host,
                        const gw_position *positions, struct gw_blob **messages, size_t count);

/* A delivery that the log knows, at start-up, in order of `order`: into `cold` or (releasing)
 * straight where it belongs. GW_NO_MEMORY. */
struct gw_outbox_restored {
    gw_position message; /* 0 if releasing */
    uint64_t share;
    uint64_t group;
    const uint32_t *ids;
    uint32_t id_count;
    uint32_t order;
    uint32_t group_order;
    uint32_t size; /* gw_message_footprint */
    gw_packet_id packet_id;
    uint8_t qos;
    bool retain;
    bool releasing;
    bool sent; /* it may have gone out: with packet_id it has */
};
GW_MUST_USE enum gw_status gw_outbox_restore(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                             const struct gw_outbox_restored *restored);

/* Calls fn for every delivery, a logged one with how it would have to be restored (ids valid during
 * the call), others with NULL; for snapshots, in parts: at most `count_max` of the cold ones, from
 * the one with number `from` on (0 to begin), and all others each time. Returns the number to go on
 * with, or GW_OUTBOX_ALL_TOLD. Between two parts anything may happen to the outbox.
 *
 * `message` is its message in memory; NULL if that is cold or gone. fn returns where the message
 * stands from now on: if a cold one was written elsewhere and the log says so, that is held instead
 * of the old place. In memory fn may put another blob with the same bytes at the other place into
 * *message, and give up the reference to the old one. */
#define GW_OUTBOX_ALL_TOLD UINT64_MAX
typedef gw_position gw_outbox_told_fn(void *user, const struct gw_outbox_restored *delivery,
                                      struct gw_blob **message);
uint64_t gw_outbox_tell(struct gw_outbox *outbox, struct gw_outbox_host *host, uint64_t from,
                        uint32_t count_max, gw_outbox_told_fn *fn, void *user);
/* Calls fn as above, with NULL for the delivery, for the first `count_max` of what is queued. */
void gw_outbox_tell_queued(struct gw_outbox *outbox, uint32_t count_max, gw_outbox_told_fn *fn,
                           void *user);

/* Bytes held in memory, for limits.memory. */
size_t gw_outbox_bytes(const struct gw_outbox *outbox);

#endif
