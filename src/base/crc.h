/*
 * base/crc: CRC-32C (Castagnoli), by the processor's instruction where there is one.
 *
 * Layer   base. Pure.
 * Owner   any thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_BASE_CRC_H
#define GW_BASE_CRC_H

#include "base/span.h"

/* Goes on from `crc` (0 to begin) over more bytes: crc(crc(0, a), b) = crc(0, ab). */
uint32_t gw_crc32c(uint32_t crc, struct gw_span bytes);

/* The same without the instruction; gw_crc32c takes this where there is none. */
uint32_t gw_crc32c_by_table(uint32_t crc, struct gw_span bytes);

#endif
