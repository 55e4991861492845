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
/* A subscription of the log, at start-up. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_subscriber_restore(struct gw_shard *shard, struct gw_session *session,
                                                 struct gw_span filter,
                                                 const struct gw_subscription_options *options);

void gw_subscriber_on_unsubscribe(struct gw_guest *client, const struct gw_frame *frame,
                                  gw_mono_ns now);

#endif
