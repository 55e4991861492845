/*
 * base/leb: unsigned integers of any size in as few bytes as they need (LEB128: seven bits a byte,
 *           the lowest first, the upper bit says that more follow). For our own files; MQTT's own
 *           variable byte integer is wire/packet's.
 *
 * Layer   base. Pure.
 * Owner   as reader and writer.
 * Life    nothing to release.
 * Limits  64 bits, that is GW_LEB_MAX bytes.
 */
#ifndef GW_BASE_LEB_H
#define GW_BASE_LEB_H

#include "base/reader.h"
#include "base/writer.h"

#define GW_LEB_MAX 10u

/* Bytes that a value takes: 1..10. */
static inline size_t gw_leb_size(uint64_t value)
{
    return (size_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}

static inline void gw_leb_write(struct gw_writer *w, uint64_t value)
{
    if (!gw_writer_fits(w, gw_leb_size(value)))
        return;
    for (; value >= 0x80; value >>= 7)
        *w->at++ = (uint8_t)(value | 0x80);
    *w->at++ = (uint8_t)value;
}

/* GW_MALFORMED if it is cut or does not fit into 64 bits; longer forms than needed are fine. */
GW_MUST_USE static inline enum gw_status gw_leb_read(struct gw_reader *r, uint64_t *ret_value)
{
    const uint8_t *at = r->at;
    uint64_t value = 0;
    for (unsigned shift = 0; at < r->end && shift < 64; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return GW_MALFORMED;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            r->at = at;
            return GW_OK;
        }
    }
    return GW_MALFORMED;
}

/* As above, and at most `max`. */
GW_MUST_USE static inline enum gw_status gw_leb_read_max(struct gw_reader *r, uint64_t max,
                                                         uint64_t *ret_value)
{
    struct gw_reader ahead = *r;
    uint64_t value;
    GW_TRY(gw_leb_read(&ahead, &value));
    if (value > max)
        return GW_MALFORMED;
    *ret_value = value;
    *r = ahead;
    return GW_OK;
}

#endif
