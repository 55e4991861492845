/*
 * broker/subscriber: SUBSCRIBE and UNSUBSCRIBE.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    none.
 * Limits  limits.subscriptions, limits.filters_per_packet, limits.topic_levels.
 */
#ifndef GW_BROKER_SUBSCRIBER_H
#define GW_BROKER_SUBSCRIBER_H

#include "broker/guest.h"

void gw_subscriber_on_subscribe(struct gw_guest *client, const struct gw_frame *frame,
                                gw_mono_ns now);
void gw_subscriber_on_unsubscribe(struct gw_guest *client, const struct gw_frame *frame,
                                  gw_mono_ns now);

#endif
