#include "os/clock.h"

#include <time.h>

#include "base/assert.h"

static gw_mono_ns system_mono(GW_UNUSED void *user)
{
    struct timespec ts;
    GW_ASSERT(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    return (gw_mono_ns)ts.tv_sec * GW_NS_PER_S + (gw_mono_ns)ts.tv_nsec;
}

static gw_wall_ns system_wall(GW_UNUSED void *user)
{
    struct timespec ts;
    GW_ASSERT(clock_gettime(CLOCK_REALTIME, &ts) == 0);
    return (gw_wall_ns)ts.tv_sec * (gw_wall_ns)GW_NS_PER_S + (gw_wall_ns)ts.tv_nsec;
}

const struct gw_clock *gw_clock_system(void)
{
    static const struct gw_clock system_clock = {system_mono, system_wall, NULL};
    return &system_clock;
}
