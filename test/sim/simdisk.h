/*
 * sim/simdisk: a disk inside one process: what the store sees as gw_disk. It forgets, tears and
 *              fails as it is told.
 *
 * Layer   test. Everything random comes from its seed, so a seed repeats a run exactly.
 * Owner   any thread: one lock around every call.
 * Life    new/free; a copy is a disk of its own.
 * Limits  GW_SIMDISK_RULES_MAX faults at a time; names as in sim/simnames, renamed only within
 *         their directory.
 *
 * Directories "", "." and "/" are one and are there from the beginning. A test of one crash:
 *
 *     gw_simdisk_stop(disk);            // or cut_at, or fail: the old process gets no further
 *     gw_store_close(store);            // its handles do not work any more
 *     gw_simdisk_crash(disk, how);      // or kill: what is there when the next process looks
 *     gw_store_open(...)
 */
#ifndef GW_SIM_SIMDISK_H
#define GW_SIM_SIMDISK_H

#include "os/disk.h"
#include "sim/simfile.h"

#define GW_SIMDISK_RULES_MAX 8

/* Kinds of calls, to count and to fail. */
enum gw_simdisk_op {
    GW_SIMDISK_OPEN = 1 << 0,
    GW_SIMDISK_CREATE = 1 << 1, /* open, of a new file */
    GW_SIMDISK_READ = 1 << 2,
    GW_SIMDISK_WRITE = 1 << 3,
    GW_SIMDISK_SYNC = 1 << 4,
    GW_SIMDISK_ALLOCATE = 1 << 5,
    GW_SIMDISK_SIZE = 1 << 6,
    GW_SIMDISK_TRUNCATE = 1 << 7,
    GW_SIMDISK_LOCK = 1 << 8,
    GW_SIMDISK_RENAME = 1 << 9,
    GW_SIMDISK_REMOVE = 1 << 10,
    GW_SIMDISK_MAKE_DIRECTORY = 1 << 11,
    GW_SIMDISK_SYNC_DIRECTORY = 1 << 12,
    GW_SIMDISK_LIST = 1 << 13,
    GW_SIMDISK_ROOM = 1 << 14,
    GW_SIMDISK_ALL = (1 << 15) - 1,
    GW_SIMDISK_CHANGES = GW_SIMDISK_CREATE | GW_SIMDISK_WRITE | GW_SIMDISK_SYNC |
                         GW_SIMDISK_ALLOCATE | GW_SIMDISK_TRUNCATE | GW_SIMDISK_RENAME |
                         GW_SIMDISK_REMOVE | GW_SIMDISK_MAKE_DIRECTORY | GW_SIMDISK_SYNC_DIRECTORY,
};

/* What is left of what was not synced when the power comes back. */
enum gw_simdisk_crash {
    GW_SIMDISK_LOSE = SIMFILE_LOSE, /* nothing */
    GW_SIMDISK_KEEP = SIMFILE_KEEP, /* everything */
    /* Each write is kept, lost or kept in part (whole sectors); names made, renamed and removed are
     * kept up to some point or each by itself. */
    GW_SIMDISK_TEAR = SIMFILE_TEAR,
};

struct gw_simdisk;

struct gw_simdisk *gw_simdisk_new(uint64_t seed);
void gw_simdisk_free(struct gw_simdisk *disk);
/* The same files, synced or not, and room; nothing open, no faults, counts at 0. */
struct gw_simdisk *gw_simdisk_copy(struct gw_simdisk *disk, uint64_t seed);
/* For whoever keeps files on it; lives as long as the disk. */
const struct gw_disk *gw_simdisk_disk(struct gw_simdisk *disk);

/* -- the end of a process -- */

/* The power went: see enum. Handles and locks are gone; every call through an old handle fails. */
void gw_simdisk_crash(struct gw_simdisk *disk, enum gw_simdisk_crash how);
/* The process died, the machine did not: everything written is there. */
void gw_simdisk_kill(struct gw_simdisk *disk);
/* From the n-th change from now on (1: the next; a write may get done in part) everything fails and
 * changes nothing, until crash or kill. 0: not any more. */
void gw_simdisk_cut_at(struct gw_simdisk *disk, uint64_t n);
/* The same from this moment. */
void gw_simdisk_stop(struct gw_simdisk *disk);
bool gw_simdisk_stopped(struct gw_simdisk *disk);

/* -- faults -- */

/* The nth call from now (1: the next) of one of the kinds in `ops` fails with `os_errno`, and with
 * `forever` each one after it too. A failed write may be done in part; of what a failed sync was to
 * keep some is kept and some is lost for good, and the next sync says nothing of it. */
void gw_simdisk_fail(struct gw_simdisk *disk, unsigned ops, uint64_t nth, int os_errno,
                     bool forever);
/* No faults any more. */
void gw_simdisk_heal(struct gw_simdisk *disk);
/* Calls that failed because of gw_simdisk_fail. */
uint64_t gw_simdisk_fired(struct gw_simdisk *disk);
/* Calls of these kinds so far, failed ones too. */
uint64_t gw_simdisk_count(struct gw_simdisk *disk, unsigned ops);
/* How many bytes all files together may have (any number at first). */
void gw_simdisk_set_budget(struct gw_simdisk *disk, uint64_t bytes);

/* Calls fn before each write and each sync, without the lock: whatever other threads may do while a
 * disk is busy can happen there. NULL: not any more. */
void gw_simdisk_watch(struct gw_simdisk *disk, void (*fn)(void *user), void *user);

/* -- what is stored -- */

/* Damage that no sync undoes; false: no such file, or behind its end. */
bool gw_simdisk_flip(struct gw_simdisk *disk, const char *path, uint64_t offset, unsigned bit);
bool gw_simdisk_truncate(struct gw_simdisk *disk, const char *path, uint64_t size);
/* false: no such file. */
bool gw_simdisk_size(struct gw_simdisk *disk, const char *path, uint64_t *ret_size);
/* Files and directories with changes that were not synced. */
size_t gw_simdisk_dirty_count(struct gw_simdisk *disk);
size_t gw_simdisk_open_count(struct gw_simdisk *disk);

#endif
