/*
 * net/wsask: the opening handshake of a WebSocket (RFC 6455, section 4), at the client's end.
 *
 * Layer   net (may include os, base). Pure: no system call, no malloc; knows no MQTT.
 * Owner   whoever opens the connection; views point into the head given.
 * Life    nothing to release.
 * Limits  GW_WSASK_REQUEST_MAX bytes a request, those of net/httphead for the answer.
 */
#ifndef GW_NET_WSASK_H
#define GW_NET_WSASK_H

#include "net/httphead.h"

#define GW_WSASK_REQUEST_MAX ((size_t)2048)

/* Why there is no WebSocket. */
struct gw_wsask_fault {
    uint16_t http_status;  /* of an answer that refuses, 0: the answer breaks the rules */
    struct gw_span phrase; /* the server's word for it, a view into the head */
    const char *what;      /* for http_status 0; static */
};

/* Writes the request for `path` at `authority` (host or host:port) with a key of 24 characters;
 * returns its size, 0 if it is too large or a text holds what cannot stand there. */
size_t gw_wsask_put(char ret_request[GW_WSASK_REQUEST_MAX], struct gw_span authority,
                    struct gw_span path, struct gw_span key);

/* Judges the whole head of the answer against the accept value that the key asks for. GW_OK: frames
 * follow. GW_REFUSED, GW_MALFORMED with the fault. */
GW_MUST_USE enum gw_status gw_wsask_judge(struct gw_span head, struct gw_span accept,
                                          struct gw_wsask_fault *ret_fault);

#endif
