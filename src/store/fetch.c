#include "store/fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/stream.h"

#define SMALL_WINDOW 2048u

/* Bytes of one segment, read last. */
struct window {
    uint8_t *memory;
    size_t capacity;
    uint32_t number; /* 0: empty */
    uint64_t base;
    size_t fill;
    int error; /* errno of the last read that failed */
};

/* GW_OK: the position was written. */
static enum gw_status is_written(const struct gw_store *store, gw_position position)
{
    /* Acquire pairs with the writer: the bytes below it are in the file. */
    if (position < atomic_load_explicit(&store->writer.written_end, memory_order_acquire))
        return GW_OK;
    if (position == 0 || position >= gw_store_end(store))
        return GW_NOT_FOUND;
    return gw_store_state(store) == GW_STORE_FAILED ? GW_OS_ERROR : GW_AGAIN;
}

/* What the window has from this offset on, after a read if need be. Never bytes that are not
 * written yet: they would be taken for those that come later. */
static enum gw_status look(const struct gw_store *store, const struct gw_segment *segment,
                           uint64_t offset, struct window *window, struct gw_span *ret_bytes)
{
    bool inside = window->number == segment->number && offset >= window->base &&
                  offset + GW_LAYOUT_RECORD_HEAD_MAX <= window->base + window->fill;
    if (!inside) {
        const struct gw_disk *disk = store->options.disk;
        gw_position written =
            atomic_load_explicit(&store->writer.written_end, memory_order_acquire);
        size_t size = window->capacity;
        if (gw_position_segment(written) == segment->number &&
            gw_position_offset(written) - offset < size)
            size = (size_t)(gw_position_offset(written) - offset);
        window->number = 0;
        if (disk->ops->read(disk->ctx, segment->file, offset, (struct iovec){window->memory, size},
                            &window->fill, &window->error) != GW_OK)
            return GW_OS_ERROR;
        window->number = segment->number;
        window->base = offset;
    }
    size_t at = (size_t)(offset - window->base);
    *ret_bytes = gw_span_of(window->memory + at, window->fill - at);
    return GW_OK;
}

static enum gw_status read_body(const struct gw_store *store, const struct gw_segment *segment,
                                uint64_t offset, struct gw_span bytes, struct gw_blob **ret_body,
                                int *ret_errno)
{
    const struct gw_disk *disk = store->options.disk;
    struct gw_layout_record record;
    if (gw_layout_get_record(bytes, &record) != GW_OK || !(record.kind & GW_STORE_ALONE) ||
        record.body_size > GW_STORE_RECORD_MAX ||
        record.head_size + record.body_size > segment->size - offset)
        return GW_MALFORMED;
    struct gw_blob *body = gw_blob_new(record.body_size);
    if (body == NULL)
        return GW_NO_MEMORY;
    size_t there = bytes.size - record.head_size;
    if (there > record.body_size)
        there = record.body_size;
    if (there > 0)
        memcpy(body->data, bytes.data + record.head_size, there);
    size_t got = 0;
    enum gw_status status = GW_OK;
    if (there < record.body_size)
        status = disk->ops->read(disk->ctx, segment->file, offset + record.head_size + there,
                                 (struct iovec){body->data + there, record.body_size - there}, &got,
                                 ret_errno);
    if (status != GW_OK)
        status = GW_OS_ERROR;
    else if (there + got != record.body_size ||
             gw_layout_record_crc(bytes.data, record.head_size - 4, gw_blob_span(body)) !=
                 record.crc)
        status = GW_MALFORMED;
    if (status == GW_OK)
        *ret_body = body;
    else
        gw_blob_unref(&body);
    return status;
}

static void report_damage(const struct gw_store *store, gw_position position)
{
    char path[GW_SEGMENT_PATH_SIZE];
    gw_segment_path(&store->segments, gw_position_segment(position), path);
    struct gw_log_field fields[] = {
        gw_log_str("path", path),          gw_log_number("offset", gw_position_offset(position)),
        gw_log_number("damaged_bytes", 0), gw_log_str("why", "wrong sum over a record"),
        gw_log_str("saved_to", ""),
    };
    gw_log_event(store->options.log, GW_LOG_ERROR, "store.damaged",
                 "a part of the store that was synced once cannot be read", fields,
                 GW_COUNT_OF(fields));
}

static enum gw_status read_record(struct gw_store *store, struct window *window,
                                  gw_position position, struct gw_blob **ret_body)
{
    GW_TRY(is_written(store, position));
    struct gw_segment *segment;
    uint64_t offset = gw_position_offset(position);
    enum gw_status status =
        gw_segment_pin(&store->segments, gw_position_segment(position), &segment, &window->error);
    if (status != GW_OK) /* a want of descriptors passes, and nothing is lost */
        return window->error == EMFILE || window->error == ENFILE ? GW_NO_MEMORY : status;
    struct gw_span bytes = GW_SPAN_NONE;
    status = GW_NOT_FOUND;
    if (offset >= GW_LAYOUT_SEGMENT_AREA && offset < segment->size)
        status = look(store, segment, offset, window, &bytes);
    if (status == GW_OK)
        status = read_body(store, segment, offset, bytes, ret_body, &window->error);
    gw_segment_unpin(&store->segments, segment);
    if (status == GW_MALFORMED)
        report_damage(store, position);
    return status;
}

enum gw_status gw_store_read(struct gw_store *store, gw_position position,
                             struct gw_blob **ret_body)
{
    uint8_t memory[SMALL_WINDOW];
    struct window window = {.memory = memory, .capacity = sizeof memory};
    return read_record(store, &window, position, ret_body);
}

/* -- the desk -- */

void gw_fetch_init(struct gw_store *store)
{
    struct gw_engine_desk *desk = &store->desk;
    gw_mutex_init(&desk->mutex);
    gw_signal_init(&desk->wake);
    atomic_init(&desk->waits, false);
    desk->head = NULL;
    desk->end = &desk->head;
    desk->stopping = false;
}

void gw_fetch_fini(struct gw_store *store)
{
    gw_signal_fini(&store->desk.wake);
    gw_mutex_fini(&store->desk.mutex);
}

static void give(struct gw_store *store, struct gw_store_fetch *fetch)
{
    struct gw_store_stream *stream = fetch->stream;
    fetch->next = NULL;
    gw_mutex_lock(&store->desk.mutex);
    *stream->fetched_end = fetch;
    stream->fetched_end = &fetch->next;
    atomic_fetch_add_explicit(&stream->fetched_count, 1, memory_order_relaxed);
    gw_mutex_unlock(&store->desk.mutex);
}

static void give_nothing(struct gw_store *store, struct gw_store_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        fetch->bodies[i] = NULL;
        fetch->statuses[i] = GW_NO_MEMORY;
    }
    give(store, fetch);
}

void gw_store_fetch(struct gw_store_stream *stream, struct gw_store_fetch *fetch)
{
    struct gw_engine_desk *desk = &stream->store->desk;
    fetch->next = NULL;
    fetch->stream = stream;
    gw_mutex_lock(&desk->mutex);
    bool is_open = !desk->stopping;
    if (is_open) {
        *desk->end = fetch;
        desk->end = &fetch->next;
        gw_signal_ring(&desk->wake);
    }
    gw_mutex_unlock(&desk->mutex);
    if (!is_open) /* whoever asks now ends too, and looks for what came back when it does */
        give_nothing(stream->store, fetch);
}

struct gw_store_fetch *gw_store_fetched(struct gw_store_stream *stream)
{
    /* Relaxed, a hint: who is woken after the count went up sees it by what woke him. */
    if (atomic_load_explicit(&stream->fetched_count, memory_order_relaxed) == 0)
        return NULL;
    struct gw_engine_desk *desk = &stream->store->desk;
    gw_mutex_lock(&desk->mutex);
    struct gw_store_fetch *fetch = stream->fetched;
    if (fetch != NULL) {
        stream->fetched = fetch->next;
        if (stream->fetched == NULL)
            stream->fetched_end = &stream->fetched;
        atomic_fetch_sub_explicit(&stream->fetched_count, 1, memory_order_relaxed);
    }
    gw_mutex_unlock(&desk->mutex);
    return fetch;
}

/* Whether all that the first one asks for is written, or never will be. By the mutex. */
static bool first_is_ready(const struct gw_store *store)
{
    const struct gw_store_fetch *fetch = store->desk.head;
    for (size_t i = 0; fetch != NULL && i < fetch->count; i++) {
        if (is_written(store, fetch->positions[i]) == GW_AGAIN)
            return false;
    }
    return fetch != NULL;
}

static struct gw_store_fetch *take_ready(struct gw_store *store)
{
    struct gw_engine_desk *desk = &store->desk;
    gw_mutex_lock(&desk->mutex);
    struct gw_store_fetch *fetch = NULL;
    if (first_is_ready(store)) {
        fetch = desk->head;
        desk->head = fetch->next;
        if (desk->head == NULL)
            desk->end = &desk->head;
    }
    gw_mutex_unlock(&desk->mutex);
    return fetch;
}

bool gw_fetch_step(struct gw_store *store)
{
    struct gw_store_fetch *fetch = take_ready(store);
    if (fetch == NULL)
        return false;
    /* Without memory for the large window a small one does: only the reads are more. */
    uint8_t small[SMALL_WINDOW];
    uint8_t *large = malloc(GW_FETCH_WINDOW);
    struct window window = {.memory = large ? large : small,
                            .capacity = large ? GW_FETCH_WINDOW : sizeof small};
    for (; fetch != NULL; fetch = take_ready(store)) {
        for (size_t i = 0; i < fetch->count; i++) {
            fetch->bodies[i] = NULL;
            fetch->statuses[i] =
                read_record(store, &window, fetch->positions[i], &fetch->bodies[i]);
            if (fetch->statuses[i] == GW_OS_ERROR)
                fetch->os_errno = window.error;
        }
        struct gw_store_stream *stream = fetch->stream;
        give(store, fetch);
        gw_stream_tell(stream);
    }
    free(large);
    return true;
}

void gw_fetch_run(struct gw_store *store)
{
    struct gw_engine_desk *desk = &store->desk;
    gw_mutex_lock(&desk->mutex);
    while (!desk->stopping) {
        /* Said before the look, so that progress made after the look rings. */
        atomic_store_explicit(&desk->waits, desk->head != NULL, memory_order_seq_cst);
        if (!first_is_ready(store)) {
            gw_signal_wait(&desk->wake, &desk->mutex, GW_NS_PER_S);
            continue;
        }
        gw_mutex_unlock(&desk->mutex);
        (void)gw_fetch_step(store);
        gw_mutex_lock(&desk->mutex);
    }
    gw_mutex_unlock(&desk->mutex);
}

void gw_fetch_stop(struct gw_store *store)
{
    gw_mutex_lock(&store->desk.mutex);
    store->desk.stopping = true;
    gw_signal_ring(&store->desk.wake);
    gw_mutex_unlock(&store->desk.mutex);
}

void gw_fetch_clear(struct gw_store *store)
{
    struct gw_engine_desk *desk = &store->desk;
    gw_mutex_lock(&desk->mutex);
    struct gw_store_fetch *fetch = desk->head;
    desk->head = NULL;
    desk->end = &desk->head;
    gw_mutex_unlock(&desk->mutex);
    while (fetch != NULL) {
        struct gw_store_fetch *next = fetch->next;
        struct gw_store_stream *stream = fetch->stream;
        give_nothing(store, fetch);
        gw_stream_tell(stream);
        fetch = next;
    }
}

void gw_fetch_progress(struct gw_store *store)
{
    struct gw_engine_desk *desk = &store->desk;
    /* Pairs with run: either it sees what was written, or its word is seen here. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&desk->waits, memory_order_relaxed))
        return;
    gw_mutex_lock(&desk->mutex);
    gw_signal_ring(&desk->wake);
    gw_mutex_unlock(&desk->mutex);
}
