/*
 * net/ws: the transport of MQTT over WebSocket (RFC 6455), over a socket or TLS, both ends of it.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   its connection; see net/transport.
 * Life    made by a listener's layer or by gw_ws_dial; freed with its stack.
 * Limits  a request or answer: net/httphead. One pong and one Close wait to be sent, however many
 *         pings come; a frame is never gathered. Nothing is held while all is quiet.
 *
 * What a connection flushes in one go leaves as one binary frame (from a client: of 16 KiB at most,
 * for it must mask a copy). Frames of the peer say nothing to MQTT: their payloads are its stream.
 */
#ifndef GW_NET_WS_H
#define GW_NET_WS_H

#include "net/transport.h"
#include "net/wsframe.h"
#include "net/wshead.h"

/* What a listener's WebSockets share; texts are borrowed for as long as there is one of them. */
struct gw_ws_listener {
    const char *path;    /* "/mqtt" */
    const char *origins; /* see struct gw_wshead_rules; NULL: none */
    bool names_refused;  /* likewise */
};

/* Makes the server's end; `ctx` is a struct gw_ws_listener. For struct gw_transport_layer. */
struct gw_transport *gw_ws_make(void *ctx);

/* Makes the client's end, which asks for `path` at `authority` (host or host:port; both copied).
 * NULL when memory is out or the texts cannot stand in a request. */
struct gw_transport *gw_ws_dial(struct gw_span authority, struct gw_span path);

#endif
