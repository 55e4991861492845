#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t gw_hash_bytes(struct gw_span bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data ? (const void *)bytes.data : "", bytes.size, seed);
}

/* The finalizer of splitmix64 over the sum: every input bit reaches every output bit. */
uint64_t gw_hash_mix(uint64_t hash, uint64_t value)
{
    uint64_t x = hash + 0x9e3779b97f4a7c15u * (value + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}
