/*
 * base/writer: writes big-endian fields into memory of a known size; the first field that does not
 * fit sets `overflow` and nothing is written from then on, so that one check at the end suffices.
 *
 * Layer   base. Pure.
 * Owner   a value on the caller's stack; the memory is the caller's.
 * Life    nothing to release.
 * Limits  writes never pass `end`.
 */
#ifndef GW_BASE_WRITER_H
#define GW_BASE_WRITER_H

#include "base/span.h"

struct gw_writer {
    uint8_t *begin;
    uint8_t *at;
    uint8_t *end;
    bool overflow;
};

static inline struct gw_writer gw_writer_of(void *memory, size_t size)
{
    uint8_t *begin = memory;
    return (struct gw_writer){begin, begin, size ? begin + size : begin, false};
}

/* Bytes written so far. */
static inline size_t gw_writer_size(const struct gw_writer *w)
{
    return (size_t)(w->at - w->begin);
}

static inline bool gw_writer_fits(struct gw_writer *w, size_t size)
{
    if (!w->overflow && (size_t)(w->end - w->at) >= size)
        return true;
    w->overflow = true;
    return false;
}

static inline void gw_writer_u8(struct gw_writer *w, uint8_t value)
{
    if (gw_writer_fits(w, 1))
        *w->at++ = value;
}

static inline void gw_writer_u16(struct gw_writer *w, uint16_t value)
{
    if (!gw_writer_fits(w, 2))
        return;
    w->at[0] = (uint8_t)(value >> 8);
    w->at[1] = (uint8_t)value;
    w->at += 2;
}

static inline void gw_writer_u32(struct gw_writer *w, uint32_t value)
{
    gw_writer_u16(w, (uint16_t)(value >> 16));
    gw_writer_u16(w, (uint16_t)value);
}

static inline void gw_writer_bytes(struct gw_writer *w, struct gw_span bytes)
{
    if (bytes.size == 0 || !gw_writer_fits(w, bytes.size))
        return;
    memcpy(w->at, bytes.data, bytes.size);
    w->at += bytes.size;
}

#endif
