/*
 * base/position: where a record begins in the durable log.
 *
 * Layer   base. Pure.
 * Owner   a value.
 * Life    none.
 * Limits  2^31 segments of at most 2^32 bytes.
 */
#ifndef GW_BASE_POSITION_H
#define GW_BASE_POSITION_H

#include <stdint.h>

/* Segment number in the upper half (from 1 on), offset in the segment's file in the lower one.
 * Positions grow with the log and are never used again. 0 is nowhere. */
typedef uint64_t gw_position;

static inline gw_position gw_position_of(uint32_t segment, uint32_t offset)
{
    return (gw_position)segment << 32 | offset;
}

static inline uint32_t gw_position_segment(gw_position position)
{
    return (uint32_t)(position >> 32);
}

static inline uint32_t gw_position_offset(gw_position position)
{
    return (uint32_t)position;
}

#endif
