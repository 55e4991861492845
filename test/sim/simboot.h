/*
 * sim/simboot: the broker of a run and the disk under it: starts it, ends it as a power cut or a
 *              kill does, and starts it again.
 *
 * Layer   test.
 * Owner   the simulation.
 * Life    init/fini.
 * Limits  one broker at a time.
 *
 * Whether there is a disk, and what the log says of it, is chosen from the seed by a generator of
 * its own: a run without a disk is the same run as before there were disks.
 */
#ifndef GW_SIM_SIMBOOT_H
#define GW_SIM_SIMBOOT_H

#include "broker/broker.h"
#include "sim/model.h"
#include "sim/simdisk.h"
#include "sim/simnet.h"

struct simboot {
    struct gw_random random;   /* for all that has to do with the disk */
    struct gw_random *choices; /* the run's */
    struct simnet *net;
    struct model *model;
    struct gw_simdisk *disk; /* NULL: nothing is kept */
    struct gw_broker *broker;
    struct gw_log log;
    enum gw_durability class;
    uint64_t segment;
    uint64_t seed;
    unsigned threads, strategy;
    bool lossy, drop_newest;
    bool failing; /* the disk is stopped or has no room: the log may say so */
    bool damaged; /* bits were flipped: the log may say so */
    /* It ended while its disk was full: what was settled then could not be written, and its segment
     * may be gone all the same, for nothing else makes room. */
    bool was_full;
    bool committing;
    uint64_t recycled;      /* segments, in this life */
    gw_position checkpoint; /* as seen last */
    gw_position written;    /* the end after the last commit, */
    gw_position vouched;    /* and before it: its chunks say that this was synced */
    struct {
        uint64_t recycled, rounds; /* checkpoints */
    } sums;
    unsigned starts;
};

/* Which seeds have a disk: three of four. */
bool simboot_has_disk(uint64_t seed);
void simboot_init(struct simboot *boot, uint64_t seed, struct simnet *net, struct model *model,
                  struct gw_random *choices);
void simboot_fini(struct simboot *boot);

/* Starts the broker; a later start has other threads and another hash seed than the one before, and
 * may meet a power cut of its own first. With damage it may fail (false) if it says why. */
bool simboot_start(struct simboot *boot);
/* One commit, if there is a disk and none is under way: true if there was anything to do.
 * *ret_recycled, if not NULL: it took segments back. */
bool simboot_commit(struct simboot *boot, bool *ret_recycled);
/* Frees the broker as it stands. */
void simboot_release(struct simboot *boot);
/* After a drain: nothing is left open, and the power may be cut. */
void simboot_end(struct simboot *boot);
/* The end of the process at this moment: killed, or the power went. The network is cut already. */
void simboot_crash(struct simboot *boot);
/* Leaves the disk room for `more` bytes; UINT64_MAX: for any number. */
void simboot_set_room(struct simboot *boot, uint64_t more);
/* Flips bits of what is stored; vouched: only where a later chunk says that all before was synced,
 * so that damage cannot pass for a torn end. */
void simboot_damage(struct simboot *boot, unsigned bits, bool vouched);

#endif
