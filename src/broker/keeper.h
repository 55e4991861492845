/*
 * broker/keeper: the retained messages that this shard owns (by hash of the topic name).
 *
 * Layer   broker.
 * Owner   the shard; others reach it by relay.
 * Life    init/fini with the shard.
 * Limits  limits.retained.messages and .bytes, over all shards; limits.retained.hot, each shard its
 *         part.
 *
 * A value is hot, a message in memory, or cold, its place in the log. What the log has gets cold
 * when the hot ones are too many, those first that were not asked for lately; reading it back is up
 * to whoever wants it (broker/recall, broker/resettle). What is not in the log is always hot. A
 * cold value holds its segment, a hot one's message does it itself.
 */
#ifndef GW_BROKER_KEEPER_H
#define GW_BROKER_KEEPER_H

#include "broker/shard.h"

#define GW_KEEPER_COLD ((uint64_t)1 << 63) /* no position and no address has this bit */

GW_MUST_USE enum gw_status gw_keeper_init(struct gw_shard *shard);
void gw_keeper_fini(struct gw_shard *shard);

/* True if a retained message may be added to (or replaced in) what is kept. */
bool gw_keeper_has_room(const struct gw_shard *shard, const struct gw_message *message);

/* Keeps a message with RETAIN set (it must have a blob), or deletes if its payload is empty, on
 * whichever shard owns the topic. */
void gw_keeper_keep(struct gw_shard *shard, const struct gw_message *message);
/* One of the log, at start-up: `size` as gw_message_footprint. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_keeper_restore(struct gw_shard *shard, struct gw_span topic_name,
                                             gw_position position, uint32_t size,
                                             gw_mono_ns deadline);
/* One that the log has and whose keeping was not written down. */
void gw_keeper_redo(struct gw_shard *shard, struct gw_blob *blob);
void gw_keeper_on_retain(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

/* Makes some cold if the hot ones are too many; once a turn. */
void gw_keeper_run(struct gw_shard *shard);

/* -- values -- */

static inline bool gw_keeper_is_cold(const struct gw_retained_value *value)
{
    return (value->word & GW_KEEPER_COLD) != 0;
}

/* The message of a hot one. */
static inline struct gw_blob *gw_keeper_blob(const struct gw_retained_value *value)
{
    return (struct gw_blob *)(uintptr_t)value->word;
}

/* Where it stands in the log; 0 = nowhere; see GW_JOURNAL_PENDING. */
static inline gw_position gw_keeper_position(const struct gw_retained_value *value)
{
    return gw_keeper_is_cold(value) ? value->word & ~GW_KEEPER_COLD
                                    : gw_blob_position(gw_keeper_blob(value));
}

/* GW_NEVER without one; up to a second late. */
static inline gw_mono_ns gw_keeper_deadline(const struct gw_retained_value *value)
{
    return value->deadline != 0 ? (gw_mono_ns)value->deadline * GW_NS_PER_S : GW_NEVER;
}

static inline bool gw_keeper_expired(const struct gw_retained_value *value, gw_mono_ns now)
{
    return now >= gw_keeper_deadline(value);
}

/* The same on the wall's clock, in ms, as the log has it; 0 = never. */
uint64_t gw_keeper_expires_ms(const struct gw_shard *shard, const struct gw_retained_value *value);

/* Makes a cold one hot with its message; takes the reference over. */
void gw_keeper_warm(struct gw_shard *shard, struct gw_retained_value *value, struct gw_blob *blob);
/* What hot ones of the log are above their share, in bytes; below 0: what there is room for. */
int64_t gw_keeper_excess(const struct gw_shard *shard);

/* -- what ends -- */

/* Names to be removed when a walk is over. */
struct gw_keeper_doomed {
    struct gw_buf names; /* each with its size (uint16_t) before it */
};

void gw_keeper_doomed_init(struct gw_keeper_doomed *doomed);
/* False: there are enough of them, or no memory; the topic stays. */
bool gw_keeper_doom(struct gw_keeper_doomed *doomed, struct gw_span name);
/* The same for a value whose message cannot be read back: logs it. */
void gw_keeper_lose(const struct gw_shard *shard, struct gw_keeper_doomed *doomed,
                    struct gw_span name, gw_position position, enum gw_status why);
/* Removes them all and writes that down; nothing is left of `doomed`. */
void gw_keeper_bury(struct gw_shard *shard, struct gw_keeper_doomed *doomed);

#endif
