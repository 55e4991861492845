/*
 * session/outbox: what is on its way to one client: queued, in flight, being released.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; deliveries come from a pool.
 * Owner   the loop of its session; not thread-safe.
 * Life    init/fini; survives connections (it is session state, MQTT 5.0 section 4.1).
 * Limits  queue: messages and bytes with a policy, given at each push (limits.queue); in flight:
 * the quota of the connection (limits.inflight and the peer's receive maximum).
 *
 * A delivery lives in exactly one list: `queued` (oldest first; after a resume those to be sent
 * again come first and keep their packet identifier), `in_flight` (sent, in order of sending, no
 * PUBACK or PUBREC yet) or `releasing` (PUBREC came; in order of PUBREC; PUBCOMP is awaited).
 */
#ifndef GW_SESSION_OUTBOX_H
#define GW_SESSION_OUTBOX_H

#include "base/pool.h"
#include "proto/message.h"
#include "proto/window.h"

struct gw_delivery {
    struct gw_list link;
    struct gw_blob *message; /* NULL while releasing */
    struct gw_blob *ids;     /* all subscription identifiers (uint32_t) if more than one */
    uint64_t share;          /* the shared group that chose this session, 0 = none */
    uint32_t id;             /* the first subscription identifier, 0 = none */
    gw_packet_id packet_id;  /* 0 = not sent yet */
    uint8_t qos;
    bool retain;
    bool releasing;
    bool counted; /* has taken from this connection's quota */
};

/* How a message goes to this session. */
struct gw_delivery_options {
    uint64_t share;
    const uint32_t *ids;
    uint32_t id_count;
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

/* What the outboxes of one loop share. */
struct gw_outbox_host {
    struct gw_pool deliveries;
    /* A QoS 1 or 2 message of a shared group is done with here, however it ended. */
    void (*on_settled)(void *user, struct gw_outbox *outbox, uint64_t share);
    void *user;
};

struct gw_outbox {
    struct gw_list queued;
    struct gw_list in_flight;
    struct gw_list releasing;
    struct gw_window window;
    size_t queued_bytes;
    size_t flight_bytes;
    uint32_t queued_count;
    uint32_t flight_count; /* in flight and releasing */
    uint64_t dropped;      /* for want of room or expired, ever */
    size_t told_bytes;     /* what the owner has counted of it so far */
    uint32_t told_count;
};

void gw_outbox_init(struct gw_outbox *outbox);
/* Gives all deliveries back to the pool. */
void gw_outbox_fini(struct gw_outbox *outbox, struct gw_outbox_host *host);

/* Queues a message (keeps it: gw_message_keep). limits NULL = no limit (retained sets, streamed by
 * the caller). GW_LIMIT: dropped by policy; GW_NO_MEMORY: dropped. *ret_evicted, if not NULL,
 * counts older ones that made room. */
GW_MUST_USE enum gw_status gw_outbox_push(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                          struct gw_message *message,
                                          const struct gw_delivery_options *options,
                                          const struct gw_outbox_limits *limits,
                                          uint32_t *ret_evicted);

/* The delivery that is next to be sent, NULL if none is or (QoS 1, 2) the quota is used up. Drops
 * expired ones on the way (never those sent before, MQTT-4.3.3-7). */
struct gw_delivery *gw_outbox_next(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                   gw_mono_ns now);

/* Gives the next delivery its packet identifier and takes the quota, before it is encoded.
 * *ret_dup: it was sent before. QoS 0: nothing happens. GW_LIMIT, GW_NO_MEMORY: not now. */
GW_MUST_USE enum gw_status gw_outbox_begin(struct gw_outbox *outbox, struct gw_delivery *delivery,
                                           bool *ret_dup);
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
 * QoS 1 in flight (MQTT 5.0 section 4.8.2). Moves the deliveries to `to`, oldest first. */
void gw_outbox_take_shared(struct gw_outbox *outbox, struct gw_list *to);
/* Releases a delivery that is in no list of the outbox any more, without settling it. */
void gw_outbox_release(struct gw_outbox_host *host, struct gw_delivery *delivery);

/* Bytes held, for limits.memory. */
static inline size_t gw_outbox_bytes(const struct gw_outbox *outbox)
{
    return outbox->queued_bytes + outbox->flight_bytes;
}

#endif
