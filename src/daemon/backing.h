/*
 * daemon/backing: opens those of a configuration's `auth` who are asked beside user files, and
 *                 watches the files that they were given.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    zeroed, then load; fini releases, and zeroed again is fine.
 * Limits  GW_CONFIG_AUTH_MAX entries.
 *
 * One whose settings and files are as they were stays open, with its connections and what it has
 * learned.
 */
#ifndef GW_DAEMON_BACKING_H
#define GW_DAEMON_BACKING_H

#include "broker/chain.h"
#include "config/authkinds.h"
#include "config/config.h"
#include "config/confreport.h"
#include "daemon/loader.h"
#include "daemon/watched.h"

/* One of them, or a user file (nothing here then). */
struct gw_backing_item {
    struct gw_sponsor *sponsor; /* one reference */
    struct gw_watched files[GW_AUTHKINDS_SETTINGS_MAX];
    size_t file_count;
    bool changed; /* a file of it has */
    bool stale;   /* and it could not be opened anew: it is not as its files say */
};

struct gw_backing {
    struct gw_chain *chain; /* NULL: nobody but user files is asked */
    struct gw_backing_item items[GW_CONFIG_AUTH_MAX];
    size_t count;
};

/* Opens them; what is open in `before` (may be NULL) and has not changed is taken from there.
 * GW_INVALID with the report, GW_NO_MEMORY: *backing is empty then. */
GW_MUST_USE enum gw_status gw_backing_load(struct gw_backing *backing,
                                           const struct gw_config *config, struct gw_loader *loader,
                                           const struct gw_backing *before,
                                           struct gw_confreport *report);
void gw_backing_fini(struct gw_backing *backing);

/* True if a file of one has changed: to be loaded again, with this as `before`. */
bool gw_backing_is_due(struct gw_backing *backing);
/* Those changes are not to be looked at again: they were of no use. */
void gw_backing_settle(struct gw_backing *backing);

#endif
