/*
 * base/time: units of time; pure code gets `now` as a parameter and never reads a clock.
 *
 * Layer   base. Pure.
 * Owner   values.
 * Life    none.
 * Limits  monotonic nanoseconds last for 584 years.
 */
#ifndef GW_BASE_TIME_H
#define GW_BASE_TIME_H

#include <stdint.h>

typedef uint64_t gw_mono_ns; /* monotonic clock; for every running timer */
typedef int64_t gw_wall_ns;  /* since 1970-01-01 UTC; for logs and what survives a restart */

#define GW_NS_PER_US ((uint64_t)1000)
#define GW_NS_PER_MS ((uint64_t)1000000)
#define GW_NS_PER_S  ((uint64_t)1000000000)
#define GW_NEVER     UINT64_MAX /* a deadline that does not come */

/* Seconds to nanoseconds; saturates below GW_NEVER. */
static inline gw_mono_ns gw_time_add_s(gw_mono_ns now, uint64_t seconds)
{
    if (now >= GW_NEVER - 1 || seconds >= (GW_NEVER - 1 - now) / GW_NS_PER_S)
        return GW_NEVER - 1;
    return now + seconds * GW_NS_PER_S;
}

#endif
