#include "topic/slots.h"

#include <stdlib.h>

#include "base/assert.h"

#define CAPACITY_MIN 16u
#define CAPACITY_MAX (1u << 31)

/* Old slots moved per insert or remove. Growth leaves room for 0.4 and shrinking for 0.6 of the
 * slots to come; with 32 the move ends after 1/32 of them. */
#define MOVES 32u

void gw_slots_init(struct gw_slots *table)
{
    *table = (struct gw_slots){{NULL, 0}, {NULL, 0}, 0, 0};
}

void gw_slots_fini(struct gw_slots *table)
{
    free(table->now.slots);
    free(table->old.slots);
    gw_slots_init(table);
}

static uint32_t step(const struct gw_slots_array *array, uint32_t at)
{
    return at + 1 == array->capacity ? 0 : at + 1;
}

static void place(struct gw_slots_array *array, struct gw_slot slot)
{
    uint32_t at = gw_slots_home(array, slot.hash);
    while (array->slots[at].number != GW_SLOT_EMPTY)
        at = step(array, at);
    array->slots[at] = slot;
}

static void move_some(struct gw_slots *table, uint32_t moves)
{
    if (!table->old.slots)
        return;
    for (; moves > 0 && table->moved < table->old.capacity; moves--, table->moved++) {
        struct gw_slot *slot = &table->old.slots[table->moved];
        if (slot->number == GW_SLOT_EMPTY || slot->number == GW_SLOT_GONE)
            continue;
        place(&table->now, *slot);
        slot->number = GW_SLOT_GONE; /* what was displaced past it must still be found */
    }
    if (table->moved < table->old.capacity)
        return;
    free(table->old.slots);
    table->old = (struct gw_slots_array){NULL, 0};
}

/* Begins the move to another capacity; what remains of an earlier one is finished at once. */
static enum gw_status resize(struct gw_slots *table, uint32_t capacity)
{
    struct gw_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return GW_NO_MEMORY;
    move_some(table, UINT32_MAX);
    table->old = table->now;
    table->moved = 0;
    table->now.slots = slots;
    table->now.capacity = capacity;
    move_some(table, MOVES);
    return GW_OK;
}

static bool is_full(const struct gw_slots *table)
{
    return (uint64_t)(table->count + 1) * 5 > (uint64_t)table->now.capacity * 4;
}

enum gw_status gw_slots_insert(struct gw_slots *table, uint32_t hash, uint32_t number)
{
    move_some(table, MOVES);
    if (is_full(table)) {
        uint32_t capacity = table->now.capacity;
        if (capacity > CAPACITY_MAX)
            return GW_NO_MEMORY;
        GW_TRY(resize(table, capacity ? capacity + capacity / 2 : CAPACITY_MIN));
    }
    place(&table->now, (struct gw_slot){hash, number});
    table->count++;
    return GW_OK;
}

/* Closes the gap at `hole`: members behind it that were displaced past it move up. */
static void close_gap(struct gw_slots_array *array, uint32_t hole)
{
    uint32_t at = hole;
    for (;;) {
        at = step(array, at);
        struct gw_slot slot = array->slots[at];
        if (slot.number == GW_SLOT_EMPTY)
            break;
        uint32_t home = gw_slots_home(array, slot.hash);
        /* May it stand in the hole? Only if its home is not cyclically in (hole, at]. */
        bool stays = hole <= at ? home > hole && home <= at : home > hole || home <= at;
        if (stays)
            continue;
        array->slots[hole] = slot;
        hole = at;
    }
    array->slots[hole] = (struct gw_slot){0, GW_SLOT_EMPTY};
}

static bool find_slot(const struct gw_slots_array *array, uint32_t hash, uint32_t number,
                      uint32_t *ret_at)
{
    if (!array->slots)
        return false;
    uint32_t at = gw_slots_home(array, hash);
    for (; array->slots[at].number != GW_SLOT_EMPTY; at = step(array, at)) {
        if (array->slots[at].number == number) {
            *ret_at = at;
            return true;
        }
    }
    return false;
}

void gw_slots_remove(struct gw_slots *table, uint32_t hash, uint32_t number)
{
    uint32_t at = 0;
    if (find_slot(&table->now, hash, number, &at)) {
        close_gap(&table->now, at);
    } else {
        bool found = find_slot(&table->old, hash, number, &at);
        GW_ASSERT(found);
        table->old.slots[at].number = GW_SLOT_GONE;
    }
    table->count--;
    move_some(table, MOVES);
    uint32_t capacity = table->now.capacity;
    if (table->old.slots || capacity <= CAPACITY_MIN || table->count >= capacity / 8)
        return;
    uint32_t smaller = capacity / 4 < CAPACITY_MIN ? CAPACITY_MIN : capacity / 4;
    /* A table that stays large for want of memory still works. */
    if (resize(table, smaller) != GW_OK)
        return;
}

uint32_t gw_slots_walk(const struct gw_slots *table, size_t *at)
{
    size_t total = (size_t)table->now.capacity + table->old.capacity;
    while (*at < total) {
        size_t i = (*at)++;
        const struct gw_slot *slot = i < table->now.capacity
                                         ? &table->now.slots[i]
                                         : &table->old.slots[i - table->now.capacity];
        if (slot->number != GW_SLOT_EMPTY && slot->number != GW_SLOT_GONE)
            return slot->number;
    }
    return 0;
}
