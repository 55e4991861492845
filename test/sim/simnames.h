/*
 * sim/simnames: the names in one directory: as a reader sees them, as they are on stable storage,
 *               and what was done between the two.
 *
 * Layer   test (used by sim/simdisk alone).
 * Owner   the simulated disk, under its lock.
 * Life    zeroed memory is an empty directory; fini.
 * Limits  names of SIMNAMES_MAX - 1 bytes.
 */
#ifndef GW_SIM_SIMNAMES_H
#define GW_SIM_SIMNAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/random.h"
#include "sim/simfile.h"

#define SIMNAMES_MAX 80

struct simnames_entry {
    char name[SIMNAMES_MAX];
    size_t node; /* the disk's number of what has this name */
};

struct simnames_list {
    struct simnames_entry *at;
    size_t count, capacity;
};

struct simnames_step {
    char from[SIMNAMES_MAX]; /* "": made */
    char to[SIMNAMES_MAX];   /* "": removed */
    size_t node;
};

struct simnames {
    struct simnames_list now, kept;
    struct simnames_step *steps; /* since the last sync */
    size_t step_count, step_capacity;
};

void simnames_fini(struct simnames *names);
/* *to must be empty. */
void simnames_copy(struct simnames *to, const struct simnames *from);

/* NULL: there is none. */
const struct simnames_entry *simnames_find(const struct simnames_list *list, const char *name);
/* Makes (from NULL), removes (to NULL) or renames, over what is there. */
void simnames_change(struct simnames *names, const char *from, const char *to, size_t node);
void simnames_sync(struct simnames *names);
void simnames_crash(struct simnames *names, enum simfile_fate fate, struct gw_random *random);
/* True if a name, a kept name or a step is about this node. */
bool simnames_mention(const struct simnames *names, size_t node);

#endif
