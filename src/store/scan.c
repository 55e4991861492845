#include "store/scan.h"

#include <errno.h>
#include <stdlib.h>

#include "base/crc.h"

#define PIECE 4096u /* the system reads a page or nothing */

void gw_scan_init(struct gw_scan *scan, const struct gw_disk *disk)
{
    *scan = (struct gw_scan){.disk = disk, .file = -1};
}

void gw_scan_fini(struct gw_scan *scan)
{
    free(scan->memory);
    scan->memory = NULL;
}

void gw_scan_begin(struct gw_scan *scan, gw_file_handle file, uint32_t number, uint32_t seed)
{
    scan->file = file;
    scan->number = number;
    scan->seed = seed;
    scan->base = 0;
    scan->fill = 0;
    scan->hole_from = UINT64_MAX;
    scan->hole_end = 0;
}

bool gw_scan_is_hole(int os_errno)
{
    /* The last two: a file system whose own sums do not match (XFS, ext4). */
    return os_errno == EIO || os_errno == EUCLEAN || os_errno == EBADMSG;
}

bool gw_scan_has_hole(const struct gw_scan *scan, uint64_t offset, uint64_t end)
{
    return scan->hole_from < end && offset < scan->hole_end;
}

static enum gw_status read_file(struct gw_scan *scan, uint64_t offset, uint8_t *memory, size_t size,
                                size_t *ret_got)
{
    return scan->disk->ops->read(scan->disk->ctx, scan->file, offset, (struct iovec){memory, size},
                                 ret_got, &scan->error);
}

/* One piece after the other, those that cannot be read as 0. */
static enum gw_status read_pieces(struct gw_scan *scan, uint64_t offset, uint8_t *memory,
                                  size_t size, size_t *ret_got)
{
    uint64_t file_size = 0;
    *ret_got = 0;
    GW_TRY(scan->disk->ops->size(scan->disk->ctx, scan->file, &file_size, &scan->error));
    if (offset >= file_size)
        return GW_OK;
    if (size > file_size - offset)
        size = (size_t)(file_size - offset);
    while (*ret_got < size) {
        uint64_t at = offset + *ret_got;
        size_t want = (size_t)(PIECE - at % PIECE), got = 0;
        if (want > size - *ret_got)
            want = size - *ret_got;
        if (read_file(scan, at, memory + *ret_got, want, &got) != GW_OK) {
            if (!gw_scan_is_hole(scan->error))
                return GW_OS_ERROR;
            memset(memory + *ret_got, 0, want);
            got = want;
            scan->hole_from = at < scan->hole_from ? at : scan->hole_from;
            scan->hole_end = at + want > scan->hole_end ? at + want : scan->hole_end;
        }
        if (got == 0)
            break; /* somebody made it shorter */
        *ret_got += got;
    }
    return GW_OK;
}

static enum gw_status read_some(struct gw_scan *scan, uint64_t offset, uint8_t *memory, size_t size,
                                size_t *ret_got)
{
    enum gw_status status = read_file(scan, offset, memory, size, ret_got);
    if (status == GW_OK || !scan->patient || !gw_scan_is_hole(scan->error))
        return status;
    return read_pieces(scan, offset, memory, size, ret_got);
}

enum gw_status gw_scan_bytes(struct gw_scan *scan, uint64_t offset, size_t size,
                             struct gw_span *ret_bytes)
{
    if (offset < scan->base || offset + size > scan->base + scan->fill) {
        size_t want = size > GW_SCAN_WINDOW ? size : GW_SCAN_WINDOW;
        if (want > scan->capacity) {
            uint8_t *memory = realloc(scan->memory, want);
            if (memory == NULL)
                return GW_NO_MEMORY;
            scan->memory = memory;
            scan->capacity = want;
        }
        /* What is there already moves down, the rest is read behind it. */
        size_t kept = 0;
        if (offset >= scan->base && offset < scan->base + scan->fill) {
            kept = (size_t)(scan->base + scan->fill - offset);
            memmove(scan->memory, scan->memory + (offset - scan->base), kept);
        }
        scan->base = offset;
        scan->fill = kept;
        size_t got = 0;
        GW_TRY(read_some(scan, offset + kept, scan->memory + kept, want - kept, &got));
        scan->fill += got;
        scan->read += got;
    }
    size_t at = (size_t)(offset - scan->base);
    size_t there = scan->fill - at;
    *ret_bytes = gw_span_of(scan->memory + at, there < size ? there : size);
    return GW_OK;
}

enum gw_status gw_scan_look(struct gw_scan *scan, uint64_t offset, bool with_data,
                            struct gw_scan_chunk *ret_chunk)
{
    *ret_chunk = (struct gw_scan_chunk){.found = GW_SCAN_NONE};
    struct gw_span bytes;
    GW_TRY(gw_scan_bytes(scan, offset, GW_LAYOUT_CHUNK_HEAD, &bytes));
    if (!gw_layout_get_chunk(bytes, scan->seed, gw_position_of(scan->number, (uint32_t)offset),
                             &ret_chunk->head))
        return GW_OK;
    size_t size = ret_chunk->head.data_size;
    ret_chunk->next = offset + GW_LAYOUT_CHUNK_SIZE(size);
    ret_chunk->found = GW_SCAN_GOOD;
    if (!with_data)
        return GW_OK;
    GW_TRY(gw_scan_bytes(scan, offset + GW_LAYOUT_CHUNK_HEAD, size, &bytes));
    if (bytes.size == size && gw_crc32c(scan->seed, bytes) == ret_chunk->head.data_crc)
        ret_chunk->data = bytes;
    else
        ret_chunk->found = GW_SCAN_HEAD;
    return GW_OK;
}

enum gw_status gw_scan_search(struct gw_scan *scan, uint64_t offset, uint64_t until, bool with_data,
                              uint64_t *ret_offset)
{
    offset = GW_LAYOUT_ALIGN(offset);
    while (offset + GW_LAYOUT_CHUNK_HEAD <= until) {
        struct gw_span bytes;
        GW_TRY(gw_scan_bytes(scan, offset, GW_LAYOUT_CHUNK_HEAD, &bytes));
        if (bytes.size < GW_LAYOUT_CHUNK_HEAD)
            break;
        /* Quick over what cannot be a head, within the window. */
        size_t left = scan->fill - (size_t)(offset - scan->base);
        size_t step = 0;
        while (left - step >= GW_LAYOUT_CHUNK_HEAD && memcmp(bytes.data + step, "GWCH", 4) != 0)
            step += 8;
        offset += step;
        if (step > 0)
            continue;
        struct gw_scan_chunk chunk;
        GW_TRY(gw_scan_look(scan, offset, with_data, &chunk));
        if (chunk.found == GW_SCAN_GOOD) {
            *ret_offset = offset;
            return GW_OK;
        }
        offset = chunk.found == GW_SCAN_HEAD ? chunk.next : offset + 8;
    }
    *ret_offset = until;
    return GW_OK;
}
