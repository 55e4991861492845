/*
 * broker/recall: the owner's part of a replay: collects the retained messages that come next, those
 *                that are cold with the help of the store's reader.
 *
 * Layer   broker.
 * Owner   the shard that asks, then the one that owns the topics, then the first again.
 * Life    made by who asks (broker/replay), who gets it back full and frees it.
 * Limits  GW_REPLAY_BATCH messages; GW_RECALLS_MAX errands of a shard at a time, about
 *         GW_ERRAND_BYTES each.
 *
 * What is collected is what is kept at that moment: when cold ones come back from the log the walk
 * looks again, so a topic that was replaced or deleted meanwhile is given as it is then, or not.
 */
#ifndef GW_BROKER_RECALL_H
#define GW_BROKER_RECALL_H

#include "broker/errand.h"

#define GW_REPLAY_BATCH 64u
#define GW_RECALLS_MAX  8u

struct gw_recall {
    struct gw_errand errand; /* for cold ones */
    struct gw_list link;     /* in shard->retained.recalls: waits for others to come back */
    struct gw_retained_cursor cursor;
    struct gw_blob *messages[GW_REPLAY_BATCH];
    uint64_t asker; /* handle of the replay */
    gw_mono_ns now;
    uint32_t count;
    uint32_t wanted;
    uint16_t from; /* the shard that asked */
    bool ended;
    bool is_cold;    /* the next one is cold */
    bool is_starved; /* and came back, but there was no memory for it */
};

/* Collects up to recall->wanted messages of this shard, as far as they are in memory. */
void gw_recall_collect(struct gw_shard *shard, struct gw_recall *recall, gw_mono_ns now);
/* True if nothing was collected because the next one is cold: somebody has to wait for it. */
bool gw_recall_has_to_wait(const struct gw_recall *recall);

/* GW_RELAY_REPLAY_ASK: collects some and answers by GW_RELAY_REPLAY_GIVE, at once or later. */
void gw_recall_on_ask(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

/* Releases messages and cursor; the memory is the caller's. */
void gw_recall_clear(struct gw_recall *recall);

void gw_recall_init(struct gw_shard *shard);
/* Ends those that wait for others. */
void gw_recall_fini(struct gw_shard *shard);

#endif
