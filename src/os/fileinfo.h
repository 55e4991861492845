/*
 * os/fileinfo: what the system says of a file: has it changed, and who keeps us from reading it.
 *
 * Layer   os (may include base).
 * Owner   the caller.
 * Life    values only; nothing to release.
 * Limits  GW_FILEINFO_TEXT_MAX bytes of a path in words.
 */
#ifndef GW_OS_FILEINFO_H
#define GW_OS_FILEINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define GW_FILEINFO_TEXT_MAX 256

/* A gw_file_stamp as one number; 0: there is no such file. */
uint64_t gw_fileinfo_stamp(const char *path);

/* What on the way to a file this process may not pass, or the file itself. */
struct gw_fileinfo_blame {
    char path[GW_FILEINFO_TEXT_MAX];
    char mode[11]; /* "drwx------" */
    char owner[64];
};

/* Looks for it; false if there is nothing to blame. */
bool gw_fileinfo_blame(const char *path, struct gw_fileinfo_blame *ret_blame);

#endif
