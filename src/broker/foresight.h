/*
 * broker/foresight: brings near what the next messages will touch.
 *
 * Layer   broker.
 * Owner   the shard.
 * Life    none.
 * Limits  GW_SUBINDEX_FORESEEN_MAX messages at a time.
 *
 * With many subscribers, routing a message waits for memory some six times in a row: table, node,
 * text, subscription, session, outbox. Messages that came together wait for the same step together.
 * Nothing here changes what is done, nor is anything wrong if a guess is.
 */
#ifndef GW_BROKER_FORESIGHT_H
#define GW_BROKER_FORESIGHT_H

#include "broker/guest.h"

/* Looks at the packets of a client that `bytes` begins with, of which none is handled yet. Returns
 * the end of what was looked at: there is nothing to gain from asking again before it. */
const uint8_t *gw_foresight_on_bytes(const struct gw_guest *client, struct gw_span bytes);
/* Looks at events from another shard, GW_SUBINDEX_FORESEEN_MAX at most. */
void gw_foresight_on_events(const struct gw_shard *shard, const struct gw_relay_event *events,
                            size_t count);

#endif
