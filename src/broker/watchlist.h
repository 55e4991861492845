/*
 * broker/watchlist: addresses from which wrong passwords come, and which of them are banned.
 *
 * Layer   broker. One of the few files with a lock.
 * Owner   any thread.
 * Life    new/free.
 * Limits  GW_WATCHLIST_SIZE addresses; where more fail at a time, the least suspicious of a few is
 *         forgotten, so that nobody can make it grow or fill it for good.
 */
#ifndef GW_BROKER_WATCHLIST_H
#define GW_BROKER_WATCHLIST_H

#include "base/span.h"
#include "base/time.h"

#define GW_WATCHLIST_SIZE 8192u
#define GW_WATCHLIST_TIME (60 * GW_NS_PER_S) /* in which failures are counted together */

struct gw_watchlist;

/* NULL when memory is out. */
struct gw_watchlist *gw_watchlist_new(uint64_t seed);
/* NULL is fine. */
void gw_watchlist_free(struct gw_watchlist *list);

/* Counts a failed login of a host (gw_registry_host; the empty one is nobody and never banned).
 * True if that is one too many: the host is banned for `ban` from now on. failures 0: never. */
bool gw_watchlist_fail(struct gw_watchlist *list, struct gw_span host, uint32_t failures,
                       gw_mono_ns ban, gw_mono_ns now);

/* True while a host is banned. */
bool gw_watchlist_banned(struct gw_watchlist *list, struct gw_span host, gw_mono_ns now);

#endif
