/*
 * topic/cells: records of one size, known by a 32-bit number; half the cost of pointers in an
 * index.
 *
 * Layer   topic (may include base). Allocates chunks with malloc.
 * Owner   one loop; not thread-safe.
 * Life    init/fini; fini does not look at the records.
 * Limits  2^32 - 1 records; a record never moves; a chunk without records is given back, but for
 *         one spare.
 */
#ifndef GW_TOPIC_CELLS_H
#define GW_TOPIC_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define GW_CELLS_SHIFT 9u
#define GW_CELLS_CHUNK (1u << GW_CELLS_SHIFT)

struct gw_cells_chunk;

struct gw_cells {
    uint8_t **records; /* per chunk: its first record, NULL if the number is free */
    struct gw_cells_chunk **chunks;
    uint32_t chunk_capacity;
    uint32_t chunk_hint; /* no free chunk number below this */
    uint32_t open;       /* first chunk with room, UINT32_MAX if none */
    uint32_t record_size;
    size_t count;
};

/* Prepares an empty set of records of record_size bytes (a multiple of 8); allocates nothing. */
void gw_cells_init(struct gw_cells *cells, size_t record_size);

/* Releases everything. */
void gw_cells_fini(struct gw_cells *cells);

/* The number of a new record, content zero; 0 when memory is out (no record has the number 0). */
uint32_t gw_cells_take(struct gw_cells *cells);

/* Gives a record back. */
void gw_cells_give(struct gw_cells *cells, uint32_t number);

/* The record of a number that take returned. */
static inline void *gw_cells_at(const struct gw_cells *cells, uint32_t number)
{
    return cells->records[number >> GW_CELLS_SHIFT] +
           (size_t)(number & (GW_CELLS_CHUNK - 1)) * cells->record_size;
}

#endif
