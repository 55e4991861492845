/*
 * base/wheel: hierarchical timer wheel; a timer's links are inside its owner.
 *
 * Layer   base. Pure, allocates nothing.
 * Owner   the loop that turns it; not thread-safe.
 * Life    init on the caller's memory; nothing to release, armed timers are simply forgotten.
 * Limits  one tick is GW_WHEEL_TICK_NS; arm, cancel O(1); a timer never fires early and fires at
 *         most one tick late (when advanced in time). Deadlines of any length are fine.
 */
#ifndef GW_BASE_WHEEL_H
#define GW_BASE_WHEEL_H

#include "base/list.h"
#include "base/time.h"

#define GW_WHEEL_TICK_NS (4 * GW_NS_PER_MS)
#define GW_WHEEL_LEVELS  6
#define GW_WHEEL_SLOTS   64

struct gw_timer;
typedef void gw_timer_fn(struct gw_timer *timer, gw_mono_ns now);

struct gw_timer {
    struct gw_list link; /* in a slot while armed */
    gw_mono_ns deadline;
    gw_timer_fn *fn;
};

struct gw_wheel {
    uint64_t tick;      /* ticks that have been run */
    gw_mono_ns now;     /* of the last advance */
    size_t count;       /* armed timers */
    struct gw_list due; /* armed with a deadline not after `now`: next advance */
    uint64_t occupied[GW_WHEEL_LEVELS];
    struct gw_list slots[GW_WHEEL_LEVELS][GW_WHEEL_SLOTS];
};

/* Prepares an empty wheel that starts at `now`. */
void gw_wheel_init(struct gw_wheel *wheel, gw_mono_ns now);

/* Prepares a timer; it is not armed. */
void gw_timer_init(struct gw_timer *timer, gw_timer_fn *fn);

/* True between arm and the call of fn or cancel. */
bool gw_timer_armed(const struct gw_timer *timer);

/* Arms or re-arms a timer; GW_NEVER cancels. A deadline in the past fires at the next advance. */
void gw_wheel_arm(struct gw_wheel *wheel, struct gw_timer *timer, gw_mono_ns deadline);

/* Disarms a timer; fine if it is not armed. */
void gw_wheel_cancel(struct gw_wheel *wheel, struct gw_timer *timer);

/* Runs every timer that is due at `now`, in order of deadline by tick (those armed when already
 * past come first, in the order of arming). fn may arm and cancel any timer, itself included, and
 * may free the memory of its own; what it arms at or before `now` waits for the next advance. */
void gw_wheel_advance(struct gw_wheel *wheel, gw_mono_ns now);

/* When advance has work next, a timer or a cascade: less than a tick after the earliest deadline,
 * or earlier; never after it is due. Advancing at that time always makes progress. GW_NEVER if
 * none. */
gw_mono_ns gw_wheel_next(const struct gw_wheel *wheel);

#endif
