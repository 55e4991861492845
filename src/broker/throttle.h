/*
 * broker/throttle: how fast one client may publish: who is ahead of its rate is not read from until
 *                  its time has come.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    made at the first PUBLISH of a client that is bound, freed with it.
 * Limits  limits.publish_rate.messages, .bytes and .burst.
 *
 * Two buckets, each kept as one time: when all that was taken would have come at the client's rate.
 * It may be limits.publish_rate.burst ahead of the clock. Nothing is refused and nothing is lost:
 * the peer's own sending stops when the buffers between us are full. What else it sends waits as
 * well, since packets are read in order; its keep-alive does not run meanwhile.
 */
#ifndef GW_BROKER_THROTTLE_H
#define GW_BROKER_THROTTLE_H

#include "broker/guest.h"

/* Counts a PUBLISH of so many bytes. True: the client is ahead, and reading is paused. */
bool gw_throttle_on_publish(struct gw_guest *client, size_t bytes, gw_mono_ns now);
/* True while it is not read from. */
bool gw_throttle_holds(const struct gw_guest *client);
/* Lets go of what is kept for a client. */
void gw_throttle_end(struct gw_guest *client);

#endif
