/*
 * broker/keeper: the retained messages that this shard owns (by hash of the topic name).
 *
 * Layer   broker.
 * Owner   the shard; others reach it by relay.
 * Life    init/fini with the shard.
 * Limits  limits.retained.messages and .bytes, over all shards.
 */
#ifndef GW_BROKER_KEEPER_H
#define GW_BROKER_KEEPER_H

#include "broker/shard.h"

GW_MUST_USE enum gw_status gw_keeper_init(struct gw_shard *shard);
void gw_keeper_fini(struct gw_shard *shard);

/* True if a retained message may be added to (or replaced in) what is kept. */
bool gw_keeper_has_room(const struct gw_shard *shard, const struct gw_message *message);

/* Keeps a message with RETAIN set (it must have a blob), or deletes if its payload is empty, on
 * whichever shard owns the topic. */
void gw_keeper_keep(struct gw_shard *shard, const struct gw_message *message);
/* One of the log, at start-up; takes the reference over. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_keeper_restore(struct gw_shard *shard, struct gw_blob *blob);
/* One that the log has and whose keeping was not written down. */
void gw_keeper_redo(struct gw_shard *shard, struct gw_blob *blob);
void gw_keeper_on_retain(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

#endif
