/*
 * store/segment: the table of segment files: which there are, their heads, files open to read.
 *
 * Layer   store (may include os, base).
 * Owner   any thread, by its mutex; `live`, `limit` and heads: recovery alone, before others come.
 * Life    init, fini closes the files. A pinned segment stays where it is until unpin.
 * Limits  GW_SEGMENT_FILES_MAX files are kept open beside the pinned ones.
 */
#ifndef GW_STORE_SEGMENT_H
#define GW_STORE_SEGMENT_H

#include "os/disk.h"
#include "os/thread.h"
#include "store/layout.h"

#define GW_SEGMENT_FILES_MAX 64u
#define GW_SEGMENT_PATH_SIZE 560u

struct gw_segment {
    uint32_t number;
    uint64_t size;          /* of the file */
    enum gw_status head_is; /* GW_OK: `head` is good and its number too */
    struct gw_layout_segment head;
    bool live;        /* belongs to the log; what does not is recycled */
    uint64_t limit;   /* of a live one: chunks behind this offset do not count */
    bool end_unknown; /* of a live one: the segment behind it, which says it, is lost */
    gw_file_handle file;
    unsigned pins;
    uint64_t *needs; /* nobody holds it: what has to be synced before it can go, by stream */
    uint64_t used_at;
};

struct gw_segment_table {
    struct gw_mutex mutex;
    const struct gw_disk *disk;
    const char *directory;
    struct gw_segment **list; /* by number */
    size_t count, capacity;
    size_t open_count;
    uint64_t uses;
};

/* The directory's path outlives the table. */
void gw_segment_init(struct gw_segment_table *table, const struct gw_disk *disk,
                     const char *directory);
void gw_segment_fini(struct gw_segment_table *table);

void gw_segment_path(const struct gw_segment_table *table, uint32_t number,
                     char ret_path[GW_SEGMENT_PATH_SIZE]);
/* Enters a segment as live; GW_NO_MEMORY, GW_EXISTS (then *ret_segment is what is there). */
GW_MUST_USE enum gw_status gw_segment_add(struct gw_segment_table *table, uint32_t number,
                                          uint64_t size, struct gw_segment **ret_segment);
/* The file of a segment, opened if need be; GW_NOT_FOUND, GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_segment_pin(struct gw_segment_table *table, uint32_t number,
                                          struct gw_segment **ret_segment, int *ret_errno);
void gw_segment_unpin(struct gw_segment_table *table, struct gw_segment *segment);

typedef bool gw_segment_free_fn(void *user, struct gw_segment *segment);

/* Takes the first segment from *cursor on that is not pinned and that `is_free` says yes to out of
 * the table; false if there is none. *cursor: 0 at first. */
bool gw_segment_take(struct gw_segment_table *table, size_t *cursor, gw_segment_free_fn *is_free,
                     void *user, struct gw_segment *ret_segment);
/* The first one of the log from number `from` on and before `end`; false if there is none. */
bool gw_segment_next(struct gw_segment_table *table, uint32_t from, uint32_t end,
                     uint32_t *ret_number, uint64_t *ret_size);
/* Count and size of all in the table. */
void gw_segment_sum(struct gw_segment_table *table, uint64_t *ret_count, uint64_t *ret_size);

#endif
