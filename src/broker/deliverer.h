/*
 * broker/deliverer: messages out to clients, and what clients answer to them.
 *
 * Layer   broker.
 * Owner   the shard of the session.
 * Life    none.
 * Limits  limits.queue per session; limits.output per connection: beyond it messages stay queued.
 */
#ifndef GW_BROKER_DELIVERER_H
#define GW_BROKER_DELIVERER_H

#include "broker/guest.h"

/* Gives a message to a session: out at once if nothing is before it and there is room, else queued
 * under the limits. `unbounded`: the caller bounds it (groups, retained sets). Returns false if it
 * was dropped. */
bool gw_deliverer_give(struct gw_shard *shard, struct gw_session *session,
                       struct gw_message *message, const struct gw_delivery_options *options,
                       bool unbounded);

/* Sends what the session holds as far as the client's quota and its output allow. */
void gw_deliverer_pump(struct gw_guest *client, gw_mono_ns now);

/* After CONNACK: PUBREL for what is being released, then everything again that was in flight, then
 * what waits (MQTT-4.4.0-1, 4.6.0-1). */
void gw_deliverer_resume(struct gw_guest *client, gw_mono_ns now);

/* PUBREL for the last `count` of what is being released. */
void gw_deliverer_release(struct gw_guest *client, uint32_t count);

/* PUBACK, PUBREC, PUBCOMP. */
void gw_deliverer_on_ack(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now);

#endif
