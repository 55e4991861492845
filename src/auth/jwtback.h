/*
 * auth/jwtback: the backend `jwt`: who brings a token that was signed by a key that is trusted is
 *               whom it says.
 *
 * Layer   auth (may include topic, base, os).
 * Owner   immutable.
 * Life    see auth/backend.
 * Limits  see auth/jwt, auth/jwtkeys.
 *
 * The token comes as the password. A user name beside it may be empty, or has to be the token's.
 * A token of somebody else (another issuer, a key that is not known) is for others in the chain to
 * judge; one of ours that is too old or for others is refused.
 */
#ifndef GW_AUTH_JWTBACK_H
#define GW_AUTH_JWTBACK_H

#include "auth/backend.h"

extern const struct gw_backend_ops gw_jwtback_ops;

#endif
