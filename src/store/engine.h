/*
 * store/engine: what the store is made of; private to src/store.
 *
 * Layer   store (may include os, base).
 * Owner   intake: any thread, by its mutex; writer: the writer's thread (or who calls step);
 *         desk: any thread, by its mutex; a stream: its loop, but for the fields said to be shared.
 * Life    that of the store.
 * Limits  see store/store.h.
 *
 *   loop: append -> chunk -> submit -> intake --\
 *   loop: append -> chunk -> submit -> intake ---> writer: todo -> write -> done -> sync -> tickets
 *                                                                \-> chunks go back to their
 * streams
 */
#ifndef GW_STORE_ENGINE_H
#define GW_STORE_ENGINE_H

#include <stdatomic.h>

#include "os/thread.h"
#include "store/chunk.h"
#include "store/holds.h"
#include "store/segment.h"

#define GW_ENGINE_SPARES_MAX 2u /* files kept for segments to come */
#define GW_ENGINE_RETRY_NS   GW_NS_PER_S
#define GW_ENGINE_PATH_MAX   500u

struct gw_chunk_list {
    struct gw_chunk *head, *tail;
};

struct gw_store_stream {
    struct gw_store *store;
    unsigned index;
    struct gw_chunk *chunk;    /* what is staged; NULL after submit */
    struct gw_chunk *kept;     /* for the next rounds */
    gw_store_ticket submitted; /* the last one */
    bool moved;                /* the writer's: a ticket moved in this round */
    /* Shared. */
    _Atomic gw_store_ticket written, synced; /* the writer releases, the loop acquires */
    /* The chunk that was begun last; the loop releases with what it stages, the writer acquires. */
    _Atomic gw_store_ticket begun;
    _Atomic(struct gw_chunk *) returned; /* pushed by the writer, taken by the loop as a whole */
    atomic_bool hurry;                   /* wants to hear of `written` too; relaxed */
    atomic_size_t fetched_count;         /* length of `fetched`; a hint, relaxed */
    struct gw_store_fetch *fetched, **fetched_end; /* by the desk's mutex */
    void (*on_progress)(void *user);
    void *user;
};

/* What was submitted and waits for the writer. */
struct gw_engine_intake {
    struct gw_mutex mutex;
    struct gw_signal wake;
    struct gw_chunk_list queue;
    _Atomic gw_position end; /* written under the mutex */
    atomic_size_t pressure;
    gw_position checkpoint;       /* what set_checkpoint said last */
    gw_position checkpoint_needs; /* to be synced before it may stand in a head */
    bool nudged;                  /* something else than the queue wants the writer to look */
    bool stopping;
    struct gw_store_figures figures;
};

struct gw_engine_writer {
    struct gw_chunk_list todo; /* taken, not written */
    struct gw_chunk_list done; /* written, not synced */
    gw_file_handle file;       /* of the segment that is written; -1 */
    uint32_t number;           /* of the segment; 0: none yet */
    uint32_t seed;
    gw_position end;                 /* of what is written */
    _Atomic gw_position written_end; /* the same, for readers */
    gw_position synced_end;
    gw_position checkpoint;        /* goes into heads */
    gw_position checkpoint_told;   /* the newest one in a chunk that was written */
    gw_position checkpoint_synced; /* in one that was synced: older segments may go */
    bool recycle_allowed;          /* holds of this run are in place: a checkpoint was set */
    bool recycle_due;
    bool recycle_again; /* a segment waits for records on their way */
    bool cut_waits;     /* recovery left out segments; they may go after the first sync, */
    bool cut_due;       /* now */
    bool unmarked;      /* the last chunk that was synced is no mark */
    bool blocked;       /* the first of todo found no room */
    bool spares[GW_ENGINE_SPARES_MAX];
    gw_mono_ns retry_at;
    const char *full_why;
    int full_errno;
};

struct gw_engine_desk {
    struct gw_mutex mutex;
    struct gw_signal wake;
    struct gw_store_fetch *head, **end;
    atomic_bool waits; /* the first one waits for the writer */
    bool stopping;
};

struct gw_store {
    struct gw_store_options options;
    char path[GW_ENGINE_PATH_MAX];
    gw_file_handle lock;
    bool recovered;
    bool running; /* threads are */
    struct gw_thread writer_thread, reader_thread;
    struct gw_segment_table segments;
    struct gw_holds holds;
    struct gw_engine_intake intake;
    struct gw_engine_writer writer;
    struct gw_engine_desk desk;
    _Atomic enum gw_store_state state;
    unsigned stream_count;
    struct gw_store_stream streams[];
};

static inline void gw_engine_push(struct gw_chunk_list *list, struct gw_chunk *chunk)
{
    chunk->next = NULL;
    if (list->head == NULL)
        list->head = chunk;
    else
        list->tail->next = chunk;
    list->tail = chunk;
}

static inline struct gw_chunk *gw_engine_pop(struct gw_chunk_list *list)
{
    struct gw_chunk *chunk = list->head;
    if (chunk != NULL)
        list->head = chunk->next;
    return chunk;
}

#endif
