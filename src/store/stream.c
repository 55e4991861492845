#include "store/stream.h"

#include "base/assert.h"

void gw_stream_init(struct gw_store_stream *stream, struct gw_store *store, unsigned index)
{
    *stream = (struct gw_store_stream){.store = store, .index = index};
    atomic_init(&stream->written, 0);
    atomic_init(&stream->synced, 0);
    atomic_init(&stream->returned, NULL);
    atomic_init(&stream->hurry, false);
    atomic_init(&stream->fetched_count, 0);
    stream->fetched_end = &stream->fetched;
}

static void free_all(struct gw_chunk *chunk)
{
    while (chunk != NULL) {
        struct gw_chunk *next = chunk->next;
        gw_chunk_free(chunk);
        chunk = next;
    }
}

void gw_stream_fini(struct gw_store_stream *stream)
{
    gw_chunk_free(stream->chunk);
    free_all(stream->kept);
    free_all(atomic_load_explicit(&stream->returned, memory_order_acquire));
}

void gw_stream_give_back(struct gw_chunk *chunk)
{
    struct gw_store_stream *stream = chunk->stream;
    if (stream == NULL || chunk->capacity > GW_CHUNK_KEEP_MAX) {
        gw_chunk_free(chunk);
        return;
    }
    gw_chunk_reset(chunk);
    /* Release pairs with the acquire of take_chunk. Only the writer pushes, and the loop takes all
     * at once, so nothing can come back between load and exchange. */
    chunk->next = atomic_load_explicit(&stream->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&stream->returned, &chunk->next, chunk,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

void gw_stream_tell(struct gw_store_stream *stream)
{
    if (stream->on_progress != NULL)
        stream->on_progress(stream->user);
}

/* An empty chunk: one that came back, or a new one. NULL when memory is out. */
static struct gw_chunk *take_chunk(struct gw_store_stream *stream)
{
    if (stream->kept == NULL) {
        struct gw_chunk *chunk =
            atomic_exchange_explicit(&stream->returned, NULL, memory_order_acquire);
        stream->kept = chunk;
        for (unsigned i = 1; chunk != NULL; i++, chunk = chunk->next) {
            if (i == GW_STREAM_KEEP_MAX) {
                free_all(chunk->next);
                chunk->next = NULL;
            }
        }
    }
    struct gw_chunk *chunk = stream->kept;
    if (chunk == NULL)
        return gw_chunk_new();
    stream->kept = chunk->next;
    return chunk;
}

struct gw_store_stream *gw_store_stream(struct gw_store *store, unsigned index)
{
    GW_ASSERT(index < store->stream_count);
    return &store->streams[index];
}

void gw_store_watch(struct gw_store_stream *stream, void (*on_progress)(void *user), void *user)
{
    stream->on_progress = on_progress;
    stream->user = user;
}

void gw_store_hurry(struct gw_store_stream *stream, bool hurry)
{
    atomic_store_explicit(&stream->hurry, hurry, memory_order_relaxed);
}

enum gw_status gw_store_append(struct gw_store_stream *stream, uint8_t kind,
                               const struct gw_store_part *parts, size_t part_count,
                               uint32_t *ret_offset)
{
    if (stream->chunk == NULL) {
        stream->chunk = take_chunk(stream);
        if (stream->chunk == NULL)
            return GW_NO_MEMORY;
        atomic_store_explicit(&stream->begun, stream->submitted + 1, memory_order_release);
    }
    return gw_chunk_append(stream->chunk, kind, parts, part_count, ret_offset);
}

size_t gw_store_staged(const struct gw_store_stream *stream)
{
    return stream->chunk ? gw_chunk_data_size(stream->chunk) : 0;
}

gw_store_ticket gw_store_next(const struct gw_store_stream *stream)
{
    return stream->submitted + 1;
}

/* The place of the next chunk of this size. A new segment begins where it does not fit; one that
 * fits in no segment gets its own. */
static gw_position next_place(gw_position end, uint64_t segment_size, size_t size)
{
    uint32_t offset = gw_position_offset(end);
    if (offset > GW_LAYOUT_SEGMENT_AREA && offset + (uint64_t)size > segment_size)
        return gw_position_of(gw_position_segment(end) + 1, GW_LAYOUT_SEGMENT_AREA);
    return end;
}

gw_position gw_stream_place(struct gw_store *store, struct gw_chunk *chunk)
{
    struct gw_engine_intake *intake = &store->intake;
    size_t size = gw_chunk_file_size(chunk);
    gw_mutex_lock(&intake->mutex);
    /* Relaxed: only holders of the mutex write it. Others get a number that may be old. */
    gw_position end = atomic_load_explicit(&intake->end, memory_order_relaxed);
    gw_position position = next_place(end, store->options.segment_size, size);
    chunk->position = position;
    atomic_store_explicit(&intake->end, position + size, memory_order_relaxed);
    bool was_empty = intake->queue.head == NULL;
    gw_engine_push(&intake->queue, chunk);
    atomic_fetch_add_explicit(&intake->pressure, size, memory_order_relaxed);
    gw_mutex_unlock(&intake->mutex);
    if (was_empty)
        gw_signal_ring(&intake->wake);
    return position;
}

gw_position gw_store_submit(struct gw_store_stream *stream)
{
    struct gw_chunk *chunk = stream->chunk;
    if (chunk == NULL || chunk->records == 0)
        return 0;
    stream->chunk = NULL;
    chunk->stream = stream;
    chunk->ticket = ++stream->submitted;
    return gw_stream_place(stream->store, chunk);
}

gw_store_ticket gw_store_written(const struct gw_store_stream *stream)
{
    return atomic_load_explicit(&stream->written, memory_order_acquire);
}

gw_store_ticket gw_store_synced(const struct gw_store_stream *stream)
{
    return atomic_load_explicit(&stream->synced, memory_order_acquire);
}
