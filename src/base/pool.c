#include "base/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define ALIGNMENT            _Alignof(max_align_t)
#define SLAB_SIZE_MIN        ((size_t)16384)
#define OBJECTS_PER_SLAB_MIN 8

/* A slab is aligned to its own size (a power of two), so an object's address names its slab. */
struct slab {
    struct gw_list link;
    void *free_objects; /* given back, linked through their first bytes */
    size_t fresh;       /* index of the first object that was never handed out */
    size_t used;
};

#define HEADER_SIZE ((sizeof(struct slab) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

static size_t round_up(size_t size, size_t step)
{
    return (size + step - 1) / step * step;
}

void gw_pool_init(struct gw_pool *pool, size_t object_size, size_t objects_max)
{
    GW_ASSERT(object_size > 0 && object_size < SIZE_MAX / 64);
    *pool = (struct gw_pool){.object_size = round_up(object_size, ALIGNMENT),
                             .objects_max = objects_max,
                             .slab_size = SLAB_SIZE_MIN};
    while (pool->slab_size < HEADER_SIZE + OBJECTS_PER_SLAB_MIN * pool->object_size)
        pool->slab_size *= 2;
    pool->objects_per_slab = (pool->slab_size - HEADER_SIZE) / pool->object_size;
    gw_list_init(&pool->partial);
    gw_list_init(&pool->full);
    gw_list_init(&pool->spare);
}

void gw_pool_fini(struct gw_pool *pool)
{
    if (pool == NULL)
        return;
    GW_ASSERT(pool->live == 0);
    struct gw_list *node;
    while ((node = gw_list_pop_front(&pool->spare)) != NULL) {
        free(GW_CONTAINER(node, struct slab, link));
        pool->slab_count--;
    }
    GW_ASSERT(pool->slab_count == 0);
}

/* A slab with room, at the front of `partial`; NULL when memory is out. */
static struct slab *slab_with_room(struct gw_pool *pool)
{
    if (!gw_list_empty(&pool->partial))
        return GW_CONTAINER(pool->partial.next, struct slab, link);
    struct slab *slab;
    struct gw_list *node = gw_list_pop_front(&pool->spare);
    if (node != NULL) {
        slab = GW_CONTAINER(node, struct slab, link);
    } else {
        slab = aligned_alloc(pool->slab_size, pool->slab_size);
        if (slab == NULL)
            return NULL;
        *slab = (struct slab){0};
        pool->slab_count++;
    }
    gw_list_init(&slab->link);
    gw_list_push_front(&pool->partial, &slab->link);
    return slab;
}

static void *object_of(struct gw_pool *pool, struct slab *slab)
{
    void *object = slab->free_objects;
    if (object != NULL) {
        memcpy(&slab->free_objects, object, sizeof(void *));
        return object;
    }
    return (uint8_t *)slab + HEADER_SIZE + pool->object_size * slab->fresh++;
}

void *gw_pool_take(struct gw_pool *pool)
{
    if (pool->live >= pool->objects_max)
        return NULL;
    struct slab *slab = slab_with_room(pool);
    if (slab == NULL)
        return NULL;
    void *object = object_of(pool, slab);
    pool->live++;
    if (++slab->used == pool->objects_per_slab) {
        gw_list_remove(&slab->link);
        gw_list_push_back(&pool->full, &slab->link);
    }
    return object;
}

static void slab_retire(struct gw_pool *pool, struct slab *slab)
{
    gw_list_remove(&slab->link);
    if (gw_list_empty(&pool->spare)) {
        gw_list_push_back(&pool->spare, &slab->link);
        return;
    }
    free(slab);
    pool->slab_count--;
}

void gw_pool_give(struct gw_pool *pool, void *object)
{
    if (object == NULL)
        return;
    struct slab *slab =
        (struct slab *)(void *)((uint8_t *)object - ((uintptr_t)object & (pool->slab_size - 1)));
    GW_ASSERT(pool->live > 0 && slab->used > 0);
    if (slab->used == pool->objects_per_slab) {
        gw_list_remove(&slab->link);
        gw_list_push_front(&pool->partial, &slab->link);
    }
    memcpy(object, &slab->free_objects, sizeof(slab->free_objects));
    slab->free_objects = object;
    slab->used--;
    pool->live--;
    if (slab->used == 0)
        slab_retire(pool, slab);
}
