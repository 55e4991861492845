/*
 * broker/journalring: growing rings of equal elements, oldest first.
 *
 * Layer   broker.
 * Owner   the journal.
 * Life    zeroed memory is an empty ring; free(items).
 * Limits  memory.
 */
#ifndef GW_BROKER_JOURNALRING_H
#define GW_BROKER_JOURNALRING_H

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "broker/journal.h"

static inline void *gw_journalring_at(const struct gw_journal_ring *ring, size_t size, size_t index)
{
    return (uint8_t *)ring->items + (ring->head + index) % ring->capacity * size;
}

/* Room for one more at the end; a shard that cannot remember what it owes must not go on. */
static inline void *gw_journalring_push(struct gw_journal_ring *ring, size_t size)
{
    if (ring->count == ring->capacity) {
        size_t capacity = ring->capacity ? ring->capacity * 2 : 64;
        uint8_t *items = malloc(capacity * size);
        GW_ASSERT(items != NULL);
        for (size_t i = 0; i < ring->count; i++)
            memcpy(items + i * size, gw_journalring_at(ring, size, i), size);
        free(ring->items);
        *ring = (struct gw_journal_ring){items, 0, ring->count, capacity};
    }
    return gw_journalring_at(ring, size, ring->count++);
}

static inline void gw_journalring_pop(struct gw_journal_ring *ring)
{
    ring->head = (ring->head + 1) % ring->capacity;
    ring->count--;
}

#endif
