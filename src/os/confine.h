/*
 * os/confine: which files this process may still reach, by Landlock.
 *
 * Layer   os (may include base).
 * Owner   the main thread, before it starts others: they inherit it, those that run do not.
 * Life    begin, allow, end; for good.
 * Limits  none of its own.
 *
 * What is open stays open, and sockets are no files: only paths are judged, when they are opened.
 */
#ifndef GW_OS_CONFINE_H
#define GW_OS_CONFINE_H

#include <stdbool.h>

#include "base/status.h"

struct gw_confine {
    int ruleset;
    unsigned abi; /* of the kernel */
};

/* GW_NOT_FOUND: the kernel has no Landlock, or it is switched off. GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_confine_begin(struct gw_confine *ret_confine);

/* Allows a directory with all below it, or a file, to be read, or to be written and made too. What
 * does not exist, or may not be reached now, cannot be allowed: false. */
bool gw_confine_allow(struct gw_confine *confine, const char *path, bool write);
/* Allows to read the directory in which a file stands, so that another may take its place; and the
 * one of the file that a symbolic link means. */
bool gw_confine_allow_around(struct gw_confine *confine, const char *file);

/* From here on nothing else is reached, and no program that is started gets more rights. */
GW_MUST_USE enum gw_status gw_confine_end(struct gw_confine *confine);

#endif
