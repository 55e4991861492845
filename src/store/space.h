/*
 * store/space: room for the log: segments begun, spares kept ahead, old ones recycled; FULL and the
 *              way back.
 *
 * Layer   store (may include os, base).
 * Owner   the writer.
 * Life    that of the store.
 * Limits  GW_ENGINE_SPARES_MAX spares.
 */
#ifndef GW_STORE_SPACE_H
#define GW_STORE_SPACE_H

#include "store/engine.h"

/* Takes over, or removes, the spares that an earlier process left. */
void gw_space_adopt(struct gw_store *store);
/* Makes the segment of this number the one that is written, with room for `size` bytes of chunks.
 * The one before is synced and closed already. GW_NO_SPACE: not now, try again later (why is in
 * writer.full_why); GW_OS_ERROR: final, *ret_what says what failed. */
GW_MUST_USE enum gw_status gw_space_begin(struct gw_store *store, uint32_t number, size_t size,
                                          const char **ret_what, int *ret_errno);
/* After a commit, and every second while FULL: recycles what is free, sees to a spare, and sets the
 * state to FULL or back. True if the state changed. */
bool gw_space_upkeep(struct gw_store *store);

#endif
