/*
 * broker/farewell: what is said of the end of a connection.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    none.
 * Limits  one line for each connection.
 */
#ifndef GW_BROKER_FAREWELL_H
#define GW_BROKER_FAREWELL_H

#include "broker/guest.h"

/* Why a connection ended that nobody asked to end; constant words, as a cause needs them, or the
 * transport's. */
const char *gw_farewell_words(const struct gw_conn *conn, enum gw_conn_end end, int os_errno);

/* Writes the line with the client's cause; the first call does. */
void gw_farewell_log(struct gw_guest *client, gw_mono_ns now);

#endif
