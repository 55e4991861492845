#include "store/space.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "os/entropy.h"

static void spare_path(const struct gw_store *store, size_t slot, char path[GW_SEGMENT_PATH_SIZE])
{
    snprintf(path, GW_SEGMENT_PATH_SIZE, "%s/spare-%zu.new", store->path, slot);
}

/* Remembers why there is no room; what went wrong with a file that nothing depends on yet can be
 * tried again, whatever it was. */
static enum gw_status no_room(struct gw_store *store, const char *why, int error)
{
    store->writer.full_why = why;
    store->writer.full_errno = error;
    return GW_NO_SPACE;
}

/* Makes a file of this size with room on the disk, or leaves none. */
static enum gw_status make_file(struct gw_store *store, const char *path, uint64_t size)
{
    const struct gw_disk *disk = store->options.disk;
    gw_file_handle file;
    int error = 0;
    enum gw_status status = disk->ops->open(disk->ctx, path, GW_DISK_CREATE, &file, &error);
    if (status == GW_EXISTS)
        status = disk->ops->open(disk->ctx, path, GW_DISK_WRITE, &file, &error);
    if (status != GW_OK)
        return no_room(store, "cannot make a file", error);
    status = disk->ops->allocate(disk->ctx, file, size, &error);
    disk->ops->close(disk->ctx, file);
    if (status == GW_OK)
        return GW_OK;
    int ignored;
    (void)disk->ops->remove(disk->ctx, path, &ignored); /* what is left is made anew or adopted */
    return no_room(store, "no room for another segment", error);
}

static bool make_spare(struct gw_store *store, size_t slot)
{
    char path[GW_SEGMENT_PATH_SIZE];
    spare_path(store, slot, path);
    if (make_file(store, path, store->options.segment_size) != GW_OK)
        return false;
    store->writer.spares[slot] = true;
    return true;
}

void gw_space_adopt(struct gw_store *store)
{
    const struct gw_disk *disk = store->options.disk;
    for (size_t slot = 0; slot < GW_ENGINE_SPARES_MAX; slot++) {
        char path[GW_SEGMENT_PATH_SIZE];
        gw_file_handle file;
        int error;
        spare_path(store, slot, path);
        if (disk->ops->open(disk->ctx, path, GW_DISK_WRITE, &file, &error) != GW_OK)
            continue;
        uint64_t size = 0;
        bool fits = disk->ops->size(disk->ctx, file, &size, &error) == GW_OK &&
                    size == store->options.segment_size &&
                    disk->ops->allocate(disk->ctx, file, size, &error) == GW_OK;
        disk->ops->close(disk->ctx, file);
        if (fits)
            store->writer.spares[slot] = true;
        else
            (void)!disk->ops->remove(disk->ctx, path, &error);
    }
}

/* -- a segment begins -- */

/* Gives the new segment its file: a spare under a new name, or one of its own size. */
static enum gw_status provide_file(struct gw_store *store, uint32_t number, uint64_t size)
{
    const struct gw_disk *disk = store->options.disk;
    struct gw_engine_writer *writer = &store->writer;
    char path[GW_SEGMENT_PATH_SIZE];
    gw_segment_path(&store->segments, number, path);
    if (size != store->options.segment_size)
        return make_file(store, path, size);
    size_t slot = 0;
    while (slot < GW_ENGINE_SPARES_MAX && !writer->spares[slot])
        slot++;
    if (slot == GW_ENGINE_SPARES_MAX) {
        slot = 0;
        if (!make_spare(store, slot))
            return GW_NO_SPACE;
    }
    char spare[GW_SEGMENT_PATH_SIZE];
    int error = 0;
    spare_path(store, slot, spare);
    if (disk->ops->rename(disk->ctx, spare, path, &error) != GW_OK)
        return no_room(store, "cannot rename a spare file", error);
    writer->spares[slot] = false;
    return GW_OK;
}

static enum gw_status write_head(struct gw_store *store, uint32_t number, uint64_t size,
                                 const char **ret_what, int *ret_errno)
{
    const struct gw_disk *disk = store->options.disk;
    struct gw_engine_writer *writer = &store->writer;
    struct gw_layout_segment head = {
        .version = GW_LAYOUT_VERSION,
        .number = number,
        .size = size,
        .checkpoint = writer->checkpoint,
        .previous_end = writer->end,
        .made_at = gw_clock_wall(store->options.clock),
    };
    gw_entropy_fill(&head.salt, sizeof head.salt);
    uint8_t area[GW_LAYOUT_SEGMENT_AREA];
    gw_layout_put_segment(area, &head);
    struct iovec part = {area, sizeof area};
    enum gw_status status = disk->ops->write(disk->ctx, writer->file, 0, &part, 1, ret_errno);
    if (status == GW_NO_SPACE)
        return no_room(store, "no room for the head of a segment", *ret_errno);
    *ret_what = "cannot write the head of a segment";
    if (status != GW_OK)
        return GW_OS_ERROR;
    *ret_what = "cannot sync the directory";
    if (disk->ops->sync_directory(disk->ctx, store->path, ret_errno) != GW_OK)
        return GW_OS_ERROR;
    writer->number = number;
    writer->seed = gw_layout_seed(head.salt);
    return GW_OK;
}

enum gw_status gw_space_begin(struct gw_store *store, uint32_t number, size_t size,
                              const char **ret_what, int *ret_errno)
{
    const struct gw_disk *disk = store->options.disk;
    struct gw_engine_writer *writer = &store->writer;
    uint64_t file_size = store->options.segment_size;
    if (GW_LAYOUT_SEGMENT_AREA + (uint64_t)size > file_size)
        file_size = GW_LAYOUT_SEGMENT_AREA + (uint64_t)size;
    GW_ASSERT(writer->file < 0);
    if (gw_holds_reserve(&store->holds, number) != GW_OK)
        return no_room(store, "out of memory", ENOMEM);
    struct gw_segment *segment;
    enum gw_status status = gw_segment_add(&store->segments, number, file_size, &segment);
    if (status == GW_NO_MEMORY)
        return no_room(store, "out of memory", ENOMEM);
    /* Whatever failed the last time is done again: the file is there, or is not. */
    char path[GW_SEGMENT_PATH_SIZE];
    gw_segment_path(&store->segments, number, path);
    status = disk->ops->open(disk->ctx, path, GW_DISK_WRITE, &writer->file, ret_errno);
    if (status == GW_NOT_FOUND) {
        writer->file = -1;
        GW_TRY(provide_file(store, number, file_size));
        status = disk->ops->open(disk->ctx, path, GW_DISK_WRITE, &writer->file, ret_errno);
    }
    if (status != GW_OK) {
        writer->file = -1;
        return no_room(store, "cannot open a segment", *ret_errno);
    }
    status = write_head(store, number, file_size, ret_what, ret_errno);
    if (status != GW_OK) {
        disk->ops->close(disk->ctx, writer->file);
        writer->file = -1;
    }
    return status;
}

/* -- segments end -- */

/* Nobody holds the segment any more, because of records that say so and may still be on their way:
 * until they are synced a crash would bring back who needs it. True when they are. */
static bool is_let_go(struct gw_store *store, struct gw_segment *segment)
{
    unsigned count = store->options.stream_count;
    if (!segment->needs) {
        segment->needs = malloc(count * sizeof(*segment->needs));
        for (unsigned i = 0; segment->needs && i < count; i++)
            segment->needs[i] =
                atomic_load_explicit(&store->streams[i].begun, memory_order_acquire);
    }
    for (unsigned i = 0; segment->needs && i < count; i++)
        if (gw_store_synced(&store->streams[i]) < segment->needs[i])
            return false;
    return segment->needs != NULL;
}

static bool is_free(void *user, struct gw_segment *segment)
{
    struct gw_store *store = user;
    struct gw_engine_writer *writer = &store->writer;
    if (!segment->live)
        return writer->cut_due;
    if (!writer->recycle_allowed || segment->number == writer->number ||
        segment->number >= gw_position_segment(writer->checkpoint_synced) ||
        gw_holds_any(&store->holds, segment->number)) {
        free(segment->needs);
        segment->needs = NULL;
        return false;
    }
    bool let_go = is_let_go(store, segment);
    writer->recycle_again |= !let_go;
    return let_go;
}

/* Makes a spare of the file if one is wanted and it has the right size, else removes it. */
static void retire(struct gw_store *store, const struct gw_segment *segment)
{
    const struct gw_disk *disk = store->options.disk;
    struct gw_engine_writer *writer = &store->writer;
    char path[GW_SEGMENT_PATH_SIZE];
    int error;
    gw_segment_path(&store->segments, segment->number, path);
    for (size_t slot = 0; slot < GW_ENGINE_SPARES_MAX; slot++) {
        if (writer->spares[slot] || segment->size != store->options.segment_size)
            continue;
        char spare[GW_SEGMENT_PATH_SIZE];
        spare_path(store, slot, spare);
        if (disk->ops->rename(disk->ctx, path, spare, &error) == GW_OK) {
            writer->spares[slot] = true;
            return;
        }
    }
    /* If it stays, the next start finds that it belongs to nothing. */
    (void)!disk->ops->remove(disk->ctx, path, &error);
}

static void recycle(struct gw_store *store)
{
    struct gw_engine_writer *writer = &store->writer;
    if (gw_holds_take_freed(&store->holds))
        writer->recycle_due = true;
    if (!writer->recycle_due && !writer->cut_due)
        return;
    struct gw_segment gone;
    size_t cursor = 0;
    writer->recycle_again = false;
    uint64_t count = 0;
    while (gw_segment_take(&store->segments, &cursor, is_free, store, &gone)) {
        retire(store, &gone);
        count++;
    }
    writer->recycle_due = writer->recycle_again; /* at the next commit */
    writer->cut_due = false;
    if (count > 0)
        writer->retry_at = 0; /* what found no room may find it now */
    gw_mutex_lock(&store->intake.mutex);
    store->intake.figures.recycled += count;
    gw_mutex_unlock(&store->intake.mutex);
}

static bool have_spare(struct gw_store *store)
{
    for (size_t slot = 0; slot < GW_ENGINE_SPARES_MAX; slot++) {
        if (store->writer.spares[slot])
            return true;
    }
    return gw_clock_mono(store->options.clock) >= store->writer.retry_at && make_spare(store, 0);
}

bool gw_space_upkeep(struct gw_store *store)
{
    struct gw_engine_writer *writer = &store->writer;
    enum gw_store_state state = atomic_load_explicit(&store->state, memory_order_relaxed);
    if (state == GW_STORE_FAILED)
        return false;
    recycle(store);
    bool room = have_spare(store) && !writer->blocked;
    if (!room && writer->retry_at <= gw_clock_mono(store->options.clock))
        writer->retry_at = gw_clock_mono(store->options.clock) + GW_ENGINE_RETRY_NS;
    if (room == (state == GW_STORE_RUNNING))
        return false;
    struct gw_log_field fields[] = {
        gw_log_str("path", store->path),
        gw_log_str("why", writer->full_why ? writer->full_why : ""),
        gw_log_number("errno", writer->full_errno),
    };
    if (room)
        gw_log_event(store->options.log, GW_LOG_INFO, "store.room", "the store has room again",
                     fields, 1);
    else
        gw_log_event(store->options.log, GW_LOG_ERROR, "store.full", "the store is full", fields,
                     GW_COUNT_OF(fields));
    atomic_store_explicit(&store->state, room ? GW_STORE_RUNNING : GW_STORE_FULL,
                          memory_order_release);
    return true;
}
