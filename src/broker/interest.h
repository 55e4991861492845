/*
 * broker/interest: which other shards have subscribers to a filter (docs/decisions/0001).
 *
 * Layer   broker.
 * Owner   the shard; told to the others by relay when the first subscription to a filter comes and
 *         when the last one goes.
 * Life    one entry per filter that is wanted here or elsewhere; with one shard there are none.
 * Limits  GW_BROKER_SHARDS_MAX.
 */
#ifndef GW_BROKER_INTEREST_H
#define GW_BROKER_INTEREST_H

#include "broker/shard.h"

void gw_interest_init(struct gw_shard *shard);
void gw_interest_fini(struct gw_shard *shard);

/* One more, one fewer subscription (or group) of this shard to a bare filter; for a session's
 * filter with $share the call is not made: its group counts. */
void gw_interest_add(struct gw_shard *shard, struct gw_span filter);
void gw_interest_drop(struct gw_shard *shard, struct gw_span filter);

/* Tells all that the shard `owner` will want a filter, because of what this shard is about to ask
 * of it. The owner says so itself, but later than the SUBACK that this shard sends. Told at once,
 * so that whatever the owner says comes after it. */
void gw_interest_vouch(struct gw_shard *shard, struct gw_span filter, unsigned owner);

/* The shards behind an entry of kind GW_TARGET_INTEREST, one bit each. */
uint64_t gw_interest_loops(const struct gw_target *target);

void gw_interest_on_event(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

#endif
