/*
 * store/holds: how many still need each segment; a table that grows and is never locked.
 *
 * Layer   store (may include base).
 * Owner   any thread.
 * Life    init on the caller's memory; fini when nobody uses it any more.
 * Limits  segment numbers below 2^31; memory grows with the numbers, 4 bytes a segment.
 */
#ifndef GW_STORE_HOLDS_H
#define GW_STORE_HOLDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define GW_HOLDS_LEAF   1024u
#define GW_HOLDS_BRANCH 1024u
#define GW_HOLDS_ROOT   2048u

struct gw_holds_leaf {
    atomic_uint counts[GW_HOLDS_LEAF];
};

struct gw_holds_branch {
    _Atomic(struct gw_holds_leaf *) leaves[GW_HOLDS_BRANCH];
};

struct gw_holds {
    _Atomic(struct gw_holds_branch *) branches[GW_HOLDS_ROOT];
    atomic_bool freed; /* a count came to 0; see gw_holds_take_freed */
};

void gw_holds_init(struct gw_holds *holds);
void gw_holds_fini(struct gw_holds *holds);
/* Makes room for this number and the next 1024; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_holds_reserve(struct gw_holds *holds, uint32_t number);
/* Without room made nothing is counted: room is made for all segments that are there and long
 * before new ones begin, so it is a damaged record that names such a number. */
void gw_holds_add(struct gw_holds *holds, uint32_t number);
void gw_holds_drop(struct gw_holds *holds, uint32_t number);
/* Whether anybody needs the segment. What was done with it before the last drop is over then. */
bool gw_holds_any(const struct gw_holds *holds, uint32_t number);
/* Whether a count came to 0 since the last call. */
bool gw_holds_take_freed(struct gw_holds *holds);

#endif
