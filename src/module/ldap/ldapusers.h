/*
 * module/ldap/ldapusers: users of a directory, who prove themselves by a bind.
 *
 * Layer   module/ldap (may include auth, os, base).
 * Owner   see auth/backend.
 * Life    see auth/backend.
 * Limits  the settings' `timeout` for everything that is asked for one login.
 *
 * A bind without a password succeeds as nobody (RFC 4513, section 5.1.2), so none is ever made.
 */
#ifndef GW_MODULE_LDAP_LDAPUSERS_H
#define GW_MODULE_LDAP_LDAPUSERS_H

#include "auth/backend.h"

extern const struct gw_backend_ops gw_ldapusers_ops;

#endif
