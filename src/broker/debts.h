/*
 * broker/debts: what the log says that a shared group is owed: each message until a member had it.
 *
 * Layer   broker. Knows nothing of the log; allocates with malloc.
 * Owner   its group.
 * Life    init/fini.
 * Limits  those of the group's queue and of what its members may hold; memory for at most four
 *         times as many.
 */
#ifndef GW_BROKER_DEBTS_H
#define GW_BROKER_DEBTS_H

#include "base/blob.h"

struct gw_debt {
    struct gw_blob *message; /* one reference; NULL: settled */
    uint32_t order;          /* never 0 */
};

struct gw_debts {
    struct gw_debt *items; /* by order, oldest first */
    size_t count;          /* settled ones too, until they are cleared away */
    size_t unsettled;
    size_t capacity;
    uint32_t next_order;
};

void gw_debts_init(struct gw_debts *debts);
void gw_debts_fini(struct gw_debts *debts);

/* Adds one (a reference of its own) under the next order, which it returns. Out of memory is
 * asserted: a promise could not be kept. */
uint32_t gw_debts_add(struct gw_debts *debts, struct gw_blob *message);
/* The same under an order that the log knows, larger than all before. */
void gw_debts_restore(struct gw_debts *debts, struct gw_blob *message, uint32_t order);
/* True if there is one of this order. */
bool gw_debts_has(const struct gw_debts *debts, uint32_t order);
/* The place among the items of the first one whose order is not before this one. */
size_t gw_debts_seek(const struct gw_debts *debts, uint32_t order);
/* Ends one; false if there is none of this order (any more). */
bool gw_debts_settle(struct gw_debts *debts, uint32_t order);

#endif
