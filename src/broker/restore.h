/*
 * broker/restore: what the log says, given to the shards before anybody is let in.
 *
 * Layer   broker.
 * Owner   the controlling thread; no loop runs yet.
 * Life    once, at start-up.
 * Limits  limits.sessions and the rest do not hold for what was promised before.
 */
#ifndef GW_BROKER_RESTORE_H
#define GW_BROKER_RESTORE_H

#include "broker/shard.h"
#include "session/image.h"

struct gw_restore_counts {
    uint64_t sessions, subscriptions, queued, retained, groups, unfinished, lost;
};

/* Gives everything in the image to its shards; afterwards every shard's loop has to be turned until
 * it is quiet. GW_NO_MEMORY: start-up fails, the log is as it was. */
GW_MUST_USE enum gw_status gw_restore_run(struct gw_shard_world *world, struct gw_image *image,
                                          struct gw_restore_counts *ret_counts);
/* Then: groups get what they hold, deliveries of groups their names, and messages that had not
 * reached everybody are routed again. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_restore_finish(struct gw_shard_world *world, struct gw_image *image,
                                             struct gw_restore_counts *ret_counts);

#endif
