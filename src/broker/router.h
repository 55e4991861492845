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

#include "broker/shard.h"

GW_MUST_USE enum gw_status gw_router_init(struct gw_shard *shard);
void gw_router_fini(struct gw_shard *shard);

/* Publishes a message that came in here (from a client, a will, the broker). *ret_wanted tells
 * whether anybody is subscribed to it, here or elsewhere. GW_NO_MEMORY: nobody got it. */
GW_MUST_USE enum gw_status gw_router_publish(struct gw_shard *shard, struct gw_message *message,
                                             bool *ret_wanted);

/* A message from another shard: for the sessions and groups of this one. */
void gw_router_on_publish(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

/* The QoS of a delivery: the lower of publication and grant (MQTT-3.8.4-8). */
static inline uint8_t gw_router_qos(const struct gw_message *message, uint8_t granted)
{
    return message->qos < granted ? message->qos : granted;
}

#endif
