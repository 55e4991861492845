/*
 * base/handles: numbers that name objects of one owner and go stale when the object is gone.
 *
 * Layer   base. Allocates as it grows.
 * Owner   one loop; not thread-safe. The numbers may travel anywhere.
 * Life    init/fini on the caller's memory.
 * Limits  2^28 objects; a slot's generation repeats after 2^24 uses.
 *
 * A handle is [owner: 12 bits][generation: 24][slot: 28]; 0 is never one.
 */
#ifndef GW_BASE_HANDLES_H
#define GW_BASE_HANDLES_H

#include <stdint.h>

#include "base/status.h"

struct gw_handles_slot {
    void *object; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

struct gw_handles {
    struct gw_handles_slot *slots;
    uint32_t capacity;
    uint32_t free; /* first free slot + 1, 0 = none */
    uint32_t owner;
};

/* Prepares an empty table whose handles carry `owner` (below 4096). */
void gw_handles_init(struct gw_handles *handles, uint32_t owner);
/* Releases the table, not the objects. */
void gw_handles_fini(struct gw_handles *handles);

/* Names an object; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_handles_add(struct gw_handles *handles, void *object,
                                          uint64_t *ret_handle);
/* The object, or NULL if it is gone. */
void *gw_handles_get(const struct gw_handles *handles, uint64_t handle);
/* Makes a handle stale; fine if it is. */
void gw_handles_remove(struct gw_handles *handles, uint64_t handle);

/* The object in a slot, or NULL, for walks over all that live: slots 0 to capacity - 1. */
static inline void *gw_handles_at(const struct gw_handles *handles, uint32_t slot)
{
    return slot < handles->capacity ? handles->slots[slot].object : NULL;
}

/* The owner's number inside a handle. */
static inline uint32_t gw_handles_owner(uint64_t handle)
{
    return (uint32_t)(handle >> 52);
}

#endif
