/*
 * os/deposit: puts whole files where they belong: all of one or nothing, with its mode from the
 *             first moment on, and never over a file that is there unless that is asked for.
 *
 * Layer   os (may include base). For command-line programs.
 * Owner   any thread.
 * Life    none.
 * Limits  GW_DEPOSIT_PATH_MAX characters of path.
 */
#ifndef GW_OS_DEPOSIT_H
#define GW_OS_DEPOSIT_H

#include "base/span.h"
#include "base/status.h"

#define GW_DEPOSIT_PATH_MAX 4096

/* What becomes of a file that is there. */
enum gw_deposit_over {
    GW_DEPOSIT_NEW,     /* it stays: GW_EXISTS */
    GW_DEPOSIT_REPLACE, /* it goes; if it is a symbolic link, the link itself */
    GW_DEPOSIT_RENEW, /* it goes, the new one has its owner and mode as far as this process may say
                         so; if it is a symbolic link, what that names */
};

struct gw_deposit {
    const char *path;
    struct gw_span content;
    unsigned mode; /* 0600; the umask has no say */
    enum gw_deposit_over over;
};

/* Writes a file beside its place, syncs it and gives it its name in one step. GW_EXISTS: something
 * has this name and is not to be replaced; GW_OS_ERROR with *ret_errno. On failure nothing is
 * left behind. */
GW_MUST_USE enum gw_status gw_deposit_write(const struct gw_deposit *deposit, int *ret_errno);

/* Makes one directory with this mode; GW_EXISTS: there is one already (nothing about it changes);
 * GW_OS_ERROR with *ret_errno (EEXIST: something else has this name). */
GW_MUST_USE enum gw_status gw_deposit_directory(const char *path, unsigned mode, int *ret_errno);

/* Makes a directory and those above it that are missing, all with this mode; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_deposit_directories(const char *path, unsigned mode, int *ret_errno);

/* Takes a file away; GW_NOT_FOUND, GW_OS_ERROR with *ret_errno. */
GW_MUST_USE enum gw_status gw_deposit_remove(const char *path, int *ret_errno);

#endif
