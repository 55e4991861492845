/*
 * os/dial: finds a host by name and connects to it, waiting; for command-line programs and workers.
 *
 * Layer   os (may include base). Servers connect through os/socket, which does not wait.
 * Owner   any thread.
 * Life    the socket is given back with the `close` of os/socket.
 * Limits  GW_DIAL_TIMEOUT_S for each address tried, or the caller's deadline; a look-up takes what
 *         the system's name service lets it.
 */
#ifndef GW_OS_DIAL_H
#define GW_OS_DIAL_H

#include "os/socket.h"

#define GW_DIAL_TIMEOUT_S 30

/* Why dialling failed. */
struct gw_dial_fault {
    int os_error;     /* an errno, 0 if none */
    const char *text; /* words for it or for the failed look-up; never NULL after a failure */
};

/* Connects to host:port, trying each of its addresses in the system's order; from bind_host's
 * address if that is not NULL. The socket is non-blocking and has no delay for small writes.
 * GW_NOT_FOUND: a name is unknown; GW_OS_ERROR: the last address tried said no. */
GW_MUST_USE enum gw_status gw_dial_tcp(const char *host, uint16_t port, const char *bind_host,
                                       gw_socket *ret_socket, struct gw_dial_fault *ret_fault);

/* As gw_dial_tcp, but no address is waited for beyond a time of the monotonic clock. */
GW_MUST_USE enum gw_status gw_dial_tcp_by(const char *host, uint16_t port, gw_mono_ns deadline,
                                          gw_socket *ret_socket, struct gw_dial_fault *ret_fault);

/* Connects to a Unix socket; GW_OS_ERROR, GW_LIMIT if the path is too long. */
GW_MUST_USE enum gw_status gw_dial_unix(const char *path, gw_socket *ret_socket,
                                        struct gw_dial_fault *ret_fault);

#endif
