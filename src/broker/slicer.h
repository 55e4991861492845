/*
 * broker/slicer: snapshots in slices: every so often each shard writes its sessions, groups and
 *                retained messages once more, some in a turn, so that recovery begins there and
 * older segments can go.
 *
 * Layer   broker.
 * Owner   the shard; any of them begins a round, which is over when all are through.
 * Life    with the journal.
 * Limits  GW_SLICER_BYTES staged and GW_SLICER_STEPS objects a turn, one object excepted.
 */
#ifndef GW_BROKER_SLICER_H
#define GW_BROKER_SLICER_H

#include "broker/broker.h"
#include "broker/mover.h"
#include "store/store.h"

#define GW_SLICER_BYTES ((size_t)64 * 1024)
#define GW_SLICER_STEPS 256u

struct gw_shard;
struct gw_journal;

/* Shared by all shards. */
struct gw_slicer_world {
    _Atomic bool ready;            /* the shards hold what the log says: a round may begin */
    _Atomic uint64_t round;        /* counts up; a new number begins a round */
    _Atomic unsigned left;         /* shards that are not through it, and one; 0: no round */
    _Atomic gw_position from;      /* the log's end when it began */
    _Atomic uint64_t written;      /* bytes of slices in this round */
    _Atomic uint64_t last_written; /* in the round before; relaxed: a figure */
    _Atomic gw_position oldest[GW_BROKER_SHARDS_MAX]; /* see journal.c; UINT64_MAX: none */
};

enum gw_slicer_phase {
    GW_SLICER_IDLE,
    GW_SLICER_SESSIONS,
    GW_SLICER_GROUPS,
    GW_SLICER_RETAINED,
    GW_SLICER_SYNCING, /* all is staged; ends when it is durable */
};

struct gw_slicer {
    struct gw_mover_copies copies;
    uint64_t round;
    gw_store_ticket ticket;
    uint64_t object; /* serial of the session or group that is being written */
    uint64_t part;   /* of which comes next, see gw_outbox_tell, gw_group_slice */
    uint32_t slot;
    uint8_t phase; /* enum gw_slicer_phase */
};

void gw_slicer_init(struct gw_journal *journal);
/* Everything is brought back: from now on rounds may begin. */
void gw_slicer_allow(struct gw_slicer_world *world);
void gw_slicer_fini(struct gw_journal *journal);

/* Begins a round if enough was written since the last one, and does this turn's share of it. */
void gw_slicer_run(struct gw_shard *shard);
/* The log got further. */
void gw_slicer_on_progress(struct gw_shard *shard);

#endif
