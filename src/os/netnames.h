/*
 * os/netnames: by which name and addresses others reach this machine.
 *
 * Layer   os (may include base). For command-line programs.
 * Owner   any thread.
 * Life    values.
 * Limits  GW_NETNAMES_ADDRESSES_MAX addresses; more are not listed.
 */
#ifndef GW_OS_NETNAMES_H
#define GW_OS_NETNAMES_H

#include "os/address.h"

#define GW_NETNAMES_ADDRESSES_MAX 16
#define GW_NETNAMES_HOST_MAX      256

/* The machine's own name as it is set, which may be anything; empty if there is none. Returns
 * text. */
const char *gw_netnames_host(char text[GW_NETNAMES_HOST_MAX]);

/* The addresses of interfaces that are up, without those of loopback and those that hold on one
 * link only; port 0. Returns how many. */
size_t gw_netnames_addresses(struct gw_address addresses[GW_NETNAMES_ADDRESSES_MAX]);

/* True if a socket for both IP versions can be listened on here. */
bool gw_netnames_has_ipv6(void);

#endif
