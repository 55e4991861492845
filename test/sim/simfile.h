/*
 * sim/simfile: the bytes of one file: as a reader sees them, as they are on stable storage, and the
 *              changes between the two.
 *
 * Layer   test (used by sim/simdisk alone).
 * Owner   the simulated disk, under its lock.
 * Life    zeroed memory is an empty file; fini.
 * Limits  memory; an end of zeros that was never written takes none.
 */
#ifndef GW_SIM_SIMFILE_H
#define GW_SIM_SIMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#define SIMFILE_SECTOR 512u /* what a disk writes whole or not at all */

struct simfile_image {
    uint8_t *data;
    size_t stored; /* bytes at data; zeros from there to size */
    size_t capacity;
    uint64_t size;
};

struct simfile_change;

struct simfile {
    struct simfile_image now, kept;
    struct simfile_change *first, *last; /* since the last sync, in order */
};

/* What becomes of changes that were not synced. */
enum simfile_fate {
    SIMFILE_LOSE, /* all are lost */
    SIMFILE_KEEP, /* all are kept */
    SIMFILE_TEAR, /* each is kept, lost, or kept in part */
};

void simfile_fini(struct simfile *file);
/* *to must be empty. */
void simfile_copy(struct simfile *to, const struct simfile *from);

size_t simfile_read(const struct simfile *file, uint64_t offset, void *memory, size_t size);
void simfile_write(struct simfile *file, uint64_t offset, const void *bytes, size_t size);
void simfile_resize(struct simfile *file, uint64_t size);
void simfile_sync(struct simfile *file);
/* A sync that failed: some changes are on stable storage, some may still come there, and some never
 * will, though readers see them until the power goes. */
void simfile_sync_failed(struct simfile *file, struct gw_random *random);
void simfile_crash(struct simfile *file, enum simfile_fate fate, struct gw_random *random);
bool simfile_dirty(const struct simfile *file);

/* Damage to what is stored, past every sync; false: behind the end. */
bool simfile_flip(struct simfile *file, uint64_t offset, unsigned bit);
void simfile_cut(struct simfile *file, uint64_t size);

#endif
