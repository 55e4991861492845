/*
 * base/random: seeded generator (xoshiro256**), for choices that must repeat under a seed.
 *
 * Layer   base. Pure. Not for secrets: those come from os/entropy.
 * Owner   whoever holds it; not thread-safe.
 * Life    a value.
 * Limits  none.
 */
#ifndef GW_BASE_RANDOM_H
#define GW_BASE_RANDOM_H

#include <stdint.h>

struct gw_random {
    uint64_t state[4];
};

/* Seeds the generator; equal seeds give equal sequences. */
void gw_random_init(struct gw_random *random, uint64_t seed);

/* The next 64 bits. */
uint64_t gw_random_next(struct gw_random *random);

/* A number below `bound`, without bias; bound must not be 0. */
uint64_t gw_random_below(struct gw_random *random, uint64_t bound);

#endif
