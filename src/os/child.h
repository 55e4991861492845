/*
 * os/child: another program that is started, watched and killed; and trees of files to clear away.
 *
 * Layer   os (may include base). For command-line programs.
 * Owner   the main thread, before it starts others.
 * Life    start, then kill; a child that ended by itself is taken by `running` or `kill`.
 * Limits  none of its own.
 */
#ifndef GW_OS_CHILD_H
#define GW_OS_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define GW_CHILD_PATH_MAX 4096

struct gw_child {
    int64_t pid; /* 0: none */
};

/* The file of the program that runs; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_child_self(char *path, size_t size);

/* Starts a program (argv[0] is its file); what it prints is added to the end of a file. It has the
 * usual signals and is killed when the caller ends. GW_OS_ERROR with *ret_errno. */
GW_MUST_USE enum gw_status gw_child_start(struct gw_child *child, const char *const *argv,
                                          const char *output_path, int *ret_errno);

/* False once it has ended. */
bool gw_child_running(struct gw_child *child);

/* Kills it (SIGKILL) and waits for its end; none is fine. */
void gw_child_kill(struct gw_child *child);

/* Whether there is something of this name. */
bool gw_child_path_exists(const char *path);

/* Removes a directory with all that is in it; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_child_clear(const char *path);

#endif
