/*
 * store/secure: makes what recovery read stay.
 *
 * Layer   store (may include os, base).
 * Owner   the controlling thread, during gw_store_recover.
 * Life    none.
 * Limits  one window of memory.
 *
 * The end of the log may have been written and never synced, by a process that was killed; or its
 * sync failed, and then the system shows the bytes and believes them to be on the disk, though they
 * are not, and syncing again says that all is well. The caller acts on what it was given, so the
 * bytes from the last sync on are written once more before they are synced.
 */
#ifndef GW_STORE_SECURE_H
#define GW_STORE_SECURE_H

#include "store/engine.h"

/* Secures the log from `synced` to `end`; GW_OS_ERROR, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_secure_log(struct gw_store *store, gw_position synced,
                                         gw_position end, struct gw_store_error *ret_error);

#endif
