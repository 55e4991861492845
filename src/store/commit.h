/*
 * store/commit: one commit: everything that was submitted is written with few calls, synced once,
 *               and the tickets move.
 *
 * Layer   store (may include os, base).
 * Owner   the writer.
 * Life    that of the store.
 * Limits  GW_COMMIT_PARTS_MAX pieces a write.
 *
 * The sums are computed here and not on the loops: the writer has to touch the bytes anyway to give
 * them to the system, one thread that mostly waits for the disk has the time, and a head that is
 * filled in late knows the newest synced_upto, which is what tells damage from a torn end.
 */
#ifndef GW_STORE_COMMIT_H
#define GW_STORE_COMMIT_H

#include "store/engine.h"

#define GW_COMMIT_PARTS_MAX 1024
#define GW_COMMIT_IDLE_NS   GW_NS_PER_S /* without work for so long: a mark is written */

/* Does a commit, and what upkeep is due. True if there was anything to do. */
bool gw_commit_step(struct gw_store *store);
/* Writes a mark if something was synced that no head says yet. */
void gw_commit_mark(struct gw_store *store);
/* How long the writer may rest if nobody submits; UINT64_MAX: for ever. */
uint64_t gw_commit_rest(const struct gw_store *store);

#endif
