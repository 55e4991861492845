/*
 * net/peeruser: who came by a Unix socket has proved that he is the user of this machine that the
 *               kernel says he is.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   the connection's loop.
 * Life    made by its layer, freed with its connection.
 * Limits  none of its own: bytes pass as they are.
 *
 * The name is looked up when the first bytes come. That asks the system's user data base and waits
 * for it; where it is not of this machine, a cache in front of it (nscd, sssd) keeps that short.
 */
#ifndef GW_NET_PEERUSER_H
#define GW_NET_PEERUSER_H

#include "net/transport.h"

/* Makes the layer; whoever the system has no name for is refused. */
struct gw_transport_layer gw_peeruser_layer(void);

#endif
