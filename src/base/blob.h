/*
 * base/blob: immutable bytes shared by counted reference across loops.
 *
 * Layer   base. Allocates with malloc, header and bytes in one piece.
 * Owner   any thread: written by its maker before the first share, never after.
 * Life    new gives one reference; ref/unref; the last unref frees.
 * Limits  2^31 references (asserted).
 */
#ifndef GW_BASE_BLOB_H
#define GW_BASE_BLOB_H

#include <stdatomic.h>

#include "base/span.h"
#include "base/status.h"

struct gw_blob {
    atomic_uint_fast32_t refs; /* unref releases, the last one acquires */
    size_t size;
    uint8_t data[];
};

/* Allocates a blob of `size` bytes, content undefined, one reference for the caller.
 * Returns NULL when memory is out. */
struct gw_blob *gw_blob_new(size_t size);

/* Adds a reference and returns its argument. */
struct gw_blob *gw_blob_ref(struct gw_blob *blob);

/* Gives one reference back and sets *blob to NULL; frees with the last. Accepts a NULL blob. */
void gw_blob_unref(struct gw_blob **blob);

/* How many references there are; exact only for the sole owner. */
uint32_t gw_blob_refs(const struct gw_blob *blob);

#endif
