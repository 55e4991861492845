/*
 * os/disk: files that are kept, as one service that the simulator and the fault tests can replace.
 *
 * Layer   os (may include base).
 * Owner   any thread; one file is written by one thread at a time, read by any.
 * Life    every file from open is given back with close.
 * Limits  the system's.
 *
 * Calls block. Outcomes: GW_OK; GW_NOT_FOUND (no such file); GW_EXISTS; GW_NO_SPACE (the disk or
 * the quota is full: try again later); GW_OS_ERROR with *ret_errno. Interrupted and short calls are
 * repeated here.
 */
#ifndef GW_OS_DISK_H
#define GW_OS_DISK_H

#include <sys/uio.h>

#include "base/span.h"
#include "base/status.h"

typedef int gw_file_handle; /* a descriptor, or the simulator's number; -1 is none */

enum gw_disk_open {
    GW_DISK_READ,   /* an existing file, to read */
    GW_DISK_WRITE,  /* an existing file, to read and write */
    GW_DISK_CREATE, /* a new file, to read and write; GW_EXISTS */
};

typedef void gw_disk_name_fn(void *user, const char *name);

struct gw_disk_ops {
    enum gw_status (*open)(void *ctx, const char *path, enum gw_disk_open how,
                           gw_file_handle *ret_file, int *ret_errno);
    void (*close)(void *ctx, gw_file_handle file);
    /* Fills `into` with the bytes from `offset` on; fewer only at the end of the file. */
    enum gw_status (*read)(void *ctx, gw_file_handle file, uint64_t offset, struct iovec into,
                           size_t *ret_size, int *ret_errno);
    /* Writes all parts from `offset` on, or says why not (then any part of them may be written). */
    enum gw_status (*write)(void *ctx, gw_file_handle file, uint64_t offset,
                            const struct iovec *parts, int part_count, int *ret_errno);
    /* Data and what is needed to read it are on stable storage (fdatasync). A failure is final:
     * what was written since the last sync may be lost, and syncing again proves nothing; so it is
     * GW_OS_ERROR even where the disk was full. */
    enum gw_status (*sync)(void *ctx, gw_file_handle file, int *ret_errno);
    /* Makes the file at least `size` bytes long, with room on the disk for all of them. */
    enum gw_status (*allocate)(void *ctx, gw_file_handle file, uint64_t size, int *ret_errno);
    enum gw_status (*size)(void *ctx, gw_file_handle file, uint64_t *ret_size, int *ret_errno);
    enum gw_status (*truncate)(void *ctx, gw_file_handle file, uint64_t size, int *ret_errno);
    /* Takes the whole file for this process; GW_LIMIT: another one has it. Ends with close. */
    enum gw_status (*lock)(void *ctx, gw_file_handle file, int *ret_errno);
    enum gw_status (*rename)(void *ctx, const char *from, const char *to, int *ret_errno);
    enum gw_status (*remove)(void *ctx, const char *path, int *ret_errno);
    /* GW_EXISTS if it is there already. */
    enum gw_status (*make_directory)(void *ctx, const char *path, int *ret_errno);
    /* Names made, renamed and removed in it are on stable storage. */
    enum gw_status (*sync_directory)(void *ctx, const char *path, int *ret_errno);
    /* Calls fn for each name in it, in no order, without "." and "..". */
    enum gw_status (*list)(void *ctx, const char *path, gw_disk_name_fn *fn, void *user,
                           int *ret_errno);
    /* Bytes that may still be written on the disk of this path. */
    enum gw_status (*room)(void *ctx, const char *path, uint64_t *ret_bytes, int *ret_errno);
};

struct gw_disk {
    const struct gw_disk_ops *ops;
    void *ctx;
};

/* The system's file systems. */
const struct gw_disk *gw_disk_system(void);

#endif
