/*
 * keep/duplicate: copies the segments of a store, while a broker writes to it or not.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    none.
 * Limits  none of its own.
 *
 * The log is only added to, so what stands before any point of it is the store of one moment.
 * Segments are copied from the oldest one on, the one that is written last and only as far as it is
 * whole. A segment that is recycled while it is copied, or before, is not needed at the moment of
 * which the copy is, which comes later: it is left out.
 */
#ifndef GW_KEEP_DUPLICATE_H
#define GW_KEEP_DUPLICATE_H

#include "keep/sink.h"

struct gw_duplicate_result {
    uint64_t segments, bytes;
    uint64_t left_out; /* recycled meanwhile */
};

/* Copies the store of a directory. */
GW_MUST_USE enum gw_status gw_duplicate_store(const char *path, struct gw_sink *sink,
                                              struct gw_duplicate_result *ret_result,
                                              struct gw_trouble *trouble);

#endif
