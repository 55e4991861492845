/*
 * config/confauth: auth: who is asked whether a client may connect, in order.
 *
 * Layer   config. No I/O: the files are read by auth/users.
 * Owner   whoever owns the configuration.
 * Life    add grows the list; gw_confauth_fini releases it.
 * Limits  GW_CONFIG_AUTH_MAX.
 */
#ifndef GW_CONFIG_CONFAUTH_H
#define GW_CONFIG_CONFAUTH_H

#include "config/config.h"
#include "config/confreport.h"

/* Adds a user file at the end of the list. GW_INVALID with the error, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confauth_add(struct gw_config_auth *auth, struct gw_span file,
                                           struct gw_confreport_error *error);

/* Makes a copy; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confauth_copy(const struct gw_config_auth *auth,
                                            struct gw_config_auth *ret_auth);

/* Releases the items. */
void gw_confauth_fini(struct gw_config_auth *auth);

#endif
