/*
 * broker/arrival: what is asked of a connection as soon as it is known from where it comes: when it
 *                 is accepted, or when the proxy that it came by has told.
 *
 * Layer   broker.
 * Owner   the loop that accepted it.
 * Life    none.
 * Limits  limits.connections_unauthenticated_per_address, limits.address.
 */
#ifndef GW_BROKER_ARRIVAL_H
#define GW_BROKER_ARRIVAL_H

#include "net/conn.h"

/* Counts a connection, whose events go to its guest already, by its address; NULL: it may go on,
 * else why not. `ctx` is not used: it may serve as the judge of net/proxied. */
const char *gw_arrival_judge(void *ctx, struct gw_conn *conn);

#endif
