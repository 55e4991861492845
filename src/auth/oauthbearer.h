/*
 * auth/oauthbearer: the method OAUTHBEARER (RFC 7628): a bearer token in an AUTH exchange, judged
 * by the backend that offers the method.
 *
 * Layer   auth (may include topic, base, os).
 * Owner   immutable.
 * Life    none.
 * Limits  the message is as large as a packet before CONNECT is accepted.
 */
#ifndef GW_AUTH_OAUTHBEARER_H
#define GW_AUTH_OAUTHBEARER_H

#include "auth/method.h"

/* For gw_backend_ops.methods: asks the backend with the token as the password. */
extern const struct gw_method gw_oauthbearer_method;

/* Cuts the client's message into the name that it wants to act under (encoded; empty if none) and
 * the token; NULL, or why it is not one. */
const char *gw_oauthbearer_read(struct gw_span message, struct gw_span *ret_as,
                                struct gw_span *ret_token);

#endif
