/*
 * os/inherited: listening sockets that were open before the broker: the service manager's, and
 * those that we opened ourselves while we had the right to.
 *
 * Layer   os (may include base).
 * Owner   the main thread.
 * Life    zeroed; collect, add; fini closes what nobody took.
 * Limits  GW_INHERITED_MAX.
 */
#ifndef GW_OS_INHERITED_H
#define GW_OS_INHERITED_H

#include "os/socket.h"

#define GW_INHERITED_MAX      64
#define GW_INHERITED_NAME_MAX 64

struct gw_inherited_item {
    gw_socket socket;
    struct gw_address address;
    char name[GW_INHERITED_NAME_MAX]; /* that the service manager gave it; may be empty */
};

struct gw_inherited {
    struct gw_inherited_item items[GW_INHERITED_MAX];
    size_t count;
};

/* Takes over what the service manager opened for this process (LISTEN_FDS); what is no listening
 * stream socket is closed. */
void gw_inherited_collect(struct gw_inherited *set);

/* Adds a listening socket; GW_LIMIT, GW_OS_ERROR: it stays the caller's. */
GW_MUST_USE enum gw_status gw_inherited_add(struct gw_inherited *set, gw_socket socket);

/* Takes out the one that listens on this address; -1: there is none. */
gw_socket gw_inherited_take(struct gw_inherited *set, const struct gw_address *address);

/* Closes what is left. */
void gw_inherited_fini(struct gw_inherited *set);

#endif
