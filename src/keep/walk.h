/*
 * keep/walk: goes through all that a store holds, item by item, in an order of its own that is the
 *            same for the same content.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    none.
 * Limits  none of its own.
 */
#ifndef GW_KEEP_WALK_H
#define GW_KEEP_WALK_H

#include "keep/item.h"
#include "keep/vault.h"

struct gw_walk_counts {
    uint64_t items[GW_ITEM_KIND_COUNT];
    uint64_t lost; /* items left out because their message cannot be read */
};

/* Calls fn for each item. What fn returns ends the walk if it is not GW_OK; GW_OS_ERROR and
 * GW_NO_MEMORY of the store itself set the trouble. */
GW_MUST_USE enum gw_status gw_walk_run(const struct gw_vault *vault, gw_item_fn *fn, void *user,
                                       struct gw_walk_counts *ret_counts,
                                       struct gw_trouble *trouble);

#endif
