/*
 * store/chunk: records of one stream on their way to the log: copied into one buffer, large parts
 *              of blobs by reference.
 *
 * Layer   store (may include base).
 * Owner   the stream's loop until submit, the writer until it is given back, one at a time.
 * Life    new/free; reset keeps the memory for the next round.
 * Limits  GW_LAYOUT_CHUNK_MAX bytes of data.
 */
#ifndef GW_STORE_CHUNK_H
#define GW_STORE_CHUNK_H

#include "store/layout.h"
#include "store/store.h"

#define GW_CHUNK_BY_REFERENCE 4096u             /* parts of this size and above are not copied */
#define GW_CHUNK_KEEP_MAX     ((size_t)1 << 20) /* a larger buffer is not kept for the next round */

/* A record in the buffer: from its head over the place of its sum to its end, and its cuts. */
struct gw_chunk_sum {
    size_t head, at, end;
    size_t first_cut, cut_count;
};

struct gw_chunk_cut {
    size_t at; /* in the buffer: the bytes stand before this one */
    struct gw_span bytes;
    struct gw_blob *blob;
    struct gw_chunk_sum sum; /* of its record, at the record's first cut; at = 0: none */
};

struct gw_chunk {
    struct gw_chunk *next;
    struct gw_store_stream *stream; /* NULL: the writer's own */
    gw_store_ticket ticket;
    gw_position position;
    uint8_t *bytes; /* head, records without what is cut out, filling */
    size_t size, capacity;
    struct gw_chunk_cut *cuts;
    size_t cut_count, cut_capacity;
    size_t cut_size; /* bytes in all of them */
    uint32_t records;
};

/* NULL when memory is out. */
struct gw_chunk *gw_chunk_new(void);
void gw_chunk_free(struct gw_chunk *chunk);
/* Lets go of blobs, forgets the records. */
void gw_chunk_reset(struct gw_chunk *chunk);
/* As gw_store_append. */
GW_MUST_USE enum gw_status gw_chunk_append(struct gw_chunk *chunk, uint8_t kind,
                                           const struct gw_store_part *parts, size_t part_count,
                                           uint32_t *ret_offset);
/* Bytes of data, without head and filling. */
static inline size_t gw_chunk_data_size(const struct gw_chunk *chunk)
{
    return chunk->size - GW_LAYOUT_CHUNK_HEAD + chunk->cut_size;
}

/* Bytes in the file, with head and filling. */
static inline size_t gw_chunk_file_size(const struct gw_chunk *chunk)
{
    return GW_LAYOUT_CHUNK_SIZE(gw_chunk_data_size(chunk));
}

/* Fills in the head with its sums; only data_crc, data_size, position and records are not taken
 * from `head`. */
void gw_chunk_seal(struct gw_chunk *chunk, uint32_t seed, const struct gw_layout_chunk *head);
/* The next piece of the chunk as it stands in the file, beginning with *cursor = 0; an empty span
 * at its end. */
struct gw_span gw_chunk_piece(const struct gw_chunk *chunk, size_t *cursor);

#endif
