/*
 * keep/rewrite: writes items into a new store.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    new, items, finish (all of it is on the disk then), free.
 * Limits  memory: a name and 50 bytes for each session, group and message.
 *
 * Later items win: a session that comes again replaces the one before with all that belongs to it,
 * a group is the same group, a retained message takes the place of its topic's. So a store and then
 * a file of items can be written into one.
 */
#ifndef GW_KEEP_REWRITE_H
#define GW_KEEP_REWRITE_H

#include "keep/item.h"
#include "keep/trouble.h"

struct gw_rewrite;

/* Makes a store at a path where none is. */
GW_MUST_USE enum gw_status gw_rewrite_new(const char *path, uint64_t segment_size,
                                          struct gw_rewrite **ret_rewrite,
                                          struct gw_trouble *trouble);
/* Not finished before: what was written is left where it is. NULL is fine. */
void gw_rewrite_free(struct gw_rewrite *rewrite);

/* Says that what was written so far came from one source, and another one begins. */
void gw_rewrite_begin_source(struct gw_rewrite *rewrite);
/* Writes an item. GW_INVALID: it does not fit to those before (a session nobody named, twice the
 * same one in a source); nothing of it was written. */
GW_MUST_USE enum gw_status gw_rewrite_item(struct gw_rewrite *rewrite, const struct gw_item *item,
                                           struct gw_trouble *trouble);
/* Syncs all; the store stays locked until free. */
GW_MUST_USE enum gw_status gw_rewrite_finish(struct gw_rewrite *rewrite,
                                             struct gw_trouble *trouble);

#endif
