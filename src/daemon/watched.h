/*
 * daemon/watched: a file that is read again when it has changed.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    init before the file is read, so that a change in between is seen as one; fini.
 * Limits  none.
 */
#ifndef GW_DAEMON_WATCHED_H
#define GW_DAEMON_WATCHED_H

#include "os/file.h"

struct gw_watched {
    char *path;
    struct gw_file_stamp stamp; /* as it was when it was read, or seen to be bad */
    struct gw_file_stamp seen;  /* when it was looked at last */
};

GW_MUST_USE enum gw_status gw_watched_init(struct gw_watched *watched, const char *path);
void gw_watched_fini(struct gw_watched *watched);

/* True if the file has changed and is whole: put in place of the old one, or quiet for one look. */
bool gw_watched_is_due(struct gw_watched *watched);
/* It is about to be read again. */
void gw_watched_take(struct gw_watched *watched);

#endif
