/*
 * auth/backends: the backends that are part of the program; others are loaded (auth/loadable).
 *
 * Layer   auth (may include topic, base, os).
 * Owner   immutable.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_AUTH_BACKENDS_H
#define GW_AUTH_BACKENDS_H

#include "auth/backend.h"

/* The backend of a kind; NULL: it is none of the program's own. */
const struct gw_backend_ops *gw_backends_find(const char *kind);

#endif
