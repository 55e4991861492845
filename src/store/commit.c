#include "store/commit.h"

#include <string.h>

#include "base/assert.h"
#include "store/space.h"
#include "store/stream.h"

/* -- outcomes -- */

static void tell_all(struct gw_store *store)
{
    for (unsigned i = 0; i < store->stream_count; i++)
        gw_stream_tell(&store->streams[i]);
}

static void fail(struct gw_store *store, const char *what, int error)
{
    struct gw_log_field fields[] = {
        gw_log_str("path", store->path),
        gw_log_str("why", what),
        gw_log_number("errno", error),
        gw_log_str("error", error ? strerror(error) : ""),
    };
    atomic_store_explicit(&store->state, GW_STORE_FAILED, memory_order_release);
    gw_log_event(store->options.log, GW_LOG_ERROR, "store.failed",
                 "the store failed: nothing is acknowledged as durable any more", fields,
                 GW_COUNT_OF(fields));
    tell_all(store);
}

static bool failed(const struct gw_store *store)
{
    return atomic_load_explicit(&store->state, memory_order_relaxed) == GW_STORE_FAILED;
}

/* Chunks that will not be durable any more. */
static void discard(struct gw_store *store)
{
    struct gw_chunk *chunk;
    while ((chunk = gw_engine_pop(&store->writer.done)) != NULL)
        gw_stream_give_back(chunk);
    while ((chunk = gw_engine_pop(&store->writer.todo)) != NULL) {
        atomic_fetch_sub_explicit(&store->intake.pressure, gw_chunk_file_size(chunk),
                                  memory_order_relaxed);
        gw_stream_give_back(chunk);
    }
}

/* -- writing -- */

/* Writes gathered pieces and goes on behind them. */
static enum gw_status flush(struct gw_store *store, struct iovec *parts, int *count,
                            uint64_t *offset, int *ret_errno)
{
    const struct gw_disk *disk = store->options.disk;
    uint64_t size = 0;
    for (int i = 0; i < *count; i++)
        size += parts[i].iov_len;
    if (*count == 0)
        return GW_OK;
    GW_TRY(disk->ops->write(disk->ctx, store->writer.file, *offset, parts, *count, ret_errno));
    *offset += size;
    *count = 0;
    return GW_OK;
}

/* Writes the chunks of todo that belong to the open segment, as far as `until` (not included). */
static enum gw_status write_run(struct gw_store *store, const struct gw_chunk *until,
                                int *ret_errno)
{
    struct gw_engine_writer *writer = &store->writer;
    struct iovec parts[GW_COMMIT_PARTS_MAX];
    int count = 0;
    GW_ASSERT(writer->todo.head != NULL);
    uint64_t offset = gw_position_offset(writer->todo.head->position);
    for (struct gw_chunk *chunk = writer->todo.head; chunk != until; chunk = chunk->next) {
        struct gw_layout_chunk head = {
            .synced_upto = writer->synced_end,
            .checkpoint = writer->checkpoint,
            .stream = chunk->stream ? chunk->stream->index : GW_LAYOUT_STREAM_NONE,
        };
        gw_chunk_seal(chunk, writer->seed, &head);
        size_t cursor = 0;
        struct gw_span piece;
        while ((piece = gw_chunk_piece(chunk, &cursor)).size > 0) {
            if (count == GW_COMMIT_PARTS_MAX)
                GW_TRY(flush(store, parts, &count, &offset, ret_errno));
            /* iovec serves reading too, so it wants what is const without it. */
            memcpy(&parts[count].iov_base, &piece.data, sizeof piece.data);
            parts[count++].iov_len = piece.size;
        }
    }
    return flush(store, parts, &count, &offset, ret_errno);
}

/* What was written counts as such: tickets, figures, pressure. */
static void account_written(struct gw_store *store, const struct gw_chunk *until)
{
    struct gw_engine_writer *writer = &store->writer;
    uint64_t bytes = 0;
    uint64_t payload = 0;
    uint64_t chunks = 0;
    while (writer->todo.head != until) {
        struct gw_chunk *chunk = gw_engine_pop(&writer->todo);
        size_t size = gw_chunk_file_size(chunk);
        bytes += size;
        payload += gw_chunk_data_size(chunk);
        chunks++;
        writer->end = chunk->position + size;
        gw_engine_push(&writer->done, chunk);
    }
    /* Release pairs with readers: what they find below it is in the file. */
    atomic_store_explicit(&writer->written_end, writer->end, memory_order_release);
    for (struct gw_chunk *chunk = writer->done.head; chunk != NULL; chunk = chunk->next) {
        struct gw_store_stream *stream = chunk->stream;
        if (stream == NULL)
            continue;
        stream->moved = true;
        atomic_store_explicit(&stream->written, chunk->ticket, memory_order_release);
    }
    atomic_fetch_sub_explicit(&store->intake.pressure, bytes, memory_order_relaxed);
    writer->checkpoint_told = writer->checkpoint;
    gw_mutex_lock(&store->intake.mutex);
    store->intake.figures.bytes_written += bytes;
    store->intake.figures.payload_bytes += payload;
    store->intake.figures.chunks += chunks;
    gw_mutex_unlock(&store->intake.mutex);
}

/* -- syncing -- */

static void tell_written(struct gw_store *store)
{
    for (unsigned i = 0; i < store->stream_count; i++) {
        struct gw_store_stream *stream = &store->streams[i];
        if (stream->moved && atomic_load_explicit(&stream->hurry, memory_order_relaxed))
            gw_stream_tell(stream);
    }
}

static void account_sync(struct gw_store *store, gw_mono_ns took)
{
    struct gw_store_figures *figures = &store->intake.figures;
    gw_mutex_lock(&store->intake.mutex);
    figures->syncs++;
    if (took > figures->sync_ns_max)
        figures->sync_ns_max = took;
    gw_mutex_unlock(&store->intake.mutex);
}

/* Syncs what is written; tickets move. False: failed, for ever. */
static bool sync_done(struct gw_store *store)
{
    struct gw_engine_writer *writer = &store->writer;
    if (writer->done.head == NULL)
        return true;
    tell_written(store);
    const struct gw_disk *disk = store->options.disk;
    int error = 0;
    gw_mono_ns began = gw_clock_mono(store->options.clock);
    if (disk->ops->sync(disk->ctx, writer->file, &error) != GW_OK) {
        fail(store, "a sync failed", error);
        return false;
    }
    account_sync(store, gw_clock_mono(store->options.clock) - began);
    writer->synced_end = writer->end;
    writer->cut_due |= writer->cut_waits;
    writer->cut_waits = false;
    if (writer->checkpoint_synced != writer->checkpoint_told) {
        writer->checkpoint_synced = writer->checkpoint_told;
        writer->recycle_due = true;
    }
    struct gw_chunk *chunk;
    while ((chunk = gw_engine_pop(&writer->done)) != NULL) {
        writer->unmarked = chunk->stream != NULL;
        if (chunk->stream != NULL)
            atomic_store_explicit(&chunk->stream->synced, chunk->ticket, memory_order_release);
        gw_stream_give_back(chunk);
    }
    return true;
}

static void tell_moved(struct gw_store *store)
{
    for (unsigned i = 0; i < store->stream_count; i++) {
        struct gw_store_stream *stream = &store->streams[i];
        if (!stream->moved)
            continue;
        stream->moved = false;
        gw_stream_tell(stream);
    }
}

/* -- the commit -- */

/* The segment of the first chunk is open afterwards. GW_NO_SPACE: try again later. */
static enum gw_status enter_segment(struct gw_store *store, const struct gw_chunk *chunk)
{
    struct gw_engine_writer *writer = &store->writer;
    const struct gw_disk *disk = store->options.disk;
    uint32_t number = gw_position_segment(chunk->position);
    if (number == writer->number && writer->file >= 0)
        return GW_OK;
    if (!sync_done(store))
        return GW_OS_ERROR;
    if (writer->file >= 0)
        disk->ops->close(disk->ctx, writer->file);
    writer->file = -1;
    const char *what = "";
    int error = 0;
    enum gw_status status = gw_space_begin(store, number, gw_chunk_file_size(chunk), &what, &error);
    if (status == GW_OK || status == GW_NO_SPACE)
        return status;
    fail(store, what, error);
    return GW_OS_ERROR;
}

/* Writes all of todo that finds room. False: failed. */
static bool write_todo(struct gw_store *store)
{
    struct gw_engine_writer *writer = &store->writer;
    writer->blocked = false;
    while (writer->todo.head != NULL) {
        enum gw_status status = enter_segment(store, writer->todo.head);
        int error = 0;
        if (status == GW_OK) {
            const struct gw_chunk *until = writer->todo.head;
            while (until != NULL && gw_position_segment(until->position) == writer->number)
                until = until->next;
            status = write_run(store, until, &error);
            if (status == GW_OK)
                account_written(store, until);
            else if (status == GW_NO_SPACE) {
                writer->full_why = "no room on the disk";
                writer->full_errno = error;
            } else
                fail(store, "a write failed", error);
        }
        if (failed(store))
            return false;
        if (status == GW_NO_SPACE) {
            writer->blocked = true;
            break;
        }
    }
    return true;
}

/* Takes what was submitted. True if there is anything to write. */
static bool take_intake(struct gw_store *store)
{
    struct gw_engine_intake *intake = &store->intake;
    struct gw_engine_writer *writer = &store->writer;
    gw_mutex_lock(&intake->mutex);
    struct gw_chunk_list queue = intake->queue;
    intake->queue.head = NULL;
    /* Only what is synced may be relied on by whoever finds this checkpoint in a head. */
    if (intake->checkpoint > writer->checkpoint && writer->synced_end >= intake->checkpoint_needs) {
        writer->checkpoint = intake->checkpoint;
        writer->recycle_allowed = true;
    }
    gw_mutex_unlock(&intake->mutex);
    if (queue.head != NULL) {
        if (writer->todo.head == NULL)
            writer->todo.head = queue.head;
        else
            writer->todo.tail->next = queue.head;
        writer->todo.tail = queue.tail;
    }
    return writer->todo.head != NULL;
}

static void put_mark(struct gw_store *store)
{
    struct gw_chunk *mark = gw_chunk_new();
    if (mark != NULL) /* without memory the next commit carries what the mark would say */
        gw_stream_place(store, mark);
}

/* One round: what was submitted is written and synced. True if there was something. */
static bool commit(struct gw_store *store)
{
    struct gw_engine_writer *writer = &store->writer;
    if (!take_intake(store)) {
        /* A checkpoint that nothing carries gets a chunk of its own. */
        if (writer->checkpoint == writer->checkpoint_told)
            return false;
        put_mark(store);
        if (!take_intake(store))
            return false;
    }
    if (writer->blocked && gw_clock_mono(store->options.clock) < writer->retry_at)
        return false;
    const struct gw_chunk *first = writer->todo.head;
    if (write_todo(store) && sync_done(store))
        tell_moved(store);
    if (failed(store)) {
        discard(store);
        return true;
    }
    gw_mutex_lock(&store->intake.mutex);
    store->intake.figures.commits++;
    gw_mutex_unlock(&store->intake.mutex);
    return writer->todo.head != first;
}

bool gw_commit_step(struct gw_store *store)
{
    if (failed(store)) {
        bool any = take_intake(store);
        discard(store);
        return any;
    }
    bool any = commit(store);
    if (any && gw_store_checkpoint(store) != store->writer.checkpoint_told)
        (void)commit(store); /* for a checkpoint that could not be told before this sync */
    if (gw_space_upkeep(store)) {
        tell_all(store);
        any = true;
    }
    return any;
}

void gw_commit_mark(struct gw_store *store)
{
    struct gw_engine_writer *writer = &store->writer;
    if (failed(store) || !writer->unmarked || writer->blocked)
        return;
    put_mark(store);
    (void)gw_commit_step(store);
}

uint64_t gw_commit_rest(const struct gw_store *store)
{
    gw_mono_ns now = gw_clock_mono(store->options.clock);
    if (atomic_load_explicit(&store->state, memory_order_relaxed) != GW_STORE_FULL)
        return store->writer.unmarked ? GW_COMMIT_IDLE_NS : UINT64_MAX;
    return store->writer.retry_at > now ? store->writer.retry_at - now : 1;
}
