/*
 * os/address: a socket address as a value and as text.
 *
 * Layer   os (may include base).
 * Owner   a value.
 * Life    none.
 * Limits  GW_ADDRESS_TEXT_MAX characters with the end mark.
 */
#ifndef GW_OS_ADDRESS_H
#define GW_OS_ADDRESS_H

#include <sys/socket.h>

#include "base/span.h"
#include "base/status.h"

#define GW_ADDRESS_TEXT_MAX 128

/* Whoever keeps many may keep only the first gw_address_stored_size() bytes of one (connections
 * do): copy a borrowed address with gw_address_copy, never by assignment. */
struct gw_address {
    socklen_t size; /* of the used part of storage; 0: none */
    struct sockaddr_storage storage;
};

/* How many bytes of the struct carry the address. */
static inline size_t gw_address_stored_size(const struct gw_address *address)
{
    return offsetof(struct gw_address, storage) + address->size;
}

/* Copies an address that may be stored cut to its size. */
void gw_address_copy(struct gw_address *ret_address, const struct gw_address *address);

/* Parses a numeric IPv4 or IPv6 address (no name look-up; "*" and "" are the IPv6 any-address that
 * takes IPv4 too) and a port; GW_INVALID. */
GW_MUST_USE enum gw_status gw_address_parse(struct gw_span host, uint16_t port,
                                            struct gw_address *ret_address);

/* As parse, but asks the system's name service for a name and takes its first answer. Blocks: for
 * tools and workers, never on a loop. GW_NOT_FOUND. */
GW_MUST_USE enum gw_status gw_address_resolve(struct gw_span host, uint16_t port,
                                              struct gw_address *ret_address);

/* Makes the address of a Unix socket; GW_LIMIT if the path is too long. */
GW_MUST_USE enum gw_status gw_address_unix(struct gw_span path, struct gw_address *ret_address);

/* Makes the address of somebody on this machine who opened a Unix socket: its path (what does not
 * fit is cut off) and the user that the system says he is. */
void gw_address_set_local(struct gw_address *ret_address, struct gw_span path, uint32_t uid);
/* The user of such an address; false: it is another kind. */
bool gw_address_uid(const struct gw_address *address, uint32_t *ret_uid);

/* What limits and bans by address count together: an IPv4 address, the first half of an IPv6 one, a
 * user of this machine. Borrowed from the address; empty: none of these. */
struct gw_span gw_address_host(const struct gw_address *address);

/* Writes "10.0.0.9:51234", "[::1]:1883", "unix:/run/x.sock uid=1000", the path of a Unix socket, or
 * "unix" for one without a name; returns text. */
const char *gw_address_text(const struct gw_address *address, char text[GW_ADDRESS_TEXT_MAX]);

/* The port, 0 if it has none. */
uint16_t gw_address_port(const struct gw_address *address);

/* True for 127.0.0.0/8, ::1, Unix sockets and who came by one. */
bool gw_address_is_loopback(const struct gw_address *address);

#endif
