#include "store/chunk.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/checked.h"
#include "base/crc.h"

#define CAPACITY_FIRST 4096u
#define FILLING_MAX    8u
#define SUM_SIZE       4u

_Static_assert(GW_LAYOUT_RECORD_ALONE == GW_STORE_ALONE, "the bit is the caller's too");

struct gw_chunk *gw_chunk_new(void)
{
    struct gw_chunk *chunk = calloc(1, sizeof *chunk);
    uint8_t *bytes = malloc(CAPACITY_FIRST);
    if (chunk == NULL || bytes == NULL) {
        free(chunk);
        free(bytes);
        return NULL;
    }
    chunk->bytes = bytes;
    chunk->capacity = CAPACITY_FIRST;
    chunk->size = GW_LAYOUT_CHUNK_HEAD;
    return chunk;
}

static void let_go(struct gw_chunk *chunk)
{
    for (size_t i = 0; i < chunk->cut_count; i++)
        gw_blob_unref(&chunk->cuts[i].blob);
    chunk->cut_count = 0;
    chunk->cut_size = 0;
}

void gw_chunk_free(struct gw_chunk *chunk)
{
    if (chunk == NULL)
        return;
    let_go(chunk);
    free(chunk->cuts);
    free(chunk->bytes);
    free(chunk);
}

void gw_chunk_reset(struct gw_chunk *chunk)
{
    let_go(chunk);
    chunk->next = NULL;
    chunk->size = GW_LAYOUT_CHUNK_HEAD;
    chunk->records = 0;
}

static enum gw_status reserve_bytes(struct gw_chunk *chunk, size_t extra)
{
    if (GW_LIKELY(chunk->capacity - chunk->size >= extra))
        return GW_OK;
    size_t capacity = chunk->capacity;
    while (capacity - chunk->size < extra)
        capacity *= 2; /* bounded by GW_LAYOUT_CHUNK_MAX */
    uint8_t *bytes = realloc(chunk->bytes, capacity);
    if (bytes == NULL)
        return GW_NO_MEMORY;
    chunk->bytes = bytes;
    chunk->capacity = capacity;
    return GW_OK;
}

static enum gw_status reserve_cuts(struct gw_chunk *chunk, size_t extra)
{
    if (chunk->cut_capacity - chunk->cut_count >= extra)
        return GW_OK;
    size_t capacity = chunk->cut_capacity ? 2 * chunk->cut_capacity : 8;
    while (capacity - chunk->cut_count < extra)
        capacity *= 2;
    struct gw_chunk_cut *cuts = realloc(chunk->cuts, capacity * sizeof *cuts);
    if (cuts == NULL)
        return GW_NO_MEMORY;
    chunk->cuts = cuts;
    chunk->cut_capacity = capacity;
    return GW_OK;
}

static bool by_reference(const struct gw_store_part *part)
{
    return part->blob != NULL && part->bytes.size >= GW_CHUNK_BY_REFERENCE;
}

static void put_part(struct gw_chunk *chunk, const struct gw_store_part *part)
{
    if (by_reference(part)) {
        chunk->cuts[chunk->cut_count++] = (struct gw_chunk_cut){
            .at = chunk->size, .bytes = part->bytes, .blob = gw_blob_ref(part->blob)};
        chunk->cut_size += part->bytes.size;
    } else if (part->bytes.size > 0) {
        memcpy(chunk->bytes + chunk->size, part->bytes.data, part->bytes.size);
        chunk->size += part->bytes.size;
    }
}

/* Goes on over the bytes of the buffer from one offset to another, with what is cut out between. */
static uint32_t crc_over(const struct gw_chunk *chunk, uint32_t crc, size_t from,
                         const struct gw_chunk_sum *span)
{
    for (size_t i = 0; i < span->cut_count; i++) {
        const struct gw_chunk_cut *cut = &chunk->cuts[span->first_cut + i];
        crc = gw_crc32c(crc, gw_span_of(chunk->bytes + from, cut->at - from));
        crc = gw_crc32c(crc, cut->bytes);
        from = cut->at;
    }
    return gw_crc32c(crc, gw_span_of(chunk->bytes + from, span->end - from));
}

/* The sum of a record that can be read alone. */
static void put_sum(struct gw_chunk *chunk, const struct gw_chunk_sum *sum)
{
    uint32_t crc = gw_crc32c(0, gw_span_of(chunk->bytes + sum->head, sum->at - sum->head));
    gw_layout_put_u32(chunk->bytes + sum->at, crc_over(chunk, crc, sum->at + SUM_SIZE, sum));
}

enum gw_status gw_chunk_append(struct gw_chunk *chunk, uint8_t kind,
                               const struct gw_store_part *parts, size_t part_count,
                               uint32_t *ret_offset)
{
    size_t body = 0;
    size_t copied = 0;
    size_t cuts = 0;
    for (size_t i = 0; i < part_count; i++) {
        GW_TRY(gw_checked_add(body, parts[i].bytes.size, &body));
        if (by_reference(&parts[i]))
            cuts++;
        else
            copied += parts[i].bytes.size;
    }
    GW_ASSERT((kind & GW_STORE_KIND_MAX) != 0);
    if (body > GW_STORE_RECORD_MAX ||
        body + GW_LAYOUT_RECORD_HEAD_MAX > GW_LAYOUT_CHUNK_MAX - gw_chunk_data_size(chunk))
        return GW_LIMIT;
    GW_TRY(reserve_bytes(chunk, GW_LAYOUT_RECORD_HEAD_MAX + copied + FILLING_MAX));
    if (cuts > 0)
        GW_TRY(reserve_cuts(chunk, cuts));

    /* From here on nothing fails. */
    if (ret_offset != NULL)
        *ret_offset = (uint32_t)(chunk->size + chunk->cut_size);
    uint8_t *head = chunk->bytes + chunk->size;
    size_t head_size = gw_layout_put_record(head, kind, body);
    chunk->size += head_size;
    struct gw_chunk_sum sum = {.head = chunk->size - head_size, .first_cut = chunk->cut_count};
    sum.at = chunk->size;
    if (kind & GW_STORE_ALONE)
        chunk->size += SUM_SIZE;
    for (size_t i = 0; i < part_count; i++)
        put_part(chunk, &parts[i]);
    sum.end = chunk->size;
    sum.cut_count = chunk->cut_count - sum.first_cut;
    if (kind & GW_STORE_ALONE) {
        /* Large bodies are summed by the writer; the loop has others to serve. */
        if (cuts > 0)
            chunk->cuts[sum.first_cut].sum = sum;
        else
            put_sum(chunk, &sum);
    }
    chunk->records++;
    return GW_OK;
}

struct gw_span gw_chunk_piece(const struct gw_chunk *chunk, size_t *cursor)
{
    /* Even: bytes of the buffer, odd: what is cut out behind them. */
    size_t index = (*cursor)++ / 2;
    if (index > chunk->cut_count)
        return GW_SPAN_NONE;
    if (*cursor % 2 == 0)
        return index < chunk->cut_count ? chunk->cuts[index].bytes : GW_SPAN_NONE;
    size_t from = index ? chunk->cuts[index - 1].at : 0;
    if (index < chunk->cut_count) {
        size_t until = chunk->cuts[index].at;
        return from < until ? gw_span_of(chunk->bytes + from, until - from)
                            : gw_chunk_piece(chunk, cursor); /* two cuts without a gap */
    }
    size_t filling = gw_chunk_file_size(chunk) - GW_LAYOUT_CHUNK_HEAD - gw_chunk_data_size(chunk);
    return gw_span_of(chunk->bytes + from, chunk->size - from + filling);
}

void gw_chunk_seal(struct gw_chunk *chunk, uint32_t seed, const struct gw_layout_chunk *head)
{
    struct gw_layout_chunk full = *head;
    full.position = chunk->position;
    full.data_size = (uint32_t)gw_chunk_data_size(chunk);
    full.records = chunk->records;
    for (size_t i = 0; i < chunk->cut_count; i++) {
        if (chunk->cuts[i].sum.at != 0)
            put_sum(chunk, &chunk->cuts[i].sum);
    }
    struct gw_chunk_sum all = {.end = chunk->size, .cut_count = chunk->cut_count};
    full.data_crc = crc_over(chunk, seed, GW_LAYOUT_CHUNK_HEAD, &all);
    memset(chunk->bytes + chunk->size, 0, FILLING_MAX);
    gw_layout_put_chunk(chunk->bytes, seed, &full);
}
