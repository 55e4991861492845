/*
 * cli/contextdir: where contexts are kept, and which one is in use:
 *                 ~/.config/godwit/contexts/NAME.yaml, ~/.config/godwit/context.
 *
 * Layer   cli. Reads and writes files.
 * Owner   the main thread.
 * Life    values.
 * Limits  names of GW_CONTEXTDIR_NAME_MAX characters with the end mark.
 */
#ifndef GW_CLI_CONTEXTDIR_H
#define GW_CLI_CONTEXTDIR_H

#include "cli/context.h"
#include "os/deposit.h"

#define GW_CONTEXTDIR_NAME_MAX 65
#define GW_CONTEXTDIR_WHAT_MAX (GW_DEPOSIT_PATH_MAX + 256)

struct gw_contextdir {
    char path[GW_DEPOSIT_PATH_MAX]; /* "~/.config/godwit" */
};

/* Why something could not be done, and the one thing to do about it (may be empty). */
struct gw_contextdir_error {
    char what[GW_CONTEXTDIR_WHAT_MAX];
    char hint[GW_CONTEXTDIR_WHAT_MAX];
};

/* Where they are (XDG_CONFIG_HOME, else HOME); false: neither is set. */
bool gw_contextdir_find(struct gw_contextdir *ret_dir);

/* True for letters, digits, ".", "_" and "-", not too many and no "." in front. */
bool gw_contextdir_name_valid(const char *name);

/* The name of the one in use; false if there is none. */
bool gw_contextdir_active(const struct gw_contextdir *dir, char name[GW_CONTEXTDIR_NAME_MAX]);

/* Reads one. GW_NOT_FOUND: there is none of this name; GW_REFUSED: others may read the password in
 * it, or write it; GW_INVALID, GW_OS_ERROR, GW_NO_MEMORY; with the error, here and below. */
GW_MUST_USE enum gw_status gw_contextdir_read(const struct gw_contextdir *dir, const char *name,
                                              struct gw_context *ret_context,
                                              struct gw_contextdir_error *ret_error);
/* Writes one, for its owner alone. GW_EXISTS: there is one and it is not to be replaced. */
GW_MUST_USE enum gw_status gw_contextdir_write(const struct gw_contextdir *dir, const char *name,
                                               const struct gw_context *context, bool replace,
                                               struct gw_contextdir_error *ret_error);
/* Takes one away; if it was in use, none is. GW_NOT_FOUND. */
GW_MUST_USE enum gw_status gw_contextdir_remove(const struct gw_contextdir *dir, const char *name,
                                                struct gw_contextdir_error *ret_error);
/* Uses one from now on; NULL: none. */
GW_MUST_USE enum gw_status gw_contextdir_use(const struct gw_contextdir *dir, const char *name,
                                             struct gw_contextdir_error *ret_error);

/* Tells the name of each, in no order; nothing if there is none. */
void gw_contextdir_each(const struct gw_contextdir *dir, void (*tell)(void *user, const char *name),
                        void *user);

/* "DIR/contexts/NAME.yaml"; empty if it is too long. Returns path. */
const char *gw_contextdir_path(const struct gw_contextdir *dir, const char *name,
                               char path[GW_DEPOSIT_PATH_MAX]);

#endif
