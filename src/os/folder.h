/*
 * os/folder: directories as a whole: what one is, two that change places, owner and mode.
 *
 * Layer   os (may include base). For command-line programs.
 * Owner   any thread.
 * Life    none.
 * Limits  the system's.
 */
#ifndef GW_OS_FOLDER_H
#define GW_OS_FOLDER_H

#include <stddef.h>

#include "base/status.h"

#define GW_FOLDER_PATH_MAX 4096

enum gw_folder_kind {
    GW_FOLDER_NONE,  /* nothing has this name */
    GW_FOLDER_EMPTY, /* a directory without anything in it */
    GW_FOLDER_FULL,
    GW_FOLDER_OTHER, /* no directory */
};

/* GW_OS_ERROR with *ret_errno, if it cannot be told. */
GW_MUST_USE enum gw_status gw_folder_look(const char *path, enum gw_folder_kind *ret_kind,
                                          int *ret_errno);
/* Two names change what they stand for, in one step that a crash does not cut; GW_OS_ERROR (EINVAL,
 * ENOSYS: not on this file system). */
GW_MUST_USE enum gw_status gw_folder_exchange(const char *one, const char *other, int *ret_errno);
/* Gives a directory, and the files in it, the owner and group of another one, and the directory its
 * mode. What is the same already is left alone. GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_folder_take_after(const char *path, const char *model,
                                                int *ret_errno);
/* Tells each name in a directory but "." and "..", in no order; GW_NOT_FOUND, GW_OS_ERROR. */
typedef void gw_folder_each_fn(void *user, const char *name);
GW_MUST_USE enum gw_status gw_folder_each(const char *path, gw_folder_each_fn *tell, void *user,
                                          int *ret_errno);
/* The directory in which a path stands; "." for a bare name. */
void gw_folder_parent(const char *path, char *parent, size_t size);
/* The path without slashes at its end. */
void gw_folder_trim(const char *path, char *trimmed, size_t size);

#endif
