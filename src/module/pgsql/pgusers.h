/*
 * module/pgsql/pgusers: users whose password hashes and groups a PostgreSQL keeps.
 *
 * Layer   module/pgsql (may include auth, os, base).
 * Owner   see auth/backend.
 * Life    see auth/backend.
 * Limits  the settings' `timeout` for connecting and asking together; the hash is computed after.
 *
 * The setting `query` gives one row for a user: the hash, then the groups, then the name that he
 * is to be known by; only the hash must be there.
 */
#ifndef GW_MODULE_PGSQL_PGUSERS_H
#define GW_MODULE_PGSQL_PGUSERS_H

#include "auth/backend.h"

extern const struct gw_backend_ops gw_pgusers_ops;

#endif
