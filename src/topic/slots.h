/*
 * topic/slots: an open-addressing table from a 32-bit hash to numbers of records.
 *
 * Layer   topic (may include base). Allocates its array with malloc.
 * Owner   one loop; not thread-safe.
 * Life    init/fini.
 * Limits  2^31 numbers. Grows by half at 4/5 full and shrinks at 1/8, a few slots per insert and
 *         remove: no call is long.
 *
 * The table knows no keys: a probe gives every number that was put in under an equal hash, and the
 * caller compares. Hashes stand in the slots, so neither a probe that misses nor growth touches a
 * record.
 */
#ifndef GW_TOPIC_SLOTS_H
#define GW_TOPIC_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define GW_SLOT_EMPTY 0u         /* so 0 is no number */
#define GW_SLOT_GONE  UINT32_MAX /* nor is this; only in an array that is being emptied */

struct gw_slot {
    uint32_t hash;
    uint32_t number;
};

struct gw_slots_array {
    struct gw_slot *slots;
    uint32_t capacity;
};

struct gw_slots {
    struct gw_slots_array now;
    struct gw_slots_array old; /* being moved into now; slots is NULL when not */
    uint32_t moved;            /* old slots already moved */
    uint32_t count;
};

/* Prepares an empty table; allocates nothing. */
void gw_slots_init(struct gw_slots *table);

/* Releases the arrays. */
void gw_slots_fini(struct gw_slots *table);

/* Puts a number in; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_slots_insert(struct gw_slots *table, uint32_t hash, uint32_t number);

/* Takes out a number that is there under this hash. */
void gw_slots_remove(struct gw_slots *table, uint32_t hash, uint32_t number);

/* All numbers, in no order: give the last `at` back, 0 first; returns 0 at the end. No insert or
 * remove may happen between two calls. */
uint32_t gw_slots_walk(const struct gw_slots *table, size_t *at);

struct gw_slots_probe {
    const struct gw_slots *table;
    const struct gw_slots_array *array;
    uint32_t hash;
    uint32_t at;
};

/* Where a hash belongs: monotonic in the hash, any capacity. */
static inline uint32_t gw_slots_home(const struct gw_slots_array *array, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * array->capacity >> 32);
}

/* Begins a probe. */
static inline struct gw_slots_probe gw_slots_find(const struct gw_slots *table, uint32_t hash)
{
    return (struct gw_slots_probe){table, &table->now, hash, gw_slots_home(&table->now, hash)};
}

/* The next number under this hash; 0 when there is none left. */
static inline uint32_t gw_slots_next(struct gw_slots_probe *probe)
{
    for (;;) {
        const struct gw_slots_array *array = probe->array;
        if (array->slots) {
            const struct gw_slot *slot = &array->slots[probe->at];
            probe->at = probe->at + 1 == array->capacity ? 0 : probe->at + 1;
            if (slot->hash == probe->hash && slot->number != GW_SLOT_EMPTY &&
                slot->number != GW_SLOT_GONE)
                return slot->number;
            if (slot->number != GW_SLOT_EMPTY)
                continue;
        }
        if (array == &probe->table->old || !probe->table->old.slots)
            return 0;
        probe->array = &probe->table->old;
        probe->at = gw_slots_home(probe->array, probe->hash);
    }
}

#endif
