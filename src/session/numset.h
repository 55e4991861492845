/*
 * session/numset: a set of numbers most of which lie close together (serials, orders): 64
 *                 neighbours take 16 bytes.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; an empty set holds nothing.
 * Owner   whoever holds it; not thread-safe.
 * Life    init/fini.
 * Limits  memory.
 */
#ifndef GW_SESSION_NUMSET_H
#define GW_SESSION_NUMSET_H

#include "base/span.h"
#include "base/status.h"

struct gw_numset_word {
    uint64_t key;  /* number / 64, plus 1; 0 = free */
    uint64_t bits; /* bit n: key * 64 + n is in the set */
};

struct gw_numset {
    struct gw_numset_word *words; /* open addressing, a power of two of them, or NULL */
    size_t capacity;
    size_t count; /* words in use */
};

void gw_numset_init(struct gw_numset *set);
void gw_numset_fini(struct gw_numset *set);
bool gw_numset_has(const struct gw_numset *set, uint64_t number);
/* Fine if it is there already; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_numset_add(struct gw_numset *set, uint64_t number);

#endif
