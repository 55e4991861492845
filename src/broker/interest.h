/*
 * broker/interest: which shards have to hear of messages that match a filter (docs/decisions/0001).
 *
 * Layer   broker.
 * Owner   the shard; told to the others by relay when its first session comes to want a filter and
 *         when the last one no longer does.
 * Life    one entry per (filter, shard that is to hear) that is wanted here or elsewhere; with one
 *         shard there are none.
 * Limits  GW_BROKER_SHARDS_MAX.
 *
 * What a session subscribes to goes to its own shard; a shared subscription goes to the shard of
 * its group, and it is each member's shard that says so, not the group's: so whoever has seen the
 * SUBACK finds that all shards know, and one member's going takes nothing from another's word.
 */
#ifndef GW_BROKER_INTEREST_H
#define GW_BROKER_INTEREST_H

#include "broker/shard.h"

void gw_interest_init(struct gw_shard *shard);
void gw_interest_fini(struct gw_shard *shard);

/* One more, one fewer subscription of this shard to a bare filter, whose messages go to `owner`;
 * durable: of a session that is in the log, so that these messages have to be written. */
void gw_interest_add(struct gw_shard *shard, struct gw_span filter, unsigned owner, bool durable);
void gw_interest_drop(struct gw_shard *shard, struct gw_span filter, unsigned owner, bool durable);

/* The shard behind an entry of kind GW_TARGET_INTEREST. */
unsigned gw_interest_owner(const struct gw_target *target);
/* True if it has to write the message down. */
bool gw_interest_durable(const struct gw_target *target);

void gw_interest_on_event(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

#endif
