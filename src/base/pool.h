/*
 * base/pool: objects of one size, kept for re-use, so that the message path does not call malloc.
 *
 * Layer   base. Allocates slabs with malloc.
 * Owner   one loop; not thread-safe.
 * Life    init/fini; fini asserts that every object came back.
 * Limits  `objects_max` live objects; slabs that are entirely free are given back beyond one spare.
 */
#ifndef GW_BASE_POOL_H
#define GW_BASE_POOL_H

#include "base/list.h"
#include "base/status.h"

struct gw_pool {
    size_t object_size;
    size_t slab_size; /* power of two, the alignment of each slab too */
    size_t objects_per_slab;
    size_t objects_max;
    size_t live; /* objects handed out */
    size_t slab_count;
    struct gw_list partial; /* slabs with free and used objects */
    struct gw_list full;    /* slabs without free objects */
    struct gw_list spare;   /* entirely free slabs, one at most */
};

/* Prepares an empty pool; allocates nothing. object_size is rounded up to max alignment. */
void gw_pool_init(struct gw_pool *pool, size_t object_size, size_t objects_max);

/* Releases the slabs; every object must have been given back. */
void gw_pool_fini(struct gw_pool *pool);

/* An object, content undefined; NULL at the limit or when memory is out. */
void *gw_pool_take(struct gw_pool *pool);

/* Gives an object back; NULL is fine. */
void gw_pool_give(struct gw_pool *pool, void *object);

#endif
