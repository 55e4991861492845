/*
 * store/scan: goes through the chunks of one segment with large reads.
 *
 * Layer   store (may include os, base).
 * Owner   whoever holds it; not thread-safe.
 * Life    init on the caller's memory, fini; begin again for each segment.
 * Limits  memory: GW_SCAN_WINDOW, or one chunk if that is larger.
 */
#ifndef GW_STORE_SCAN_H
#define GW_STORE_SCAN_H

#include "store/segment.h"

#define GW_SCAN_WINDOW ((size_t)1 << 20)

struct gw_scan {
    const struct gw_disk *disk;
    gw_file_handle file;
    uint32_t number;
    uint32_t seed;
    uint8_t *memory;
    size_t capacity;
    uint64_t base; /* offset of the window */
    size_t fill;
    uint64_t read; /* bytes read in all */
    int error;     /* errno after GW_OS_ERROR */
    /* What the disk does not give back reads as 0 where the file has it, instead of GW_OS_ERROR. */
    bool patient;
    uint64_t hole_from, hole_end; /* with patient: all such bytes of the segment are within */
};

enum gw_scan_found {
    GW_SCAN_GOOD, /* head and data */
    GW_SCAN_HEAD, /* a good head, bad or missing data */
    GW_SCAN_NONE,
};

struct gw_scan_chunk {
    enum gw_scan_found found;
    struct gw_layout_chunk head; /* if not NONE */
    struct gw_span data;         /* if GOOD; valid until the next call */
    uint64_t next;               /* offset behind it; if not NONE */
};

void gw_scan_init(struct gw_scan *scan, const struct gw_disk *disk);
void gw_scan_fini(struct gw_scan *scan);
void gw_scan_begin(struct gw_scan *scan, gw_file_handle file, uint32_t number, uint32_t seed);
/* Up to `size` bytes from `offset`, fewer at the end of the file; GW_OS_ERROR, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_scan_bytes(struct gw_scan *scan, uint64_t offset, size_t size,
                                         struct gw_span *ret_bytes);
/* Whether the disk may not have given back some of these bytes of the segment; for words. */
bool gw_scan_has_hole(const struct gw_scan *scan, uint64_t offset, uint64_t end);
/* The disk does not give back what was written there: other parts of the file may be fine. */
bool gw_scan_is_hole(int os_errno);
/* What stands at this offset; with_data: its sum is checked too, else a good head is GW_SCAN_GOOD
 * and data is empty. */
GW_MUST_USE enum gw_status gw_scan_look(struct gw_scan *scan, uint64_t offset, bool with_data,
                                        struct gw_scan_chunk *ret_chunk);
/* The first good chunk at `offset` or behind it, below `until`; *ret_offset = until if none. */
GW_MUST_USE enum gw_status gw_scan_search(struct gw_scan *scan, uint64_t offset, uint64_t until,
                                          bool with_data, uint64_t *ret_offset);

#endif
