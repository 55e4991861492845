/*
 * broker/replay: the retained messages of a new subscription, streamed to its session, always
 *                complete (MQTT-3.3.1-9), however many there are.
 *
 * Layer   broker.
 * Owner   the shard of the session; the shards that own the topics are asked in turn by relay.
 * Life    from SUBSCRIBE until everything is given, the subscription goes, or the session ends;
 *         goes on after a reconnect.
 * Limits  GW_REPLAY_QUEUED_MAX messages and about GW_REPLAY_QUEUED_BYTES ahead in the session's
 * queue, GW_REPLAY_BATCH (broker/recall) a step. (broker/recall) a step.
 */
#ifndef GW_BROKER_REPLAY_H
#define GW_BROKER_REPLAY_H

#include "broker/shard.h"

#define GW_REPLAY_QUEUED_MAX   64u
#define GW_REPLAY_QUEUED_BYTES ((size_t)256 * 1024)

void gw_replay_init(struct gw_shard *shard);
void gw_replay_fini(struct gw_shard *shard);

/* Begins for a subscription that the session has; its first messages come later in this turn.
 * GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_replay_start(struct gw_shard *shard, struct gw_session *session,
                                           struct gw_span filter);
/* Stops it, if the subscription has one. */
void gw_replay_cancel(struct gw_shard *shard, struct gw_subscription *subscription);

/* The session's queue got shorter, or its client came back. */
void gw_replay_on_room(struct gw_shard *shard, struct gw_session *session);
/* A message with RETAIN was given live while replays of its session are under way: neither an older
 * one of the same topic, on its way from another shard, nor itself may come after it. */
void gw_replay_on_live(struct gw_session *session, uint64_t topic_hash);

/* Gives what has room, once a turn. */
void gw_replay_run(struct gw_shard *shard, gw_mono_ns now);

void gw_replay_on_give(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

#endif
