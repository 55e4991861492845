/*
 * session/orders: items of one size, each under an order number, found fast by it, with a memory
 *                 for those that were settled: what is owed to one session or one group.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; allocates as it grows.
 * Owner   session/image.
 * Life    init, add and settle, finish once (from then on only `items` and `count` are of use),
 *         fini.
 * Limits  2^32 - 2 items. Orders compare by serial-number arithmetic around the first one seen: all
 *         of one log have to be within 2^31 of it.
 *
 * Items are kept in the order in which they came, and settled ones are dropped when room is needed.
 * Mostly they come in the order of their numbers: then a binary search finds them. Once they do
 * not, a table of 4-byte places does. So an item costs at most 9/8 of its size, and then 10 bytes
 * more.
 */
#ifndef GW_SESSION_ORDERS_H
#define GW_SESSION_ORDERS_H

#include "session/numset.h"

struct gw_orders {
    uint8_t *items;  /* each begins with its order, a uint32_t */
    uint32_t *slots; /* open addressing: place in items + 1, 0 = free; NULL unless mixed and many */
    struct gw_numset settled;
    uint32_t item_size;
    uint32_t count; /* before finish with those settled meanwhile */
    uint32_t capacity;
    uint32_t slot_count;
    uint32_t gone;  /* settled items that are still in the array */
    uint32_t first; /* the first order seen, if any was */
    uint32_t last;  /* the largest one */
    bool any;
    bool mixed; /* the items are not sorted */
};

void gw_orders_init(struct gw_orders *orders, uint32_t item_size);
void gw_orders_fini(struct gw_orders *orders);

/* Notes that an order was in use. */
void gw_orders_see(struct gw_orders *orders, uint32_t order);
/* Larger than all orders seen; 0 if none was. */
uint32_t gw_orders_next(const struct gw_orders *orders);

/* The item of an order, NULL if there is none (any more). Valid until the next add. */
void *gw_orders_find(const struct gw_orders *orders, uint32_t order);
/* The item of an order, made if it is new (all 0 but its order). GW_NOT_FOUND: it was settled;
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_orders_add(struct gw_orders *orders, uint32_t order, void **ret_item);
/* Takes an order out for good. GW_NOT_FOUND: it was not there (remembered all the same);
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_orders_settle(struct gw_orders *orders, uint32_t order);

/* Drops what is settled and sorts the rest by order, the oldest first; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_orders_finish(struct gw_orders *orders);

#endif
