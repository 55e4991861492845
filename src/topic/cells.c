#include "topic/cells.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define NO_CHUNK UINT32_MAX
#define NO_CELL  UINT16_MAX

struct gw_cells_chunk {
    uint32_t next; /* chunks with room, both ways */
    uint32_t prev;
    uint16_t used;
    uint16_t free_head; /* given-back cells; each holds the next one's number */
    uint16_t fresh;     /* cells from here on were never used */
    _Alignas(16) uint8_t records[];
};

void gw_cells_init(struct gw_cells *cells, size_t record_size)
{
    memset(cells, 0, sizeof(*cells));
    cells->record_size = (uint32_t)record_size;
    cells->open = NO_CHUNK;
}

void gw_cells_fini(struct gw_cells *cells)
{
    for (uint32_t i = 0; i < cells->chunk_capacity; i++)
        free(cells->chunks[i]);
    free(cells->chunks);
    free(cells->records);
    gw_cells_init(cells, cells->record_size);
}

static void link_open(struct gw_cells *cells, uint32_t number)
{
    struct gw_cells_chunk *chunk = cells->chunks[number];
    chunk->prev = NO_CHUNK;
    chunk->next = cells->open;
    if (cells->open != NO_CHUNK)
        cells->chunks[cells->open]->prev = number;
    cells->open = number;
}

static void unlink_open(struct gw_cells *cells, uint32_t number)
{
    struct gw_cells_chunk *chunk = cells->chunks[number];
    if (chunk->prev != NO_CHUNK)
        cells->chunks[chunk->prev]->next = chunk->next;
    else
        cells->open = chunk->next;
    if (chunk->next != NO_CHUNK)
        cells->chunks[chunk->next]->prev = chunk->prev;
}

static bool grow_numbers(struct gw_cells *cells)
{
    size_t capacity = cells->chunk_capacity ? (size_t)cells->chunk_capacity * 2 : 4;
    size_t old = cells->chunk_capacity;

    if (capacity > (size_t)1 << (32 - GW_CELLS_SHIFT))
        return false;
    uint8_t **records = realloc(cells->records, capacity * sizeof(*records));
    if (!records)
        return false;
    cells->records = records;
    struct gw_cells_chunk **chunks = realloc(cells->chunks, capacity * sizeof(*chunks));
    if (!chunks)
        return false;
    cells->chunks = chunks;
    memset(&records[old], 0, (capacity - old) * sizeof(*records));
    memset(&chunks[old], 0, (capacity - old) * sizeof(struct gw_cells_chunk *));
    cells->chunk_capacity = (uint32_t)capacity;
    return true;
}

static bool add_chunk(struct gw_cells *cells)
{
    uint32_t number = cells->chunk_hint;
    while (number < cells->chunk_capacity && cells->chunks[number])
        number++;
    if (number == cells->chunk_capacity && !grow_numbers(cells))
        return false;
    struct gw_cells_chunk *chunk =
        malloc(sizeof(*chunk) + (size_t)GW_CELLS_CHUNK * cells->record_size);
    if (!chunk)
        return false;
    chunk->used = 0;
    chunk->free_head = NO_CELL;
    chunk->fresh = number == 0 ? 1 : 0; /* 0 is nobody's number */
    cells->chunks[number] = chunk;
    cells->records[number] = chunk->records;
    cells->chunk_hint = number + 1;
    link_open(cells, number);
    return true;
}

uint32_t gw_cells_take(struct gw_cells *cells)
{
    if (cells->open == NO_CHUNK && !add_chunk(cells))
        return 0;
    uint32_t number = cells->open;
    struct gw_cells_chunk *chunk = cells->chunks[number];
    uint16_t cell = chunk->free_head;
    uint8_t *record;

    if (cell != NO_CELL) {
        record = chunk->records + (size_t)cell * cells->record_size;
        memcpy(&chunk->free_head, record, sizeof(chunk->free_head));
    } else {
        cell = chunk->fresh++;
        record = chunk->records + (size_t)cell * cells->record_size;
    }
    memset(record, 0, cells->record_size);
    chunk->used++;
    cells->count++;
    if (chunk->free_head == NO_CELL && chunk->fresh == GW_CELLS_CHUNK)
        unlink_open(cells, number);
    return (number << GW_CELLS_SHIFT) + cell;
}

void gw_cells_give(struct gw_cells *cells, uint32_t number)
{
    uint32_t at = number >> GW_CELLS_SHIFT;
    struct gw_cells_chunk *chunk = cells->chunks[at];
    bool was_full = chunk->free_head == NO_CELL && chunk->fresh == GW_CELLS_CHUNK;
    void *record = gw_cells_at(cells, number);

    GW_ASSERT(chunk->used > 0);
    memcpy(record, &chunk->free_head, sizeof(chunk->free_head));
    chunk->free_head = (uint16_t)(number & (GW_CELLS_CHUNK - 1));
    chunk->used--;
    cells->count--;
    if (was_full)
        link_open(cells, at);
    bool only_open = chunk->prev == NO_CHUNK && chunk->next == NO_CHUNK;
    if (chunk->used > 0 || only_open)
        return;
    unlink_open(cells, at);
    free(chunk);
    cells->chunks[at] = NULL;
    cells->records[at] = NULL;
    if (at < cells->chunk_hint)
        cells->chunk_hint = at;
}
