#include "base/blob.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/checked.h"

#define REFS_MAX ((uint32_t)1 << 31)

struct gw_blob *gw_blob_new(size_t size)
{
    size_t total;
    if (size > UINT32_MAX || gw_checked_add(sizeof(struct gw_blob), size, &total) != GW_OK)
        return NULL;
    struct gw_blob *blob = malloc(total);
    if (blob == NULL)
        return NULL;
    atomic_init(&blob->refs, 1);
    blob->size = (uint32_t)size;
    blob->keeper = NULL;
    atomic_init(&blob->position, 0);
    return blob;
}

struct gw_blob *gw_blob_copy(struct gw_span bytes)
{
    struct gw_blob *blob = gw_blob_new(bytes.size);
    if (blob && bytes.size > 0)
        memcpy(blob->data, bytes.data, bytes.size);
    return blob;
}

struct gw_blob *gw_blob_ref(struct gw_blob *blob)
{
    /* Relaxed: who refs already holds a reference, so the bytes are visible to him. */
    unsigned before = atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    GW_ASSERT(before > 0 && before < REFS_MAX);
    return blob;
}

void gw_blob_unref(struct gw_blob **blob)
{
    struct gw_blob *b = *blob;
    *blob = NULL;
    if (b == NULL)
        return;
    /* Each unref releases what its holder read, the last one acquires all of it before the free. */
    unsigned before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    GW_ASSERT(before > 0);
    if (before != 1)
        return;
    if (b->keeper)
        b->keeper->on_end(b->keeper, b);
    free(b);
}

uint32_t gw_blob_refs(const struct gw_blob *blob)
{
    return (uint32_t)atomic_load_explicit(&blob->refs, memory_order_acquire);
}
