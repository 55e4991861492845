/*
 * broker/resettle: what a snapshot writes of the retained messages: that they are, and those that
 *                  stand in an old segment once more, so that it can go.
 *
 * Layer   broker.
 * Owner   the shard, called by its slicer.
 * Life    from the first slice of a round to the last; fini with the journal.
 * Limits  GW_SLICER_BYTES staged a turn; cold ones are read by one errand at a time, and not while
 *         those moved before have not left memory.
 */
#ifndef GW_BROKER_RESETTLE_H
#define GW_BROKER_RESETTLE_H

#include "broker/shard.h"

/* Writes some; true if all of them are written. */
bool gw_resettle_slice(struct gw_shard *shard);
/* Whether there is nothing to do before the log, or its reader, gets further. */
bool gw_resettle_has_to_wait(const struct gw_shard *shard);
/* Takes back what a round left; errands have ended. */
void gw_resettle_fini(struct gw_shard *shard);

#endif
