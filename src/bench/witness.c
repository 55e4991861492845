#include "bench/witness.h"

#include <stdlib.h>
#include <string.h>

static void put(uint8_t *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

void gw_witness_write(uint8_t *bytes, const struct gw_witness_mark *mark)
{
    put(bytes, mark->publisher, 4);
    put(bytes + 4, mark->counter, 4);
    put(bytes + 8, mark->at, 8);
}

enum gw_status gw_witness_read(struct gw_span payload, struct gw_witness_mark *ret_mark)
{
    if (payload.size < GW_WITNESS_SIZE)
        return GW_INVALID;
    ret_mark->publisher = (uint32_t)get(payload.data, 4);
    ret_mark->counter = (uint32_t)get(payload.data + 4, 4);
    ret_mark->at = get(payload.data + 8, 8);
    return GW_OK;
}

enum gw_status gw_witness_init(struct gw_witness *witness, uint32_t first, uint32_t count)
{
    *witness = (struct gw_witness){.first = first, .count = count};
    witness->streams = calloc(count > 0 ? count : 1, sizeof *witness->streams);
    return witness->streams ? GW_OK : GW_NO_MEMORY;
}

void gw_witness_fini(struct gw_witness *witness)
{
    if (!witness)
        return;
    free(witness->streams);
    witness->streams = NULL;
}

static uint64_t *word_of(struct gw_witness_stream *stream, uint32_t counter, uint64_t *ret_bit)
{
    uint32_t place = counter % GW_WITNESS_WINDOW;
    *ret_bit = (uint64_t)1 << (place % 64);
    return &stream->window[place / 64];
}

/* Moves the window on so that it ends with this message; whole jumps clear it at once. */
static void move_on(struct gw_witness_stream *stream, uint32_t counter)
{
    uint32_t base = counter - GW_WITNESS_WINDOW + 1;
    if (base - stream->base >= GW_WITNESS_WINDOW) {
        memset(stream->window, 0, sizeof stream->window);
        stream->base = base;
    }
    for (; stream->base < base; stream->base++) {
        uint64_t bit;
        uint64_t *word = word_of(stream, stream->base, &bit);
        *word &= ~bit;
    }
}

bool gw_witness_see(struct gw_witness *witness, const struct gw_witness_mark *mark)
{
    uint64_t bit;
    if (mark->publisher - witness->first >= witness->count) {
        witness->foreign++;
        return false;
    }
    struct gw_witness_stream *stream = &witness->streams[mark->publisher - witness->first];
    bool late = mark->counter < stream->next;
    if (!late)
        stream->next = mark->counter + 1;
    if (mark->counter >= stream->base) {
        if (mark->counter - stream->base >= GW_WITNESS_WINDOW)
            move_on(stream, mark->counter);
        uint64_t *word = word_of(stream, mark->counter, &bit);
        if ((*word & bit) != 0) {
            witness->doubled++;
            return false;
        }
        *word |= bit;
    }
    witness->disordered += late;
    witness->received++;
    return true;
}
