/*
 * os/pollset: waits on a handful of descriptors of any kind, for command-line programs.
 *
 * Layer   os (may include base). The loop of a server uses os/socket's poller instead.
 * Owner   the caller's array.
 * Life    none.
 * Limits  GW_POLLSET_MAX descriptors.
 */
#ifndef GW_OS_POLLSET_H
#define GW_OS_POLLSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/time.h"

#define GW_POLLSET_MAX 8

struct gw_pollset_item {
    int descriptor; /* -1: none, never ready */
    bool want_read, want_write;
    bool ready; /* readable, writable, hung up or broken */
};

/* Waits until an item is ready, the deadline has come (GW_TIMEOUT) or a signal was handled
 * (GW_AGAIN); sets `ready` of each. Regular files are always ready. */
GW_MUST_USE enum gw_status gw_pollset_wait(struct gw_pollset_item *items, size_t count,
                                           gw_mono_ns deadline, gw_mono_ns now);

#endif
