#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/commit.h"
#include "store/engine.h"
#include "store/fetch.h"
#include "store/recover.h"
#include "store/space.h"
#include "store/stream.h"

#define SEGMENT_SIZE_MIN (GW_LAYOUT_SEGMENT_AREA * 2u)
#define SEGMENT_SIZE_MAX ((uint64_t)1 << 31)

/* -- open and close -- */

static struct gw_store *make_store(const struct gw_store_options *options)
{
    struct gw_store *store =
        calloc(1, sizeof *store + options->stream_count * sizeof(struct gw_store_stream));
    if (store == NULL)
        return NULL;
    store->options = *options;
    store->options.segment_size = GW_LAYOUT_ALIGN(options->segment_size);
    snprintf(store->path, sizeof store->path, "%s", options->path);
    store->options.path = store->path;
    store->lock = -1;
    store->writer.file = -1;
    store->stream_count = options->stream_count;
    gw_segment_init(&store->segments, options->disk, store->path);
    gw_holds_init(&store->holds);
    gw_mutex_init(&store->intake.mutex);
    gw_signal_init(&store->intake.wake);
    gw_fetch_init(store);
    atomic_init(&store->intake.end, 0);
    atomic_init(&store->intake.pressure, 0);
    atomic_init(&store->writer.written_end, 0);
    atomic_init(&store->state, GW_STORE_RUNNING);
    for (unsigned i = 0; i < store->stream_count; i++)
        gw_stream_init(&store->streams[i], store, i);
    return store;
}

static void free_chunks(struct gw_chunk_list *list)
{
    struct gw_chunk *chunk;
    while ((chunk = gw_engine_pop(list)) != NULL)
        gw_chunk_free(chunk);
}

void gw_store_close(struct gw_store *store)
{
    if (store == NULL)
        return;
    GW_ASSERT(!store->running);
    const struct gw_disk *disk = store->options.disk;
    free_chunks(&store->intake.queue);
    free_chunks(&store->writer.todo);
    free_chunks(&store->writer.done);
    for (unsigned i = 0; i < store->stream_count; i++)
        gw_stream_fini(&store->streams[i]);
    if (store->writer.file >= 0)
        disk->ops->close(disk->ctx, store->writer.file);
    gw_segment_fini(&store->segments);
    gw_holds_fini(&store->holds);
    gw_fetch_fini(store);
    gw_signal_fini(&store->intake.wake);
    gw_mutex_fini(&store->intake.mutex);
    if (store->lock >= 0)
        disk->ops->close(disk->ctx, store->lock);
    free(store);
}

/* The directory in which `path` stands. */
static void parent_of(const char *path, char parent[GW_ENGINE_PATH_MAX])
{
    snprintf(parent, GW_ENGINE_PATH_MAX, "%s", path);
    size_t size = strlen(parent);
    while (size > 1 && parent[size - 1] == '/')
        parent[--size] = 0;
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        snprintf(parent, GW_ENGINE_PATH_MAX, ".");
    else
        slash[slash == parent] = 0;
}

static enum gw_status make_directory(struct gw_store *store, struct gw_store_error *ret_error)
{
    const struct gw_disk *disk = store->options.disk;
    int error = 0;
    enum gw_status status = disk->ops->make_directory(disk->ctx, store->path, &error);
    if (status != GW_OK && status != GW_EXISTS)
        return gw_recover_error(ret_error, GW_OS_ERROR, store->path, "cannot make the directory",
                                error);
    char parent[GW_ENGINE_PATH_MAX];
    parent_of(store->path, parent);
    /* Also if it was there: a process that was killed may have made it just before. But then
     * whoever made it may not let us into its parent, and it is his. */
    if (disk->ops->sync_directory(disk->ctx, parent, &error) != GW_OK && status == GW_OK)
        return gw_recover_error(ret_error, GW_OS_ERROR, parent, "cannot sync", error);
    return GW_OK;
}

static enum gw_status take_lock(struct gw_store *store, struct gw_store_error *ret_error)
{
    const struct gw_disk *disk = store->options.disk;
    char path[GW_SEGMENT_PATH_SIZE];
    int error = 0;
    snprintf(path, sizeof path, "%s/LOCK", store->path);
    enum gw_status status = disk->ops->open(disk->ctx, path, GW_DISK_WRITE, &store->lock, &error);
    if (status == GW_NOT_FOUND)
        status = disk->ops->open(disk->ctx, path, GW_DISK_CREATE, &store->lock, &error);
    if (status != GW_OK) {
        store->lock = -1;
        if (error == ENOTDIR)
            return gw_recover_error(ret_error, GW_INVALID, store->path,
                                    "is no store: not a directory", error);
        return gw_recover_error(ret_error, GW_OS_ERROR, path, "cannot open", error);
    }
    status = disk->ops->lock(disk->ctx, store->lock, &error);
    if (status == GW_OK)
        return GW_OK;
    return gw_recover_error(ret_error, status == GW_LIMIT ? GW_LIMIT : GW_OS_ERROR, store->path,
                            status == GW_LIMIT ? "is in use by another process" : "cannot lock",
                            error);
}

enum gw_status gw_store_open(const struct gw_store_options *options, struct gw_store **ret_store,
                             struct gw_store_error *ret_error)
{
    *ret_store = NULL;
    GW_ASSERT(options->stream_count > 0 && options->stream_count <= GW_STORE_STREAMS_MAX);
    if (strlen(options->path) >= GW_ENGINE_PATH_MAX)
        return gw_recover_error(ret_error, GW_INVALID, options->path, "the path is too long", 0);
    if (!options->read_only &&
        (options->segment_size < SEGMENT_SIZE_MIN || options->segment_size > SEGMENT_SIZE_MAX))
        return gw_recover_error(ret_error, GW_INVALID, options->path,
                                "segments of this size cannot be", 0);
    struct gw_store *store = make_store(options);
    if (store == NULL)
        return gw_recover_error(ret_error, GW_NO_MEMORY, options->path, "out of memory", 0);
    enum gw_status status = GW_OK;
    if (!options->read_only) {
        status = make_directory(store, ret_error);
        if (status == GW_OK)
            status = take_lock(store, ret_error);
    }
    if (status == GW_OK)
        status = gw_recover_look(store, ret_error);
    if (status == GW_OK)
        *ret_store = store;
    else
        gw_store_close(store);
    return status;
}

enum gw_status gw_store_recover(struct gw_store *store, gw_store_record_fn *fn, void *user,
                                struct gw_store_report *ret_report,
                                struct gw_store_error *ret_error)
{
    GW_ASSERT(!store->recovered);
    GW_TRY(gw_recover_run(store, fn, user, ret_report, ret_error));
    uint32_t next = gw_position_segment(gw_store_end(store));
    if (gw_holds_reserve(&store->holds, next) != GW_OK)
        return gw_recover_error(ret_error, GW_NO_MEMORY, store->path, "out of memory", 0);
    if (!store->options.read_only)
        gw_space_adopt(store);
    store->recovered = true;
    return GW_OK;
}

/* -- running -- */

bool gw_store_step(struct gw_store *store)
{
    GW_ASSERT(store->recovered && !store->running && !store->options.read_only);
    bool any = gw_commit_step(store);
    return gw_fetch_step(store) || any;
}

/* True if nothing came in all that time. */
static bool wait_for_work(struct gw_engine_intake *intake, uint64_t time)
{
    gw_mutex_lock(&intake->mutex);
    if (intake->queue.head == NULL && !intake->stopping && !intake->nudged)
        gw_signal_wait(&intake->wake, &intake->mutex, time);
    bool idle = intake->queue.head == NULL && !intake->stopping && !intake->nudged;
    intake->nudged = false;
    gw_mutex_unlock(&intake->mutex);
    return idle;
}

static void *write_until_stopped(void *user)
{
    struct gw_store *store = user;
    struct gw_engine_intake *intake = &store->intake;
    bool stopping = false;
    while (!stopping) {
        gw_mutex_lock(&intake->mutex);
        stopping = intake->stopping;
        gw_mutex_unlock(&intake->mutex);
        if (gw_commit_step(store)) {
            gw_fetch_progress(store);
            continue;
        }
        uint64_t rest = gw_commit_rest(store);
        bool idle = wait_for_work(intake, rest);
        if (idle && gw_store_state(store) == GW_STORE_RUNNING)
            gw_commit_mark(store);
    }
    gw_commit_mark(store);
    gw_fetch_progress(store);
    return NULL;
}

static void *read_until_stopped(void *user)
{
    gw_fetch_run(user);
    return NULL;
}

enum gw_status gw_store_start(struct gw_store *store)
{
    GW_ASSERT(store->recovered && !store->running && !store->options.read_only);
    GW_TRY(gw_thread_start(&store->reader_thread, "store-read", read_until_stopped, store));
    if (gw_thread_start(&store->writer_thread, "store-write", write_until_stopped, store) !=
        GW_OK) {
        gw_fetch_stop(store);
        gw_thread_join(&store->reader_thread);
        store->desk.stopping = false;
        return GW_OS_ERROR;
    }
    store->running = true;
    return GW_OK;
}

void gw_store_stop(struct gw_store *store)
{
    if (!store->running) {
        if (store->recovered && !store->options.read_only) {
            while (gw_store_step(store)) {
            }
            gw_commit_mark(store);
        }
        return;
    }
    gw_mutex_lock(&store->intake.mutex);
    store->intake.stopping = true;
    gw_signal_ring(&store->intake.wake);
    gw_mutex_unlock(&store->intake.mutex);
    gw_thread_join(&store->writer_thread);
    gw_fetch_stop(store);
    gw_thread_join(&store->reader_thread);
    gw_fetch_clear(store);
    store->running = false;
}

void gw_store_end_fetches(struct gw_store *store)
{
    GW_ASSERT(!store->running);
    gw_fetch_stop(store);
    gw_fetch_clear(store);
}

/* -- questions -- */

enum gw_store_state gw_store_state(const struct gw_store *store)
{
    return atomic_load_explicit(&store->state, memory_order_acquire);
}

size_t gw_store_pressure(const struct gw_store *store)
{
    return atomic_load_explicit(&store->intake.pressure, memory_order_relaxed);
}

/* Relaxed: a number; who was told of a position by another thread was told by something that
 * orders. */
gw_position gw_store_end(const struct gw_store *store)
{
    return atomic_load_explicit(&store->intake.end, memory_order_relaxed);
}

gw_position gw_store_written_end(const struct gw_store *store)
{
    return atomic_load_explicit(&store->writer.written_end, memory_order_acquire);
}

void gw_store_hold(struct gw_store *store, gw_position position)
{
    gw_holds_add(&store->holds, gw_position_segment(position));
}

void gw_store_drop(struct gw_store *store, gw_position position)
{
    gw_holds_drop(&store->holds, gw_position_segment(position));
}

void gw_store_set_checkpoint(struct gw_store *store, gw_position from)
{
    struct gw_engine_intake *intake = &store->intake;
    gw_mutex_lock(&intake->mutex);
    gw_position end = atomic_load_explicit(&intake->end, memory_order_relaxed);
    GW_ASSERT(from <= end);
    if (from > intake->checkpoint) {
        intake->checkpoint = from;
        intake->checkpoint_needs = end;
        intake->nudged = true;
    }
    gw_mutex_unlock(&intake->mutex);
    gw_signal_ring(&intake->wake);
}

gw_position gw_store_checkpoint(const struct gw_store *store)
{
    /* Only the lock changes, which is not part of what is asked. */
    struct gw_mutex *mutex = (struct gw_mutex *)(uintptr_t)&store->intake.mutex;
    gw_mutex_lock(mutex);
    gw_position checkpoint = store->intake.checkpoint;
    gw_mutex_unlock(mutex);
    return checkpoint;
}

size_t gw_store_held_segments(struct gw_store *store, uint32_t from, size_t count_max,
                              struct gw_store_held *ret_held)
{
    uint32_t end = gw_position_segment(gw_store_checkpoint(store));
    size_t count = 0;
    struct gw_store_held held;
    while (count < count_max &&
           gw_segment_next(&store->segments, from, end, &held.number, &held.size)) {
        from = held.number + 1;
        if (gw_holds_any(&store->holds, held.number))
            ret_held[count++] = held;
    }
    return count;
}

void gw_store_get_figures(const struct gw_store *store, struct gw_store_figures *ret_figures)
{
    struct gw_store *open = (struct gw_store *)(uintptr_t)store;
    gw_mutex_lock(&open->intake.mutex);
    *ret_figures = open->intake.figures;
    gw_position from = open->intake.checkpoint;
    gw_mutex_unlock(&open->intake.mutex);
    gw_position end = gw_store_end(store);
    gw_segment_sum(&open->segments, &ret_figures->segments, &ret_figures->bytes_on_disk);
    ret_figures->since_checkpoint =
        (uint64_t)(gw_position_segment(end) - gw_position_segment(from)) *
            store->options.segment_size +
        gw_position_offset(end) - gw_position_offset(from);
}
