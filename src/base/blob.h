/*
 * base/blob: immutable bytes shared by counted reference across loops.
 *
 * Layer   base. Allocates with malloc, header and bytes in one piece.
 * Owner   any thread: written by its maker before the first share, never after.
 * Life    new gives one reference; ref/unref; the last unref frees.
 * Limits  2^31 references (asserted); 4 GiB of bytes.
 */
#ifndef GW_BASE_BLOB_H
#define GW_BASE_BLOB_H

#include <stdatomic.h>

#include "base/position.h"
#include "base/span.h"
#include "base/status.h"

struct gw_blob;

/* Who wants to know when a blob ends; outlives its blobs. on_end runs on whatever thread lets go of
 * it last and must not keep it. */
struct gw_blob_keeper {
    void (*on_end)(struct gw_blob_keeper *keeper, const struct gw_blob *blob);
};

struct gw_blob {
    atomic_uint refs; /* unref releases, the last one acquires */
    uint32_t size;
    struct gw_blob_keeper *keeper; /* NULL if none; set before the first share */
    _Atomic gw_position position;  /* in the durable log; the keeper's, see gw_blob_position */
    uint8_t data[];
};

_Static_assert(sizeof(struct gw_blob) == 16 + sizeof(void *), "every message has one");

/* Allocates a blob of `size` bytes, content undefined, one reference for the caller.
 * Returns NULL when memory is out, or the size above the limit. */
struct gw_blob *gw_blob_new(size_t size);

/* A blob of these bytes; NULL as gw_blob_new. */
struct gw_blob *gw_blob_copy(struct gw_span bytes);

/* Its bytes, as long as somebody holds it; NULL has none. */
static inline struct gw_span gw_blob_span(const struct gw_blob *blob)
{
    return blob ? gw_span_of(blob->data, blob->size) : GW_SPAN_NONE;
}

/* Adds a reference and returns its argument. */
struct gw_blob *gw_blob_ref(struct gw_blob *blob);

/* Gives one reference back and sets *blob to NULL; frees with the last. Accepts a NULL blob. */
void gw_blob_unref(struct gw_blob **blob);

/* Where its content stands in the durable log; 0 = nowhere. Whoever writes it there says so before
 * other threads see the blob; if it is written again elsewhere, the place changes under them.
 * Relaxed: a number, nothing hangs on it. */
static inline gw_position gw_blob_position(const struct gw_blob *blob)
{
    return atomic_load_explicit(&blob->position, memory_order_relaxed);
}

static inline void gw_blob_set_position(struct gw_blob *blob, gw_position position)
{
    atomic_store_explicit(&blob->position, position, memory_order_relaxed);
}

/* How many references there are; exact only for the sole owner. */
uint32_t gw_blob_refs(const struct gw_blob *blob);

#endif
