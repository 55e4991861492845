#include "store/scan.h"

#include <stdlib.h>

#include "base/crc.h"

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
        if (scan->disk->ops->read(scan->disk->ctx, scan->file, offset + kept,
                                  (struct iovec){scan->memory + kept, want - kept}, &got,
                                  &scan->error) != GW_OK)
            return GW_OS_ERROR;
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
