#include "keep/duplicate.h"

#include <inttypes.h>
#include <stdlib.h>

#include "keep/vault.h"
#include "os/folder.h"
#include "store/scan.h"

#define STEP ((size_t)1 << 20)

struct copy {
    const char *path;
    struct gw_sink *sink;
    struct gw_duplicate_result *result;
    struct gw_trouble *trouble;
    struct gw_scan scan;
    uint32_t upto; /* all segments before this one are done */
};

/* One segment that is open. */
struct source {
    uint32_t number;
    gw_file_handle file;
    uint64_t size;
    enum gw_status head_is;
    struct gw_layout_segment head;
};

static enum gw_status read_failed(const struct copy *copy, uint32_t number, int error)
{
    if (error == 0)
        return gw_trouble_say(copy->trouble, GW_NO_MEMORY, "out of memory");
    return gw_trouble_system(copy->trouble, error, "cannot read segment %08" PRIx32 " of %s",
                             number, copy->path);
}

/* GW_NOT_FOUND: it is not there any more. */
static enum gw_status open_source(const struct copy *copy, uint32_t number, struct source *source)
{
    const struct gw_disk *disk = gw_disk_system();
    uint8_t area[GW_LAYOUT_SEGMENT_AREA] = {0};
    char text[GW_FOLDER_PATH_MAX];
    size_t got = 0;
    int error = 0;
    *source = (struct source){.number = number};
    gw_vault_segment_path(copy->path, number, text, sizeof text);
    enum gw_status status = disk->ops->open(disk->ctx, text, GW_DISK_READ, &source->file, &error);
    if (status == GW_NOT_FOUND)
        return status;
    if (status != GW_OK)
        return read_failed(copy, number, error);
    if (disk->ops->size(disk->ctx, source->file, &source->size, &error) != GW_OK ||
        disk->ops->read(disk->ctx, source->file, 0, (struct iovec){area, sizeof area}, &got,
                        &error) != GW_OK) {
        disk->ops->close(disk->ctx, source->file);
        return read_failed(copy, number, error);
    }
    source->head_is = gw_layout_get_segment(gw_span_of(area, got), &source->head);
    if (source->head_is == GW_OK && source->head.number != number)
        source->head_is = GW_NOT_FOUND;
    return GW_OK;
}

static void close_source(const struct source *source)
{
    const struct gw_disk *disk = gw_disk_system();
    disk->ops->close(disk->ctx, source->file);
}

/* -- how far the segment that is written is whole -- */

static enum gw_status look(struct copy *copy, const struct source *source, uint64_t offset,
                           bool with_data, struct gw_scan_chunk *ret_chunk)
{
    if (gw_scan_look(&copy->scan, offset, with_data, ret_chunk) == GW_OK)
        return GW_OK;
    return read_failed(copy, source->number, copy->scan.error);
}

static enum gw_status search(struct copy *copy, const struct source *source, uint64_t offset,
                             uint64_t until, bool with_data, uint64_t *ret_offset)
{
    if (gw_scan_search(&copy->scan, offset, until, with_data, ret_offset) == GW_OK)
        return GW_OK;
    return read_failed(copy, source->number, copy->scan.error);
}

/* The offset before which everything in this segment was synced, as its chunks say. */
static enum gw_status find_synced(struct copy *copy, const struct source *source,
                                  uint64_t *ret_synced)
{
    uint64_t offset = GW_LAYOUT_SEGMENT_AREA;
    *ret_synced = GW_LAYOUT_SEGMENT_AREA;
    while (offset < source->size) {
        struct gw_scan_chunk chunk;
        GW_TRY(look(copy, source, offset, false, &chunk));
        if (chunk.found != GW_SCAN_GOOD) {
            GW_TRY(search(copy, source, offset + 8, source->size, false, &offset));
            continue;
        }
        gw_position synced = chunk.head.synced_upto;
        if (gw_position_segment(synced) == source->number &&
            gw_position_offset(synced) > *ret_synced)
            *ret_synced = gw_position_offset(synced);
        offset = chunk.next;
    }
    return GW_OK;
}

/* What is not whole before a sync is damage, and is copied as it is; behind it the log ends there,
 * for now. */
static enum gw_status find_end(struct copy *copy, const struct source *source, uint64_t *ret_end)
{
    uint64_t offset = GW_LAYOUT_SEGMENT_AREA;
    uint64_t synced;
    gw_scan_begin(&copy->scan, source->file, source->number, gw_layout_seed(source->head.salt));
    GW_TRY(find_synced(copy, source, &synced));
    gw_scan_begin(&copy->scan, source->file, source->number, gw_layout_seed(source->head.salt));
    while (offset < source->size) {
        struct gw_scan_chunk chunk;
        GW_TRY(look(copy, source, offset, true, &chunk));
        if (chunk.found == GW_SCAN_GOOD)
            offset = chunk.next;
        else if (offset < synced)
            GW_TRY(search(copy, source, offset + 8, synced, true, &offset));
        else
            break;
    }
    *ret_end = offset;
    return GW_OK;
}

/* -- copy -- */

static enum gw_status copy_bytes(struct copy *copy, const struct source *source, uint64_t size)
{
    const struct gw_disk *disk = gw_disk_system();
    enum gw_status status = GW_OK;
    int error = 0;
    uint8_t *memory = malloc(STEP);
    if (!memory)
        return read_failed(copy, source->number, 0);
    for (uint64_t at = 0; at < size && status == GW_OK;) {
        size_t want = size - at < STEP ? (size_t)(size - at) : STEP;
        size_t got = 0;
        if (disk->ops->read(disk->ctx, source->file, at, (struct iovec){memory, want}, &got,
                            &error) != GW_OK)
            status = read_failed(copy, source->number, error);
        else if (got == 0)
            break;
        else
            status = gw_sink_put(copy->sink, gw_span_of(memory, got), copy->trouble);
        at += got;
    }
    free(memory);
    return status;
}

static enum gw_status copy_source(struct copy *copy, const struct source *source, uint64_t size)
{
    uint64_t full = source->head_is == GW_OK && source->head.size > size ? source->head.size : size;
    GW_TRY(gw_sink_begin(copy->sink, source->number, size, full, copy->trouble));
    GW_TRY(copy_bytes(copy, source, size));
    /* A file loses its name before it is written anew: if it has it, what was read is whole. */
    if (!gw_vault_has(copy->path, source->number)) {
        copy->result->left_out++;
        return gw_sink_drop(copy->sink, copy->trouble);
    }
    copy->result->segments++;
    copy->result->bytes += size;
    return gw_sink_end(copy->sink, copy->trouble);
}

static enum gw_status copy_segment(struct copy *copy, uint32_t number, bool written)
{
    struct source source;
    enum gw_status status = open_source(copy, number, &source);
    if (status == GW_NOT_FOUND) {
        copy->result->left_out++;
        return GW_OK;
    }
    GW_TRY(status);
    uint64_t size = source.size;
    if (written)
        status = find_end(copy, &source, &size);
    if (status == GW_OK)
        status = copy_source(copy, &source, size);
    close_source(&source);
    return status;
}

/* The newest segment that has begun; 0 if there is none. */
static enum gw_status find_newest(const struct copy *copy, const struct gw_vault_numbers *numbers,
                                  uint32_t *ret_number)
{
    *ret_number = 0;
    for (size_t i = numbers->count; i-- > 0 && *ret_number == 0;) {
        struct source source;
        enum gw_status status = open_source(copy, numbers->list[i], &source);
        if (status == GW_NOT_FOUND)
            continue;
        GW_TRY(status);
        if (source.head_is == GW_OK)
            *ret_number = source.number;
        close_source(&source);
    }
    return GW_OK;
}

/* Copies what was finished when it was listed; *ret_newest is the segment behind that. */
static enum gw_status copy_finished(struct copy *copy, uint32_t *ret_newest)
{
    struct gw_vault_numbers numbers;
    enum gw_status status = gw_vault_list(copy->path, &numbers, copy->trouble);
    if (status == GW_OK)
        status = find_newest(copy, &numbers, ret_newest);
    for (size_t i = 0; i < numbers.count && status == GW_OK; i++) {
        if (numbers.list[i] >= copy->upto && numbers.list[i] < *ret_newest)
            status = copy_segment(copy, numbers.list[i], false);
    }
    copy->upto = *ret_newest;
    free(numbers.list);
    return status;
}

/* Behind the log: segments whose heads are damaged, so that nobody takes the copy for whole. */
static enum gw_status copy_lost(struct copy *copy, uint32_t newest)
{
    struct gw_vault_numbers numbers;
    enum gw_status status = gw_vault_list(copy->path, &numbers, copy->trouble);
    for (size_t i = 0; i < numbers.count && status == GW_OK; i++) {
        struct source source;
        if (numbers.list[i] <= newest)
            continue;
        status = open_source(copy, numbers.list[i], &source);
        if (status == GW_OK) {
            if (source.head_is == GW_MALFORMED)
                status = copy_source(copy, &source, source.size);
            close_source(&source);
        } else if (status == GW_NOT_FOUND) {
            status = GW_OK;
        }
    }
    free(numbers.list);
    return status;
}

enum gw_status gw_duplicate_store(const char *path, struct gw_sink *sink,
                                  struct gw_duplicate_result *ret_result,
                                  struct gw_trouble *trouble)
{
    struct copy copy = {.path = path, .sink = sink, .result = ret_result, .trouble = trouble};
    uint32_t before = 0;
    uint32_t newest = 0;
    *ret_result = (struct gw_duplicate_result){0};
    gw_scan_init(&copy.scan, gw_disk_system());
    enum gw_status status = copy_finished(&copy, &newest);
    /* Only when nothing was left out since the newest one was found to be that, its end is behind
     * the moment at which what was left out had become needless. */
    while (status == GW_OK && newest != before) {
        before = newest;
        status = copy_finished(&copy, &newest);
    }
    if (status == GW_OK && newest != 0)
        status = copy_segment(&copy, newest, true);
    if (status == GW_OK)
        status = copy_lost(&copy, newest);
    gw_scan_fini(&copy.scan);
    return status;
}
