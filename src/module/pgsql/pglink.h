/*
 * module/pgsql/pglink: a connection to a PostgreSQL: made when it is needed, given up when it
 *                      fails.
 *
 * Layer   module/pgsql (may include auth, os, base). By libpq, never waiting within it but for the
 *         look-up of a host's name.
 * Owner   one worker.
 * Life    init on the caller's memory, fini releases.
 * Limits  the caller's patience; one row of a result.
 *
 * The query is prepared once a connection, and a name is only ever its parameter.
 */
#ifndef GW_MODULE_PGSQL_PGLINK_H
#define GW_MODULE_PGSQL_PGLINK_H

#include "module/pgsql/pgplan.h"
#include "os/patience.h"

#define GW_PGLINK_IDLE_MAX (60 * GW_NS_PER_S) /* what was idle longer may be dead unnoticed */

struct pg_conn;
struct pg_result;

struct gw_pglink {
    const struct gw_pgplan *plan;
    struct pg_conn *conn; /* NULL: not connected */
    gw_mono_ns used_at;
};

void gw_pglink_init(struct gw_pglink *link, const struct gw_pgplan *plan);
void gw_pglink_fini(struct gw_pglink *link);
/* True if it is connected; one that was idle for too long is given up. */
bool gw_pglink_is_open(struct gw_pglink *link);

/* Connects and prepares the query. GW_TIMEOUT, GW_REFUSED, GW_CLOSED, GW_NO_MEMORY, with words;
 * the link is shut then. */
GW_MUST_USE enum gw_status gw_pglink_open(struct gw_pglink *link,
                                          const struct gw_patience *patience,
                                          char ret_words[GW_BACKEND_WORDS_MAX]);

/* Runs the query for a name. GW_OK with its row, which PQclear releases. GW_NOT_FOUND: there is
 * none, or the name is none that the data base could hold; GW_LIMIT: there are several; GW_CLOSED:
 * it may help to open the link again; the rest as open. */
GW_MUST_USE enum gw_status gw_pglink_ask(struct gw_pglink *link, const char *name,
                                         const struct gw_patience *patience,
                                         struct pg_result **ret_row,
                                         char ret_words[GW_BACKEND_WORDS_MAX]);

#endif
