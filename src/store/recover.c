#include "store/recover.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "store/scan.h"
#include "store/secure.h"

#define SIDE_PATH_SIZE 560u
#define UNREADABLE     "the disk does not give it back"

struct walk {
    struct gw_store *store;
    gw_store_record_fn *fn;
    void *user;
    struct gw_store_report *report;
    struct gw_store_error *error;
    struct gw_scan scan;
    gw_position from;   /* the checkpoint */
    gw_position synced; /* before it everything was synced once */
    gw_position known;  /* end of the last chunk in the newest segment that has a good head */
    gw_position end;    /* of what is good, so far */
    bool torn;          /* nothing behind `end` counts */
};

enum gw_status gw_recover_error(struct gw_store_error *ret_error, enum gw_status status,
                                const char *path, const char *what, int os_errno)
{
    snprintf(ret_error->path, sizeof ret_error->path, "%.511s", path);
    ret_error->what = what;
    ret_error->os_errno = os_errno;
    return status;
}

/* -- which segments there are -- */

struct looking {
    struct gw_store *store;
    bool lock; /* there is a lock file: it is, or was, a store */
    enum gw_status status;
};

static void on_name(void *user, const char *name)
{
    struct looking *looking = user;
    unsigned long number = 0;
    looking->lock |= strcmp(name, "LOCK") == 0;
    size_t digits = strspn(name, "0123456789abcdef");
    if (digits != 8 || strcmp(name + digits, ".seg") != 0 || looking->status != GW_OK)
        return;
    for (size_t i = 0; i < digits; i++)
        number = number << 4 | (unsigned long)(name[i] <= '9' ? name[i] - '0' : name[i] - 'a' + 10);
    if (number == 0 || number > INT32_MAX)
        return;
    struct gw_segment *segment;
    looking->status = gw_segment_add(&looking->store->segments, (uint32_t)number, 0, &segment);
}

static enum gw_status read_head(struct gw_store *store, uint32_t number,
                                struct gw_store_error *ret_error)
{
    const struct gw_disk *disk = store->options.disk;
    struct gw_segment *segment;
    int error = 0;
    char path[GW_SEGMENT_PATH_SIZE];
    gw_segment_path(&store->segments, number, path);
    if (gw_segment_pin(&store->segments, number, &segment, &error) != GW_OK)
        return gw_recover_error(ret_error, GW_OS_ERROR, path, "cannot open", error);
    uint8_t area[GW_LAYOUT_SEGMENT_AREA];
    size_t got = 0;
    enum gw_status status = disk->ops->size(disk->ctx, segment->file, &segment->size, &error);
    if (status == GW_OK)
        status = disk->ops->read(disk->ctx, segment->file, 0, (struct iovec){area, sizeof area},
                                 &got, &error);
    if (status != GW_OK) {
        status = gw_recover_error(ret_error, GW_OS_ERROR, path, "cannot read", error);
        if (gw_scan_is_hole(error)) { /* as good as damaged, and the others may be well */
            segment->head_is = GW_OS_ERROR;
            segment->limit = segment->size;
            status = GW_OK;
        }
    } else {
        segment->limit = segment->size;
        segment->head_is = gw_layout_get_segment(gw_span_of(area, got), &segment->head);
        if (segment->head_is == GW_LIMIT)
            status = gw_recover_error(ret_error, GW_INVALID, path, "a newer version made it", 0);
        else if (segment->head_is == GW_OK && segment->head.number != number)
            segment->head_is = GW_NOT_FOUND; /* recycled, and not begun yet */
    }
    gw_segment_unpin(&store->segments, segment);
    return status;
}

/* A log of which nothing can be read is not taken for an empty one. ret_error says why already. */
static enum gw_status judge_heads(const struct gw_segment_table *table)
{
    bool unread = false;
    for (size_t i = 0; i < table->count; i++) {
        if (table->list[i]->head_is == GW_OK)
            return GW_OK;
        unread |= table->list[i]->head_is == GW_OS_ERROR;
    }
    return unread ? GW_OS_ERROR : GW_OK;
}

enum gw_status gw_recover_look(struct gw_store *store, struct gw_store_error *ret_error)
{
    const struct gw_disk *disk = store->options.disk;
    struct looking looking = {.store = store, .status = GW_OK};
    int error = 0;
    if (disk->ops->list(disk->ctx, store->path, on_name, &looking, &error) != GW_OK)
        return gw_recover_error(ret_error, GW_OS_ERROR, store->path, "cannot list", error);
    if (looking.status != GW_OK)
        return gw_recover_error(ret_error, GW_NO_MEMORY, store->path, "out of memory", 0);
    if (store->segments.count == 0 && !looking.lock)
        return gw_recover_error(ret_error, GW_INVALID, store->path, "is no store", 0);
    for (size_t i = 0; i < store->segments.count; i++) {
        uint32_t number = store->segments.list[i]->number;
        GW_TRY(read_head(store, number, ret_error));
        if (gw_holds_reserve(&store->holds, number) != GW_OK)
            return gw_recover_error(ret_error, GW_NO_MEMORY, store->path, "out of memory", 0);
    }
    return judge_heads(&store->segments);
}

/* -- which of them are the log -- */

/* Follows previous_end from the newest segment with a good head. Returns that one; NULL if there is
 * no log. */
static struct gw_segment *follow_chain(struct gw_segment_table *table)
{
    struct gw_segment *newest = NULL;
    gw_position previous = UINT64_MAX; /* where the log before the last visited segment ended */
    for (size_t i = table->count; i-- > 0;) {
        struct gw_segment *segment = table->list[i];
        if (newest == NULL && segment->head_is == GW_OK)
            newest = segment;
        else if (newest == NULL || segment->number > gw_position_segment(previous))
            segment->live = false;
        else if (segment->number == gw_position_segment(previous) &&
                 gw_position_offset(previous) != UINT32_MAX)
            segment->limit = gw_position_offset(previous);
        else
            segment->end_unknown = true;
        if (segment->live && segment->head_is == GW_OK)
            previous = segment->head.previous_end;
        else if (segment->live) /* its head is lost: whatever is before it counts as it is */
            previous = gw_position_of(segment->number, 0) - 1;
    }
    return newest;
}

static enum gw_status scan_error(struct walk *walk, uint32_t number, enum gw_status status)
{
    char path[GW_SEGMENT_PATH_SIZE];
    gw_segment_path(&walk->store->segments, number, path);
    return gw_recover_error(walk->error, status, path,
                            status == GW_NO_MEMORY ? "out of memory" : "cannot read",
                            walk->scan.error);
}

/* What the heads in the newest segment say of checkpoint and syncs. */
static enum gw_status read_heads(struct walk *walk, struct gw_segment *newest)
{
    struct gw_segment *segment;
    int error = 0;
    walk->from = newest->head.checkpoint;
    walk->synced = newest->head.previous_end;
    if (gw_segment_pin(&walk->store->segments, newest->number, &segment, &error) != GW_OK) {
        walk->scan.error = error;
        return scan_error(walk, newest->number, GW_OS_ERROR);
    }
    gw_scan_begin(&walk->scan, segment->file, segment->number, gw_layout_seed(segment->head.salt));
    uint64_t offset = GW_LAYOUT_SEGMENT_AREA;
    enum gw_status status = GW_OK;
    walk->known = gw_position_of(segment->number, GW_LAYOUT_SEGMENT_AREA);
    while (status == GW_OK && offset < segment->size) {
        struct gw_scan_chunk chunk;
        status = gw_scan_look(&walk->scan, offset, false, &chunk);
        if (status != GW_OK)
            break;
        if (chunk.found != GW_SCAN_GOOD) {
            status = gw_scan_search(&walk->scan, offset + 8, segment->size, false, &offset);
            continue;
        }
        if (chunk.head.checkpoint > walk->from)
            walk->from = chunk.head.checkpoint;
        if (chunk.head.synced_upto > walk->synced)
            walk->synced = chunk.head.synced_upto;
        offset = chunk.next;
        walk->known = gw_position_of(segment->number, (uint32_t)offset);
    }
    gw_segment_unpin(&walk->store->segments, segment);
    if (walk->from > walk->known) /* cannot be, but it would hide everything */
        walk->from = gw_position_of(newest->number, GW_LAYOUT_SEGMENT_AREA);
    walk->end = walk->from;
    return status == GW_OK ? GW_OK : scan_error(walk, newest->number, status);
}

/* -- damage -- */

/* Copies bytes of the segment that is scanned to a side file. False: they could not be saved. */
static bool save_bytes(struct walk *walk, const char *path, uint64_t offset, uint64_t size)
{
    const struct gw_disk *disk = walk->store->options.disk;
    gw_file_handle file;
    int error;
    enum gw_status status = disk->ops->open(disk->ctx, path, GW_DISK_CREATE, &file, &error);
    if (status != GW_OK)
        return status == GW_EXISTS; /* found in an earlier start, and saved */
    uint64_t at = 0;
    while (status == GW_OK && at < size) {
        struct gw_span bytes;
        size_t want = size - at < GW_SCAN_WINDOW ? (size_t)(size - at) : GW_SCAN_WINDOW;
        status = gw_scan_bytes(&walk->scan, offset + at, want, &bytes);
        if (status != GW_OK || bytes.size == 0)
            break;
        struct iovec part;
        memcpy(&part.iov_base, &bytes.data, sizeof bytes.data);
        part.iov_len = bytes.size;
        status = disk->ops->write(disk->ctx, file, at, &part, 1, &error);
        at += bytes.size;
    }
    if (status == GW_OK)
        status = disk->ops->sync(disk->ctx, file, &error);
    disk->ops->close(disk->ctx, file);
    if (status != GW_OK)
        (void)!disk->ops->remove(disk->ctx, path, &error);
    return status == GW_OK;
}

static void report_damage(struct walk *walk, uint32_t number, uint64_t offset, uint64_t size,
                          const char *why)
{
    struct gw_store *store = walk->store;
    char path[GW_SEGMENT_PATH_SIZE];
    char side[SIDE_PATH_SIZE] = "";
    gw_segment_path(&store->segments, number, path);
    if (!store->options.read_only && size > 0) {
        snprintf(side, sizeof side, "%s/damaged-%08" PRIx32 "-%08" PRIx64, store->path, number,
                 offset);
        if (!save_bytes(walk, side, offset, size))
            side[0] = 0;
    }
    walk->report->damaged++;
    walk->report->damaged_bytes += size;
    if (side[0] != 0)
        memcpy(walk->report->side_file, side,
               strnlen(side, sizeof walk->report->side_file - 1) + 1);
    walk->report->side_file[sizeof walk->report->side_file - 1] = 0;
    struct gw_log_field fields[] = {
        gw_log_str("path", path),
        gw_log_number("offset", (int64_t)offset),
        gw_log_number("damaged_bytes", (int64_t)size),
        gw_log_str("why", why),
        gw_log_str("saved_to", side),
    };
    gw_log_event(store->options.log, GW_LOG_ERROR, "store.damaged",
                 "a part of the store that was synced once cannot be read", fields,
                 GW_COUNT_OF(fields));
}

/* -- records -- */

static bool records_fit(struct gw_span data, uint32_t count)
{
    uint32_t found = 0;
    while (data.size > 0) {
        struct gw_layout_record record;
        if (gw_layout_get_record(data, &record) != GW_OK ||
            record.body_size > data.size - record.head_size)
            return false;
        data = gw_span_from(data, record.head_size + record.body_size);
        found++;
    }
    return found == count;
}

static void hand_over(struct walk *walk, const struct gw_scan_chunk *chunk)
{
    struct gw_span data = chunk->data;
    gw_position position = chunk->head.position + GW_LAYOUT_CHUNK_HEAD;
    while (data.size > 0) {
        struct gw_layout_record record;
        GW_ASSERT(gw_layout_get_record(data, &record) == GW_OK);
        size_t size = record.head_size + record.body_size;
        walk->fn(walk->user, record.kind & GW_STORE_KIND_MAX, position,
                 gw_span_of(data.data + record.head_size, record.body_size));
        walk->report->records++;
        position += size;
        data = gw_span_from(data, size);
    }
}

/* -- one segment -- */

/* A bad chunk at `offset`: *ret_next is where to go on, or the log is torn there. */
static enum gw_status judge_bad(struct walk *walk, const struct gw_segment *segment,
                                const struct gw_scan_chunk *chunk, uint64_t offset,
                                uint64_t *ret_next)
{
    gw_position position = gw_position_of(segment->number, (uint32_t)offset);
    uint64_t behind = chunk->found == GW_SCAN_NONE ? offset + GW_LAYOUT_CHUNK_HEAD : chunk->next;
    bool hole = gw_scan_has_hole(&walk->scan, offset, behind);
    if (position >= walk->synced) {
        if (hole) /* no end that tore, though nothing behind it can be known */
            report_damage(walk, segment->number, offset, behind - offset, UNREADABLE);
        walk->torn = true;
        return GW_OK;
    }
    /* Behind the last sync a chunk may be missing with right, so no further than there. */
    uint64_t until = segment->limit;
    if (gw_position_segment(walk->synced) == segment->number)
        until = gw_position_offset(walk->synced);
    uint64_t search = chunk->found == GW_SCAN_HEAD ? chunk->next : offset + 8;
    GW_TRY(gw_scan_search(&walk->scan, search, until, true, ret_next));
    /* Who would say where it ended is lost, and that is reported; this is old stuff. */
    if (*ret_next == until && segment->end_unknown)
        return GW_OK;
    /* Before the checkpoint nothing is needed: what is held there is read by position. */
    if (gw_position_of(segment->number, (uint32_t)*ret_next) > walk->from) {
        uint64_t there = segment->size > offset ? segment->size - offset : 0;
        uint64_t size = *ret_next - offset;
        report_damage(walk, segment->number, offset, size < there ? size : there,
                      hole                           ? UNREADABLE
                      : chunk->found == GW_SCAN_HEAD ? "wrong sum over a chunk"
                                                     : "no chunk here");
    }
    return GW_OK;
}

static enum gw_status walk_chunks(struct walk *walk, const struct gw_segment *segment)
{
    uint64_t offset = GW_LAYOUT_SEGMENT_AREA;
    uint64_t limit = segment->limit;
    if (gw_position_segment(walk->synced) == segment->number &&
        gw_position_offset(walk->synced) > limit)
        limit = gw_position_offset(walk->synced); /* the file lost its end */
    while (offset < limit && !walk->torn) {
        struct gw_scan_chunk chunk;
        bool needed = gw_position_of(segment->number, (uint32_t)offset) >= walk->from;
        GW_TRY(gw_scan_look(&walk->scan, offset, needed, &chunk));
        bool good = chunk.found == GW_SCAN_GOOD && chunk.next <= limit;
        gw_position end = gw_position_of(segment->number, (uint32_t)chunk.next);
        if (good && !needed && end > walk->from) { /* the checkpoint is in its middle */
            GW_TRY(gw_scan_look(&walk->scan, offset, true, &chunk));
            good = needed = chunk.found == GW_SCAN_GOOD;
        }
        if (good && needed && !records_fit(chunk.data, chunk.head.records)) {
            good = false;
            chunk.found = GW_SCAN_HEAD;
        }
        if (!good) {
            uint64_t next = offset;
            GW_TRY(judge_bad(walk, segment, &chunk, offset, &next));
            if (!walk->torn)
                offset = next;
            continue;
        }
        if (needed)
            hand_over(walk, &chunk);
        offset = chunk.next;
    }
    walk->end = gw_position_of(segment->number, (uint32_t)offset);
    return GW_OK;
}

/* Whether something that names itself the first chunk of this segment stands there. */
static enum gw_status has_begun(struct walk *walk, uint32_t number, bool *ret_begun)
{
    struct gw_span bytes;
    GW_TRY(gw_scan_bytes(&walk->scan, GW_LAYOUT_SEGMENT_AREA, GW_LAYOUT_CHUNK_HEAD, &bytes));
    *ret_begun = gw_layout_claims_chunk(bytes, gw_position_of(number, GW_LAYOUT_SEGMENT_AREA));
    return GW_OK;
}

static enum gw_status walk_segment(struct walk *walk, uint32_t number)
{
    struct gw_segment *segment;
    int error = 0;
    if (gw_segment_pin(&walk->store->segments, number, &segment, &error) != GW_OK) {
        walk->scan.error = error;
        return scan_error(walk, number, GW_OS_ERROR);
    }
    gw_scan_begin(&walk->scan, segment->file, number, gw_layout_seed(segment->head.salt));
    enum gw_status status = GW_OK;
    if (segment->head_is == GW_OK) {
        status = walk_chunks(walk, segment);
    } else {
        bool begun = segment->live;
        if (!begun)
            status = has_begun(walk, number, &begun);
        if (begun)
            report_damage(walk, number, 0, segment->size,
                          segment->head_is == GW_OS_ERROR ? UNREADABLE
                                                          : "the head of the segment is bad");
        if (segment->live)
            walk->end = gw_position_of(number, (uint32_t)segment->limit);
    }
    gw_segment_unpin(&walk->store->segments, segment);
    return status == GW_OK ? GW_OK : scan_error(walk, number, status);
}

/* -- all of it -- */

static enum gw_status walk_log(struct walk *walk)
{
    struct gw_segment_table *table = &walk->store->segments;
    uint32_t before = 0; /* the last segment that was visited */
    for (size_t i = 0; i < table->count; i++) {
        struct gw_segment *segment = table->list[i];
        if (!segment->live || segment->number < gw_position_segment(walk->from))
            continue;
        if (walk->torn) {
            segment->live = false;
            continue;
        }
        gw_position previous = segment->head_is == GW_OK ? segment->head.previous_end : 0;
        uint32_t missing = gw_position_segment(previous);
        if (missing > before && previous > walk->from && missing < segment->number &&
            (before != 0 || missing >= gw_position_segment(walk->from)))
            report_damage(walk, missing, 0, 0, "the segment is missing");
        GW_TRY(walk_segment(walk, segment->number));
        before = segment->number;
    }
    return GW_OK;
}

/* Segments behind the log whose heads are bad. One whose head tore while it was written has no
 * chunk yet; where one stands, it is damage, and what is behind it cannot be known. */
static enum gw_status walk_lost(struct walk *walk, const struct gw_segment *newest)
{
    struct gw_segment_table *table = &walk->store->segments;
    for (size_t i = 0; i < table->count; i++) {
        const struct gw_segment *segment = table->list[i];
        if ((segment->head_is == GW_MALFORMED || segment->head_is == GW_OS_ERROR) &&
            (newest == NULL || segment->number > newest->number))
            GW_TRY(walk_segment(walk, segment->number));
    }
    return GW_OK;
}

static void report_torn(struct walk *walk)
{
    struct gw_store *store = walk->store;
    if (walk->known <= walk->end)
        return;
    walk->report->torn_at = walk->end;
    walk->report->torn_bytes = gw_position_offset(walk->known);
    if (gw_position_segment(walk->known) == gw_position_segment(walk->end))
        walk->report->torn_bytes -= gw_position_offset(walk->end);
    char path[GW_SEGMENT_PATH_SIZE];
    gw_segment_path(&store->segments, gw_position_segment(walk->end), path);
    struct gw_log_field fields[] = {
        gw_log_str("path", path),
        gw_log_number("offset", gw_position_offset(walk->end)),
        gw_log_number("torn_bytes", (int64_t)walk->report->torn_bytes),
    };
    gw_log_event(store->options.log, GW_LOG_WARN, "store.torn",
                 "the end of the log was not synced when the machine stopped, and is cut off",
                 fields, GW_COUNT_OF(fields));
}

/* Writing goes on in a segment whose number no file has ever had. */
static void set_out(struct gw_store *store, const struct walk *walk)
{
    struct gw_segment_table *table = &store->segments;
    struct gw_engine_writer *writer = &store->writer;
    uint32_t last = gw_position_segment(walk->end);
    for (size_t i = 0; i < table->count; i++) {
        if (table->list[i]->number > last)
            last = table->list[i]->number;
        writer->cut_waits |= !table->list[i]->live;
    }
    gw_position end = gw_position_of(last + 1, GW_LAYOUT_SEGMENT_AREA);
    gw_position checkpoint = walk->from ? walk->from : end;
    writer->end = writer->synced_end = walk->end;
    atomic_store_explicit(&writer->written_end, walk->end, memory_order_relaxed);
    writer->checkpoint = writer->checkpoint_told = writer->checkpoint_synced = checkpoint;
    store->intake.checkpoint = checkpoint;
    atomic_store_explicit(&store->intake.end, end, memory_order_relaxed);
}

enum gw_status gw_recover_run(struct gw_store *store, gw_store_record_fn *fn, void *user,
                              struct gw_store_report *ret_report, struct gw_store_error *ret_error)
{
    gw_mono_ns began = gw_clock_mono(store->options.clock);
    *ret_report = (struct gw_store_report){.segments = store->segments.count};
    struct walk walk = {
        .store = store, .fn = fn, .user = user, .report = ret_report, .error = ret_error};
    gw_scan_init(&walk.scan, store->options.disk);
    walk.scan.patient = true;
    struct gw_segment *newest = follow_chain(&store->segments);
    enum gw_status status = GW_OK;
    if (newest != NULL) {
        status = read_heads(&walk, newest);
        if (status == GW_OK)
            status = walk_log(&walk);
        if (status == GW_OK)
            report_torn(&walk);
        if (status == GW_OK && !store->options.read_only)
            status = gw_secure_log(store, walk.synced, walk.end, ret_error);
    }
    if (status == GW_OK)
        status = walk_lost(&walk, newest);
    ret_report->bytes = walk.scan.read;
    gw_scan_fini(&walk.scan);
    if (status != GW_OK)
        return status;
    set_out(store, &walk);
    ret_report->time_ns = gw_clock_mono(store->options.clock) - began;
    return GW_OK;
}
