/*
 * broker/tenure: a connection ends when that by which its client was let in does: a token, a
 * ticket.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    none of its own: it is looked at when the client's timer is due, which therefore comes no
 *         later than the end.
 * Limits  the end is on the wall's clock, which may be set: it is looked at every
 *         GW_TENURE_LOOK at least.
 */
#ifndef GW_BROKER_TENURE_H
#define GW_BROKER_TENURE_H

#include "broker/guest.h"

#define GW_TENURE_LOOK (30 * GW_NS_PER_S)

/* When to look again at what ends at `expires` (seconds since 1970; 0: never, which is GW_NEVER).
 * `now` if it has ended. */
gw_mono_ns gw_tenure_look(uint64_t expires, gw_wall_ns wall, gw_mono_ns now);

/* The deadline of a connected client's timer, brought forward to the next look. */
gw_mono_ns gw_tenure_bound(const struct gw_guest *client, gw_mono_ns deadline, gw_mono_ns now);
/* Ends a connected client whose time is over (0xA0); true if it did. */
bool gw_tenure_end(struct gw_guest *client, gw_mono_ns now);
/* Arms a connected client's timer for the first of keep alive and end; to be called again when
 * another end holds (re-authentication). Before it is connected, nothing happens. */
void gw_tenure_arm(struct gw_guest *client);

#endif
