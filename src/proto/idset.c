#include "proto/idset.h"

#include <stdlib.h>

#include "base/assert.h"

void gw_idset_init(struct gw_idset *set)
{
    *set = (struct gw_idset){0};
}

void gw_idset_fini(struct gw_idset *set)
{
    free(set->slots);
    gw_idset_init(set);
}

/* Multiplicative spread, so that neither sequences nor strides pile up. */
static uint32_t home(const struct gw_idset *set, gw_packet_id id)
{
    return (uint32_t)(id * 0x9E3779B1u >> 12) & (set->capacity - 1);
}

/* The slot of id, or the free slot where it would go. */
static uint32_t slot_of(const struct gw_idset *set, gw_packet_id id)
{
    uint32_t slot = home(set, id);
    while (set->slots[slot] != 0 && set->slots[slot] != id)
        slot = (slot + 1) & (set->capacity - 1);
    return slot;
}

bool gw_idset_has(const struct gw_idset *set, gw_packet_id id)
{
    return set->count > 0 && set->slots[slot_of(set, id)] == id;
}

static enum gw_status grow(struct gw_idset *set)
{
    struct gw_idset larger = {.capacity = set->capacity ? set->capacity * 2 : 8,
                              .count = set->count};
    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (!larger.slots)
        return GW_NO_MEMORY;
    for (uint32_t i = 0; i < set->capacity; i++)
        if (set->slots[i] != 0)
            larger.slots[slot_of(&larger, set->slots[i])] = set->slots[i];
    free(set->slots);
    *set = larger;
    return GW_OK;
}

enum gw_status gw_idset_add(struct gw_idset *set, gw_packet_id id)
{
    GW_ASSERT(id != 0);
    if (gw_idset_has(set, id))
        return GW_EXISTS;
    if ((set->count + 1) * 4 > set->capacity * 3)
        GW_TRY(grow(set));
    set->slots[slot_of(set, id)] = id;
    set->count++;
    return GW_OK;
}

enum gw_status gw_idset_remove(struct gw_idset *set, gw_packet_id id)
{
    if (!gw_idset_has(set, id))
        return GW_NOT_FOUND;
    if (--set->count == 0) {
        gw_idset_fini(set);
        return GW_OK;
    }
    uint32_t mask = set->capacity - 1;
    uint32_t hole = slot_of(set, id);
    set->slots[hole] = 0;
    /* Close the gap: move back what probing would no longer find. */
    for (uint32_t at = (hole + 1) & mask; set->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t want = home(set, set->slots[at]);
        if (((at - want) & mask) >= ((at - hole) & mask)) {
            set->slots[hole] = set->slots[at];
            set->slots[at] = 0;
            hole = at;
        }
    }
    return GW_OK;
}
