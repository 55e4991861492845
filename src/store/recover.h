/*
 * store/recover: from files to records: finds the segments, and goes through the log after a start.
 *
 * Layer   store (may include os, base).
 * Owner   the controlling thread, before others come.
 * Life    during gw_store_open and gw_store_recover.
 * Limits  see store/scan.h.
 */
#ifndef GW_STORE_RECOVER_H
#define GW_STORE_RECOVER_H

#include "store/engine.h"

/* Fills in an error and returns its status. */
enum gw_status gw_recover_error(struct gw_store_error *ret_error, enum gw_status status,
                                const char *path, const char *what, int os_errno);
/* Enters all segments of the directory in the table, with their heads. */
GW_MUST_USE enum gw_status gw_recover_look(struct gw_store *store,
                                           struct gw_store_error *ret_error);
/* As gw_store_recover. */
GW_MUST_USE enum gw_status gw_recover_run(struct gw_store *store, gw_store_record_fn *fn,
                                          void *user, struct gw_store_report *ret_report,
                                          struct gw_store_error *ret_error);

#endif
