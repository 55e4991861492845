/*
 * keep/rescue: a backup of a store, and a store from a backup.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    none.
 * Limits  none of its own.
 */
#ifndef GW_KEEP_RESCUE_H
#define GW_KEEP_RESCUE_H

#include "keep/audit.h"
#include "keep/duplicate.h"

/* Copies a store, beside its broker if one runs, to a directory, or to a file if the name ends in
 * .tar. What is not whole never has that name. */
GW_MUST_USE enum gw_status gw_rescue_backup(const char *path, const char *to,
                                            struct gw_duplicate_result *ret_result,
                                            struct gw_trouble *trouble);

struct gw_rescue_result {
    struct gw_audit audit; /* of what was restored; the caller releases it */
    char old[512];         /* where the store is that was there; "" if there was none */
};

/* Makes a store of a backup. GW_EXISTS: the target is not empty; GW_MALFORMED: the backup is
 * damaged (see the audit); with force it is restored all the same. All or nothing. */
GW_MUST_USE enum gw_status gw_rescue_restore(const char *from, const char *path, bool force,
                                             struct gw_rescue_result *ret_result,
                                             struct gw_trouble *trouble);

#endif
