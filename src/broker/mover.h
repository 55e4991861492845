/*
 * broker/mover: old segments of which little is needed any more: the messages in them are written
 *               once more, those who are owed them go over to the new places, the segments can go.
 *
 * Layer   broker.
 * Owner   what is shared: see phases; the copies in memory: the shard.
 * Life    init and fini with the store; leave with each shard's journal.
 * Limits  GW_MOVER_SEGMENTS segments at a time, moved if at most 1 / GW_MOVER_SHARE of their bytes
 *         and GW_MOVER_MESSAGES messages are needed: so what is written again is at most a third
 *         of what is written anyway, moved ones that are moved again included. A turn reads,
 *         writes or sorts what belongs to one segment, and at most GW_MOVER_BYTES of messages.
 *
 * It goes along with the rounds of the slicer, which look at all that is owed. In one round every
 * shard notes what is owed out of the segments in question. Then the first shard has those messages
 * fetched, and writes them once more. When that is synced, the next round writes what is owed with
 * the new places; so it takes no more records than it did anyway. The old segment goes when
 * nobody holds it and the records that say so are synced (store/space). Whatever is missed on the
 * way, or cannot be read, stays where it is, and so does its segment.
 */
#ifndef GW_BROKER_MOVER_H
#define GW_BROKER_MOVER_H

#include "base/blob.h"
#include "os/thread.h"
#include "store/store.h"

#define GW_MOVER_SEGMENTS 32u
#define GW_MOVER_SHARE    4u
#define GW_MOVER_MESSAGES 16384u
#define GW_MOVER_BATCH    64u
#define GW_MOVER_BYTES    ((size_t)64 * 1024) /* one message excepted */

struct gw_shard;

/* A message that somebody is owed. */
struct gw_mover_entry {
    uint32_t offset;
    uint32_t size;
};

struct gw_mover_segment {
    uint32_t number;
    atomic_bool dense; /* stays; relaxed: a hint while it is counted */
    uint64_t size;
    struct gw_mover_entry *entries; /* while counting as they come, then by offset, each once */
    gw_position *moved;             /* where each one is now; 0: it stays */
    size_t count, capacity;
};

/* Who may write: while counting all shards, by the mutex; while moving nobody; else the first. */
enum gw_mover_phase {
    GW_MOVER_IDLE,
    GW_MOVER_COUNTING, /* a round */
    GW_MOVER_COUNTED,
    GW_MOVER_COPYING,
    GW_MOVER_COPIED, /* not synced yet */
    GW_MOVER_READY,
    GW_MOVER_MOVING, /* a round */
    GW_MOVER_MOVED,
};

/* Written once more, without a place before submit. */
struct gw_mover_batch {
    struct gw_blob *blobs[GW_MOVER_BATCH];
    gw_position *places[GW_MOVER_BATCH]; /* to be noted there */
    size_t count;
};

/* Shared by all shards. */
struct gw_mover {
    struct gw_mutex mutex;
    _Atomic uint8_t phase; /* enum gw_mover_phase; changed by who begins and ends rounds, else by
                              the first shard: released with what was done, acquired */
    uint32_t next;         /* number of the segment to go on with another time */
    struct gw_mover_segment segments[GW_MOVER_SEGMENTS]; /* by number */
    size_t segment_count;
    size_t segment, entry; /* the next to be looked at */
    bool fetching;
    struct gw_mover_batch batch;
    gw_store_ticket ticket;
    uint64_t messages, bytes; /* moved this time */
};

/* Of one shard, in one round: copies of messages in memory, by segment and entry. */
struct gw_mover_copies {
    struct gw_blob **blobs[GW_MOVER_SEGMENTS];
};

void gw_mover_init(struct gw_mover *mover);
void gw_mover_fini(struct gw_mover *mover);
/* This shard is through with its round, or ends. */
void gw_mover_leave(struct gw_shard *shard);

/* A round begins (before others hear of it); all shards are through. Never two at a time. */
void gw_mover_on_begin(struct gw_shard *shard);
void gw_mover_on_end(struct gw_shard *shard);
/* Messages are written once more, and a round would let go of their old places. */
bool gw_mover_is_ready(const struct gw_shard *shard);
/* This turn's share; for the first shard. */
void gw_mover_run(struct gw_shard *shard);

/* In a round: somebody is owed the message that stands at `place` (0: none), `blob` if it is in
 * memory. Returns the place that it is known by from now on: to be written down in this turn. Then
 * *ret_copy, if not NULL, has to take the place of the blob (borrowed: take a reference). */
gw_position gw_mover_visit(struct gw_shard *shard, gw_position place, size_t size,
                           const struct gw_blob *blob, struct gw_blob **ret_copy);
/* Puts the copy, if there is one, in the place of the blob. */
void gw_mover_swap(struct gw_blob **blob, struct gw_blob *copy);

#endif
