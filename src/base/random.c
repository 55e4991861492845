#include "base/random.h"

#include "base/assert.h"

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* splitmix64 spreads the seed, so that a seed of 0 or 1 is as good as any and the state is never
 * all zero. */
void gw_random_init(struct gw_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t x = seed;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        random->state[i] = x ^ (x >> 31);
    }
}

uint64_t gw_random_next(struct gw_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Values under 2^64 mod bound are thrown away: what is left is a whole multiple of bound. */
uint64_t gw_random_below(struct gw_random *random, uint64_t bound)
{
    GW_ASSERT(bound != 0);
    uint64_t reject = (0 - bound) % bound;
    uint64_t value;
    do {
        value = gw_random_next(random);
    } while (value < reject);
    return value % bound;
}
