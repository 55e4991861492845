/*
 * broker/publisher: PUBLISH and PUBREL from clients.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    none.
 * Limits  limits.receive_maximum, limits.topic_levels, limits.memory, limits.retained.
 */
#ifndef GW_BROKER_PUBLISHER_H
#define GW_BROKER_PUBLISHER_H

#include "broker/guest.h"

void gw_publisher_on_publish(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now);
void gw_publisher_on_pubrel(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now);

#endif
