/*
 * os/clock: the two clocks.
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    immutable after init.
 * Limits  none.
 */
#ifndef GW_OS_CLOCK_H
#define GW_OS_CLOCK_H

#include "base/time.h"

/* The clocks as a service, so that the simulator can turn them itself. */
struct gw_clock {
    gw_mono_ns (*mono)(void *user);
    gw_wall_ns (*wall)(void *user);
    void *user;
};

/* The machine's own clocks. */
const struct gw_clock *gw_clock_system(void);

static inline gw_mono_ns gw_clock_mono(const struct gw_clock *clock)
{
    return clock->mono(clock->user);
}

static inline gw_wall_ns gw_clock_wall(const struct gw_clock *clock)
{
    return clock->wall(clock->user);
}

#endif
