/*
 * os/file: whole files, for configuration, payloads and reports.
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    none.
 * Limits  the caller's size_max.
 */
#ifndef GW_OS_FILE_H
#define GW_OS_FILE_H

#include "base/buf.h"

/* Appends the content of a file ("-" is standard input) to buf, whose bound is the limit
 * (GW_LIMIT). GW_OS_ERROR with *ret_errno (ENOENT, EACCES, EISDIR …). */
GW_MUST_USE enum gw_status gw_file_read(const char *path, struct gw_buf *buf, int *ret_errno);

/* GW_OK for a directory in which this process may make files. GW_OS_ERROR with *ret_errno (ENOENT,
 * ENOTDIR, EACCES, EROFS …). */
GW_MUST_USE enum gw_status gw_file_judge_directory(const char *path, int *ret_errno);

/* What tells one state of a file from another; all zero if there is none. */
struct gw_file_stamp {
    uint64_t device;
    uint64_t node;
    uint64_t size;
    int64_t changed_ns;
};

void gw_file_stamp_take(const char *path, struct gw_file_stamp *ret_stamp);
bool gw_file_stamp_equal(const struct gw_file_stamp *a, const struct gw_file_stamp *b);

#endif
