/*
 * module/pgsql/pgplan: what the configuration says about a PostgreSQL and the users in it.
 *
 * Layer   module/pgsql (may include auth, os, base).
 * Owner   immutable after init; read by every worker.
 * Life    init on the caller's memory, fini releases, also after a failed init.
 * Limits  none.
 */
#ifndef GW_MODULE_PGSQL_PGPLAN_H
#define GW_MODULE_PGSQL_PGPLAN_H

#include "auth/backend.h"

struct gw_pgplan {
    char *conninfo; /* a URL or a list of keywords, as libpq takes them */
    char *query;
    uint32_t timeout_ms;
    uint32_t valid_ms; /* 0: what it says holds as long as the connection */
};

/* GW_INVALID with words; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_pgplan_init(struct gw_pgplan *plan,
                                          const struct gw_backend_settings *settings,
                                          char ret_words[GW_BACKEND_WORDS_MAX]);
void gw_pgplan_fini(struct gw_pgplan *plan);

#endif
