/*
 * keep/sink: where the segments of a backup go: a directory, or one file (a tar archive that any
 *            tar opens).
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    open; for each segment begin, put, end (or drop: it is not part of it after all); close.
 * Limits  a segment: 4 GiB.
 */
#ifndef GW_KEEP_SINK_H
#define GW_KEEP_SINK_H

#include "keep/trouble.h"

#define GW_SINK_PATH_SIZE 560u
#define GW_SINK_TAR       ".tar" /* how the name of an archive ends */

struct gw_sink {
    const char *path; /* the directory, or the file */
    bool tar;
    gw_file_handle file;
    uint64_t member; /* tar: offset of the member that is written */
    uint64_t at;     /* where the next byte of it goes */
    uint64_t size;   /* of the member */
    char name[GW_SINK_PATH_SIZE];
};

/* Makes the directory or the file, which must not be there. */
GW_MUST_USE enum gw_status gw_sink_open(struct gw_sink *sink, const char *path, bool tar,
                                        struct gw_trouble *trouble);
/* A segment of which `size` bytes follow; the file of a directory becomes `full_size` long. */
GW_MUST_USE enum gw_status gw_sink_begin(struct gw_sink *sink, uint32_t number, uint64_t size,
                                         uint64_t full_size, struct gw_trouble *trouble);
GW_MUST_USE enum gw_status gw_sink_put(struct gw_sink *sink, struct gw_span bytes,
                                       struct gw_trouble *trouble);
GW_MUST_USE enum gw_status gw_sink_end(struct gw_sink *sink, struct gw_trouble *trouble);
GW_MUST_USE enum gw_status gw_sink_drop(struct gw_sink *sink, struct gw_trouble *trouble);
/* Syncs all of it. */
GW_MUST_USE enum gw_status gw_sink_close(struct gw_sink *sink, struct gw_trouble *trouble);
/* Leaves what was made as it is; fine after close. */
void gw_sink_abandon(struct gw_sink *sink);

#endif
