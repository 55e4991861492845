#include "base/handles.h"

#include <stdlib.h>

#define SLOT_BITS       28u
#define GENERATION_BITS 24u
#define SLOT_MASK       ((UINT32_C(1) << SLOT_BITS) - 1)
#define GENERATION_MASK ((UINT32_C(1) << GENERATION_BITS) - 1)

void gw_handles_init(struct gw_handles *handles, uint32_t owner)
{
    *handles = (struct gw_handles){.owner = owner};
}

void gw_handles_fini(struct gw_handles *handles)
{
    free(handles->slots);
    handles->slots = NULL;
    handles->capacity = 0;
    handles->free = 0;
}

static enum gw_status grow(struct gw_handles *handles)
{
    uint32_t capacity = handles->capacity ? handles->capacity * 2 : 16;
    if (capacity > SLOT_MASK + 1) /* as many as slot bits can tell */
        return GW_LIMIT;
    struct gw_handles_slot *slots = realloc(handles->slots, capacity * sizeof(*slots));
    if (!slots)
        return GW_NO_MEMORY;
    for (uint32_t i = handles->capacity; i < capacity; i++)
        slots[i] = (struct gw_handles_slot){NULL, 1, i + 2 <= capacity ? i + 2 : 0};
    handles->free = handles->capacity + 1;
    handles->slots = slots;
    handles->capacity = capacity;
    return GW_OK;
}

enum gw_status gw_handles_add(struct gw_handles *handles, void *object, uint64_t *ret_handle)
{
    if (handles->free == 0)
        GW_TRY(grow(handles));
    uint32_t index = handles->free - 1;
    struct gw_handles_slot *slot = &handles->slots[index];
    handles->free = slot->next_free;
    slot->object = object;
    *ret_handle = (uint64_t)handles->owner << 52 | (uint64_t)slot->generation << SLOT_BITS | index;
    return GW_OK;
}

static struct gw_handles_slot *slot_of(const struct gw_handles *handles, uint64_t handle)
{
    uint32_t index = (uint32_t)handle & SLOT_MASK;
    uint32_t generation = (uint32_t)(handle >> SLOT_BITS) & GENERATION_MASK;
    if (gw_handles_owner(handle) != handles->owner || index >= handles->capacity)
        return NULL;
    struct gw_handles_slot *slot = &handles->slots[index];
    return slot->object && slot->generation == generation ? slot : NULL;
}

void *gw_handles_get(const struct gw_handles *handles, uint64_t handle)
{
    const struct gw_handles_slot *slot = slot_of(handles, handle);
    return slot ? slot->object : NULL;
}

void gw_handles_remove(struct gw_handles *handles, uint64_t handle)
{
    struct gw_handles_slot *slot = slot_of(handles, handle);
    if (!slot)
        return;
    slot->object = NULL;
    slot->generation = (slot->generation + 1) & GENERATION_MASK;
    if (slot->generation == 0)
        slot->generation = 1;
    slot->next_free = handles->free;
    handles->free = (uint32_t)(slot - handles->slots) + 1;
}
