/*
 * broker/router: a message to everyone who wants it: sessions here, other shards, shared groups,
 * the retained set.
 *
 * Layer   broker.
 * Owner   the shard.
 * Life    scratch is made with the shard.
 * Limits  no allocation per message once the scratch has grown to the widest match.
 */
#ifndef GW_BROKER_ROUTER_H
#define GW_BROKER_ROUTER_H

#include "broker/durability.h"
#include "broker/shard.h"

GW_MUST_USE enum gw_status gw_router_init(struct gw_shard *shard);
void gw_router_fini(struct gw_shard *shard);

/* How a message is published, and what became of it. */
struct gw_router_job {
    const struct gw_session *publisher; /* with QoS 2: to be known again by its packet identifier */
    gw_packet_id packet_id;
    bool volatile_only;             /* never written to the log: the broker's own */
    bool ret_wanted;                /* somebody is subscribed to it, here or elsewhere */
    enum gw_durability ret_written; /* the class in which the log has it; memory: it does not */
};

/* Publishes a message that came in here (from a client, a will, the broker). Nobody got it:
 * GW_NO_MEMORY; GW_LIMIT, it has to be written and the store has no room; GW_CLOSED, the store has
 * failed. */
GW_MUST_USE enum gw_status gw_router_publish(struct gw_shard *shard, struct gw_message *message,
                                             struct gw_router_job *job);

/* A message that the log has and that had not reached everybody when the broker ended: to those of
 * this shard, by their serials, for whom `wants` says so. */
typedef bool gw_router_wants_fn(const void *user, uint64_t serial);
void gw_router_redo(struct gw_shard *shard, struct gw_message *message, gw_router_wants_fn *wants,
                    const void *user);

/* A message from another shard: for the sessions and groups of this one. */
void gw_router_on_publish(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

/* The QoS of a delivery: the lower of publication and grant (MQTT-3.8.4-8). */
static inline uint8_t gw_router_qos(const struct gw_message *message, uint8_t granted)
{
    return message->qos < granted ? message->qos : granted;
}

#endif
