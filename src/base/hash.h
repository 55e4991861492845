/*
 * base/hash: keyed 64-bit hash of bytes (XXH3 with a secret seed).
 *
 * Layer   base. Pure.
 * Owner   any thread.
 * Life    none.
 * Limits  not cryptographic; the seed is drawn at start so that peers cannot aim at one bucket.
 */
#ifndef GW_BASE_HASH_H
#define GW_BASE_HASH_H

#include "base/span.h"

/* Hashes the bytes under a seed; the same input gives the same value on every machine. */
uint64_t gw_hash_bytes(struct gw_span bytes, uint64_t seed);

/* Mixes a number into a hash. */
uint64_t gw_hash_mix(uint64_t hash, uint64_t value);

#endif
