/*
 * store/store: the durable log: records appended by several streams, written by one thread, synced
 *              once a commit for all of them, read back after a crash.
 *
 * Layer   store (may include os, base). Knows no MQTT: a record is a kind and bytes.
 * Owner   open, recover, start, stop, close: the controlling thread. A stream: the loop that it was
 *         given to. submit, hold, drop, read and the questions: any thread.
 * Life    open -> recover (once) -> start -> stop -> close; or without start, with
 *         gw_store_step, which does one commit in the caller's thread (simulator, tests, tools).
 * Limits  a record: GW_STORE_RECORD_MAX; segments: store.segment bytes, a larger record gets a
 *         segment of its own; what waits to be written: see gw_store_pressure.
 *
 * The format on disk is docs/reference/store-format.md. This is the waist of docs/decisions/0006: a
 * stream's records become durable in their order; of records of two streams, one that was submitted
 * before the other was staged comes first. What is submitted together (a chunk) survives a crash
 * as a whole or not at all.
 */
#ifndef GW_STORE_STORE_H
#define GW_STORE_STORE_H

#include "base/blob.h"
#include "base/log.h"
#include "base/position.h"
#include "os/clock.h"
#include "os/disk.h"

#define GW_STORE_RECORD_MAX  ((size_t)257 * 1024 * 1024)
#define GW_STORE_STREAMS_MAX 65u /* one a loop, and one */

struct gw_store;
struct gw_store_stream;

/* Counts the chunks of one stream, from 1. */
typedef uint64_t gw_store_ticket;

enum gw_store_state {
    GW_STORE_RUNNING,
    GW_STORE_FULL,   /* no room for another segment: refuse what can wait; ends by itself */
    GW_STORE_FAILED, /* a write or a sync failed: nothing becomes durable any more */
};

struct gw_store_options {
    const struct gw_disk *disk;
    const struct gw_clock *clock;
    const struct gw_log *log;
    const char *path;      /* the directory; made if its parent exists */
    uint64_t segment_size; /* bytes; existing segments keep theirs */
    unsigned stream_count;
    bool read_only; /* for tools: takes no lock, changes nothing, only recover and read work */
};

/* Why a call failed, for one sentence to the user. */
struct gw_store_error {
    char path[512];
    const char *what; /* "cannot lock: another godwit uses it", constant */
    int os_errno;     /* 0 if it was not the system */
};

/* Opens or makes the store; reads the heads of segments only. GW_LIMIT: in use by another process.
 * GW_INVALID: a newer version made it, or it is no store. */
GW_MUST_USE enum gw_status gw_store_open(const struct gw_store_options *options,
                                         struct gw_store **ret_store,
                                         struct gw_store_error *ret_error);

/* What recovery found. */
struct gw_store_report {
    uint64_t segments;      /* in all */
    uint64_t bytes;         /* gone through */
    uint64_t records;       /* handed over */
    uint64_t torn_bytes;    /* cut off at the end: written when the machine stopped, not synced */
    gw_position torn_at;    /* 0: nothing was torn */
    uint64_t damaged;       /* chunks that were synced once and cannot be read now */
    uint64_t damaged_bytes; /* moved to the side file */
    uint64_t time_ns;
    char side_file[512]; /* "" if none */
};

/* One record, in the order of the log, its kind without GW_STORE_ALONE; the body is valid during
 * the call. */
typedef void gw_store_record_fn(void *user, uint8_t kind, gw_position position,
                                struct gw_span body);

/* Goes through the log from the checkpoint on. Cuts a torn end, moves damaged chunks to a side file
 * (unless read_only), logs `store.torn` and `store.damaged` for them, and goes on. */
GW_MUST_USE enum gw_status gw_store_recover(struct gw_store *store, gw_store_record_fn *fn,
                                            void *user, struct gw_store_report *ret_report,
                                            struct gw_store_error *ret_error);

/* Starts the writer and the reader thread; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_store_start(struct gw_store *store);
/* Writes and syncs everything submitted, then ends the threads, if there are any. */
void gw_store_stop(struct gw_store *store);
/* Releases everything; not stopped before: as if the process had been killed. NULL is fine. */
void gw_store_close(struct gw_store *store);
/* Without threads: one commit of all that was submitted and one round of fetches; true if there was
 * anything to do. */
bool gw_store_step(struct gw_store *store);

/* -- writing -- */

struct gw_store_stream *gw_store_stream(struct gw_store *store, unsigned index);

/* on_progress is called when a ticket got further, a fetch was done or the state changed: by the
 * writer's or reader's thread (or in gw_store_step). It only wakes the stream's loop. */
void gw_store_watch(struct gw_store_stream *stream, void (*on_progress)(void *user), void *user);

/* Whether on_progress is called for gw_store_written too, before the sync (it is needed only where
 * something waits for class `os`); off at first. Any thread. */
void gw_store_hurry(struct gw_store_stream *stream, bool hurry);

/* Part of a record; with a blob the bytes point into it and large ones are not copied but kept by
 * reference. */
struct gw_store_part {
    struct gw_span bytes;
    struct gw_blob *blob; /* NULL: the bytes are copied */
};

#define GW_STORE_ALONE    0x80u /* added to a kind: can be read by position, has a CRC of its own */
#define GW_STORE_KIND_MAX 0x7Fu

/* Stages a record. *ret_offset (may be NULL): its place in the chunk; the position is what submit
 * returns plus this. GW_NO_MEMORY, GW_LIMIT: nothing was staged. */
GW_MUST_USE enum gw_status gw_store_append(struct gw_store_stream *stream, uint8_t kind,
                                           const struct gw_store_part *parts, size_t part_count,
                                           uint32_t *ret_offset);
/* Bytes staged since the last submit. */
size_t gw_store_staged(const struct gw_store_stream *stream);
/* The ticket that what is staged now will have. */
gw_store_ticket gw_store_next(const struct gw_store_stream *stream);
/* Hands the chunk to the writer; 0 if nothing was staged. */
gw_position gw_store_submit(struct gw_store_stream *stream);
/* How far this stream's chunks are written to their file (survive the process) and synced (survive
 * the power). Never ahead of the truth; acquire. */
gw_store_ticket gw_store_written(const struct gw_store_stream *stream);
gw_store_ticket gw_store_synced(const struct gw_store_stream *stream);

/* Records of all streams before it are written and can be read by position; acquire. */
gw_position gw_store_written_end(const struct gw_store *store);

enum gw_store_state gw_store_state(const struct gw_store *store);
/* Bytes submitted by all streams and not written yet: producers slow down above some MiB. */
size_t gw_store_pressure(const struct gw_store *store);

/* -- space -- */

/* A record somebody still needs, and does not any more: its segment stays meanwhile. */
void gw_store_hold(struct gw_store *store, gw_position position);
void gw_store_drop(struct gw_store *store, gw_position position);
/* Where the next chunk will go at the earliest. */
gw_position gw_store_end(const struct gw_store *store);
/* Recovery may begin at `from` (what submit or gw_store_end said): everything that still matters is
 * behind it, and submitted, or held. Takes effect when all that is submitted now is synced; older
 * segments without holds are recycled then. Holds of an earlier run are set before the first
 * call. */
void gw_store_set_checkpoint(struct gw_store *store, gw_position from);
gw_position gw_store_checkpoint(const struct gw_store *store);

/* A segment that stays only because somebody holds something in it. */
struct gw_store_held {
    uint32_t number;
    uint64_t size; /* of its file */
};
/* Such segments, all before the checkpoint, from number `from` on: at most `count_max`, by number.
 * Returns how many. */
size_t gw_store_held_segments(struct gw_store *store, uint32_t from, size_t count_max,
                              struct gw_store_held *ret_held);

struct gw_store_figures {
    uint64_t segments, bytes_on_disk, bytes_written, payload_bytes, commits, syncs, chunks;
    uint64_t recycled, sync_ns_max;
    uint64_t since_checkpoint; /* bytes */
};
void gw_store_get_figures(const struct gw_store *store, struct gw_store_figures *ret_figures);

/* -- reading -- */

/* Reads a record that can be read alone, as a blob with its body. GW_MALFORMED: its CRC says that
 * it is damaged (logged `store.damaged`); GW_NOT_FOUND: no such position; GW_OS_ERROR;
 * GW_NO_MEMORY: memory or descriptors are out, ask again later. */
GW_MUST_USE enum gw_status gw_store_read(struct gw_store *store, gw_position position,
                                         struct gw_blob **ret_body);

/* Reads by the reader thread. The caller owns it and leaves it alone until it comes back. */
struct gw_store_fetch {
    struct gw_store_fetch *next;    /* the store's */
    struct gw_store_stream *stream; /* the store's */
    void *user;
    const gw_position *positions;
    struct gw_blob **bodies; /* filled in; NULL where the status is not GW_OK */
    enum gw_status *statuses;
    size_t count;
    int os_errno; /* of the last read that the system refused, 0 if none */
};
void gw_store_fetch(struct gw_store_stream *stream, struct gw_store_fetch *fetch);
/* Without threads: ends those that are not done and all that come, as if memory were out; for when
 * nobody steps the store any more. */
void gw_store_end_fetches(struct gw_store *store);
/* Takes the next fetch that is done, in the order of asking; NULL if none. */
struct gw_store_fetch *gw_store_fetched(struct gw_store_stream *stream);

#endif
