/*
 * store/layout: the bytes of segment heads, chunk heads and records; docs/reference/store-format.md
 *               in code.
 *
 * Layer   store (may include base). Pure.
 * Owner   values.
 * Life    none.
 * Limits  a chunk: GW_LAYOUT_CHUNK_MAX.
 */
#ifndef GW_STORE_LAYOUT_H
#define GW_STORE_LAYOUT_H

#include "base/position.h"
#include "base/span.h"
#include "base/status.h"
#include "base/time.h"

#define GW_LAYOUT_VERSION          1u
#define GW_LAYOUT_SEGMENT_AREA     4096u /* where chunks begin */
#define GW_LAYOUT_SEGMENT_COPY     2048u /* the second copy of the head */
#define GW_LAYOUT_SEGMENT_HEAD     64u
#define GW_LAYOUT_CHUNK_HEAD       48u
#define GW_LAYOUT_CHUNK_MAX        ((size_t)1 << 30)
#define GW_LAYOUT_STREAM_NONE      UINT32_MAX
#define GW_LAYOUT_RECORD_ALONE     0x80u
#define GW_LAYOUT_RECORD_HEAD_MAX  10u
#define GW_LAYOUT_ALIGN(size)      (((size) + 7u) & ~(size_t)7u)
#define GW_LAYOUT_CHUNK_SIZE(data) GW_LAYOUT_ALIGN(GW_LAYOUT_CHUNK_HEAD + (size_t)(data))

struct gw_layout_segment {
    uint32_t version;
    uint32_t number;
    uint64_t size;
    gw_position checkpoint;
    gw_position previous_end;
    uint64_t salt;
    gw_wall_ns made_at;
};

struct gw_layout_chunk {
    uint32_t data_crc;
    uint32_t data_size;
    gw_position position;
    gw_position synced_upto;
    gw_position checkpoint;
    uint32_t records;
    uint32_t stream;
};

struct gw_layout_record {
    uint8_t kind;     /* with the bit ALONE */
    size_t head_size; /* bytes before the body */
    uint32_t crc;     /* if ALONE */
    size_t body_size;
};

/* Fills the whole area of 4096 bytes. */
void gw_layout_put_segment(uint8_t area[GW_LAYOUT_SEGMENT_AREA],
                           const struct gw_layout_segment *segment);
/* Reads the better one of both copies. GW_MALFORMED: none is good; GW_NOT_FOUND: there never was
 * one (all 0); GW_LIMIT: a newer version wrote it (only `version` is set). */
GW_MUST_USE enum gw_status gw_layout_get_segment(struct gw_span area,
                                                 struct gw_layout_segment *ret_segment);

/* What the CRCs of a segment's chunks begin with. */
uint32_t gw_layout_seed(uint64_t salt);

void gw_layout_put_chunk(uint8_t head[GW_LAYOUT_CHUNK_HEAD], uint32_t seed,
                         const struct gw_layout_chunk *chunk);
/* Whether they look like the head of the chunk at this position, sum or not. */
bool gw_layout_claims_chunk(struct gw_span bytes, gw_position position);
/* False: these bytes are no head of a chunk at this position. */
GW_MUST_USE bool gw_layout_get_chunk(struct gw_span bytes, uint32_t seed, gw_position position,
                                     struct gw_layout_chunk *ret_chunk);

/* Writes kind and size; returns their count of bytes. The CRC is not among them. */
size_t gw_layout_put_record(uint8_t head[GW_LAYOUT_RECORD_HEAD_MAX], uint8_t kind, size_t size);
void gw_layout_put_u32(uint8_t at[4], uint32_t value);
/* GW_MORE: more bytes are needed; GW_MALFORMED. The body may reach beyond the bytes. */
GW_MUST_USE enum gw_status gw_layout_get_record(struct gw_span bytes,
                                                struct gw_layout_record *ret_record);
/* The CRC that a record of this kind and body should have. */
uint32_t gw_layout_record_crc(const uint8_t *head, size_t head_size, struct gw_span body);

#endif
