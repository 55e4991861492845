/*
 * base/reader: the one bounded reader of a peer's or a file's bytes (big-endian, as MQTT has it).
 *
 * Layer   base. Pure.
 * Owner   a value on the caller's stack; views point into the bytes given to init.
 * Life    nothing to release.
 * Limits  reads never pass `end`; a failed read changes nothing and says GW_MALFORMED.
 */
#ifndef GW_BASE_READER_H
#define GW_BASE_READER_H

#include "base/span.h"
#include "base/status.h"

struct gw_reader {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct gw_reader gw_reader_of(struct gw_span span)
{
    /* Never NULL inside: arithmetic on NULL is undefined even by 0. */
    const uint8_t *at = span.data ? span.data : (const uint8_t *)"";
    return (struct gw_reader){at, at + span.size};
}

static inline size_t gw_reader_left(const struct gw_reader *r)
{
    return (size_t)(r->end - r->at);
}

GW_MUST_USE static inline enum gw_status gw_reader_u8(struct gw_reader *r, uint8_t *ret_value)
{
    if (gw_reader_left(r) < 1)
        return GW_MALFORMED;
    *ret_value = *r->at++;
    return GW_OK;
}

GW_MUST_USE static inline enum gw_status gw_reader_u16(struct gw_reader *r, uint16_t *ret_value)
{
    if (gw_reader_left(r) < 2)
        return GW_MALFORMED;
    *ret_value = (uint16_t)((unsigned)r->at[0] << 8 | r->at[1]);
    r->at += 2;
    return GW_OK;
}

GW_MUST_USE static inline enum gw_status gw_reader_u32(struct gw_reader *r, uint32_t *ret_value)
{
    if (gw_reader_left(r) < 4)
        return GW_MALFORMED;
    *ret_value =
        (uint32_t)r->at[0] << 24 | (uint32_t)r->at[1] << 16 | (uint32_t)r->at[2] << 8 | r->at[3];
    r->at += 4;
    return GW_OK;
}

GW_MUST_USE static inline enum gw_status gw_reader_bytes(struct gw_reader *r, size_t size,
                                                         struct gw_span *ret_span)
{
    if (gw_reader_left(r) < size)
        return GW_MALFORMED;
    *ret_span = gw_span_of(r->at, size);
    r->at += size;
    return GW_OK;
}

/* Takes all that is left. */
static inline struct gw_span gw_reader_rest(struct gw_reader *r)
{
    struct gw_span rest = {r->at, gw_reader_left(r)};
    r->at = r->end;
    return rest;
}

#endif
