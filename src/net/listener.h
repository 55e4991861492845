/*
 * net/listener: accepts connections on one address, on one or several loops.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   opened by one thread; each loop that joins accepts on its own thread.
 * Life    open, join per loop, leave per loop, close.
 * Limits  backlog; accepts a turn, listener and loop GW_LISTENER_ACCEPTS_PER_TURN.
 *
 * Within a turn a loop serves the connections it has before it takes new ones, so that a burst is
 * let in step by step as its members prove who they are.
 */
#ifndef GW_NET_LISTENER_H
#define GW_NET_LISTENER_H

#include "net/conn.h"

#define GW_LISTENER_ACCEPTS_PER_TURN 32

struct gw_listener;

/* A connection came, attached to no loop yet: set events and attach, or close it. */
typedef void gw_listener_fn(void *user, struct gw_listener *listener, struct gw_conn *conn,
                            gw_mono_ns now);

/* Binds and listens; GW_OS_ERROR with *ret_errno (EADDRINUSE, EACCES …). */
GW_MUST_USE enum gw_status gw_listener_open(const struct gw_sockets *sockets,
                                            const struct gw_socket_place *place,
                                            struct gw_listener **ret_listener, int *ret_errno);
/* Names the layers of each connection's stack, the lowest first, at most GW_TRANSPORT_LAYERS_MAX
 * (copied; each ctx must outlive the listener); before the first join. */
void gw_listener_set_layers(struct gw_listener *listener, const struct gw_transport_layer *layers,
                            size_t count);
/* Begins to accept on a loop, by that loop's thread (or before it runs). */
GW_MUST_USE enum gw_status gw_listener_join(struct gw_listener *listener, struct gw_loop *loop,
                                            gw_listener_fn *fn, void *user);
/* Stops accepting on a loop, by that loop's thread. */
void gw_listener_leave(struct gw_listener *listener, struct gw_loop *loop);
/* Closes the socket once every loop has left, and removes a Unix socket's file; NULL is fine. */
void gw_listener_close(struct gw_listener *listener);

/* The bound address, with the real port. */
const struct gw_address *gw_listener_address(const struct gw_listener *listener);

#endif
