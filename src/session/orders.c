#include "session/orders.h"

#include <stdlib.h>

#define SLOTS_FROM 16u /* fewer items are looked through */
#define SPREAD     UINT32_C(0x9E3779B1)
#define NOWHERE    UINT32_MAX

void gw_orders_init(struct gw_orders *orders, uint32_t item_size)
{
    *orders = (struct gw_orders){.item_size = item_size};
    gw_numset_init(&orders->settled);
}

void gw_orders_fini(struct gw_orders *orders)
{
    free(orders->items);
    free(orders->slots);
    gw_numset_fini(&orders->settled);
    gw_orders_init(orders, orders->item_size);
}

/* Where an order is on the line from 2^31 before the first one seen to 2^31 after it. */
static uint32_t rank(const struct gw_orders *orders, uint32_t order)
{
    return order - orders->first + (UINT32_C(1) << 31);
}

void gw_orders_see(struct gw_orders *orders, uint32_t order)
{
    if (!orders->any) {
        orders->any = true;
        orders->first = orders->last = order;
    }
    if (rank(orders, order) > rank(orders, orders->last))
        orders->last = order;
}

uint32_t gw_orders_next(const struct gw_orders *orders)
{
    return orders->any ? orders->last + 1 : 0;
}

static uint8_t *item_at(const struct gw_orders *orders, uint32_t place)
{
    return orders->items + (size_t)place * orders->item_size;
}

static uint32_t order_of(const uint8_t *item)
{
    uint32_t order;
    memcpy(&order, item, sizeof(order));
    return order;
}

/* -- finding -- */

static uint32_t *slot_of(const struct gw_orders *orders, uint32_t order)
{
    uint32_t at = (uint32_t)((uint64_t)(order * SPREAD) * orders->slot_count >> 32);
    while (orders->slots[at] != 0 && order_of(item_at(orders, orders->slots[at] - 1)) != order)
        at = (at + 1) & (orders->slot_count - 1);
    return &orders->slots[at];
}

static uint32_t rank_at(const struct gw_orders *orders, uint32_t place)
{
    return rank(orders, order_of(item_at(orders, place)));
}

/* Among sorted items: the oldest not settled and the newest are asked for most. */
static uint32_t search(const struct gw_orders *orders, uint32_t order)
{
    uint32_t wanted = rank(orders, order);
    uint32_t from = 0;
    uint32_t end = orders->count;
    if (end == 0 || rank_at(orders, end - 1) < wanted)
        return NOWHERE;
    if (rank_at(orders, end - 1) == wanted)
        return end - 1;
    if (rank_at(orders, orders->gone) == wanted)
        return orders->gone;
    while (from < end) {
        uint32_t middle = from + (end - from) / 2;
        if (rank_at(orders, middle) < wanted)
            from = middle + 1;
        else
            end = middle;
    }
    return rank_at(orders, from) == wanted ? from : NOWHERE;
}

/* NOWHERE if it is not in the array. */
static uint32_t place_of(const struct gw_orders *orders, uint32_t order)
{
    if (!orders->mixed)
        return search(orders, order);
    if (orders->slots)
        return *slot_of(orders, order) - 1; /* a free slot gives NOWHERE */
    uint32_t place = orders->count;
    while (place > 0 && order_of(item_at(orders, place - 1)) != order)
        place--;
    return place - 1;
}

static void drop_slots(struct gw_orders *orders)
{
    free(orders->slots);
    orders->slots = NULL;
    orders->slot_count = 0;
}

/* Builds the table anew; at most 7/8 of it are used afterwards, after `more` items too. */
static enum gw_status build_slots(struct gw_orders *orders, uint32_t more)
{
    uint64_t slot_count = SLOTS_FROM;
    drop_slots(orders);
    while (slot_count * 7 < ((uint64_t)orders->count + more) * 8)
        slot_count *= 2;
    if (slot_count > UINT32_C(1) << 31)
        return GW_NO_MEMORY;
    orders->slots = calloc((size_t)slot_count, sizeof(*orders->slots));
    if (!orders->slots)
        return GW_NO_MEMORY;
    orders->slot_count = (uint32_t)slot_count;
    for (uint32_t place = 0; place < orders->count; place++)
        *slot_of(orders, order_of(item_at(orders, place))) = place + 1;
    return GW_OK;
}

void *gw_orders_find(const struct gw_orders *orders, uint32_t order)
{
    uint32_t place = place_of(orders, order);
    if (place == NOWHERE || gw_numset_has(&orders->settled, order))
        return NULL;
    return item_at(orders, place);
}

/* -- room -- */

static void drop_settled(struct gw_orders *orders)
{
    uint32_t kept = 0;
    if (orders->gone == 0)
        return;
    for (uint32_t place = 0; place < orders->count; place++) {
        const uint8_t *item = item_at(orders, place);
        if (gw_numset_has(&orders->settled, order_of(item)))
            continue;
        if (kept != place)
            memcpy(item_at(orders, kept), item, orders->item_size);
        kept++;
    }
    orders->count = kept;
    orders->gone = 0;
}

static enum gw_status resize(struct gw_orders *orders, uint32_t capacity)
{
    uint8_t *items = realloc(orders->items, (size_t)capacity * orders->item_size);
    if (!items)
        return GW_NO_MEMORY;
    orders->items = items;
    orders->capacity = capacity;
    return GW_OK;
}

/* Room for one more. Large arrays grow by an eighth only: their pages are moved, not copied. */
static enum gw_status make_room(struct gw_orders *orders)
{
    if (orders->count < orders->capacity)
        return GW_OK;
    if (orders->gone > orders->count / 8) {
        drop_settled(orders);
        drop_slots(orders);
        return GW_OK;
    }
    uint64_t capacity = orders->capacity < 64 ? (uint64_t)orders->capacity * 2
                                              : (uint64_t)orders->capacity + orders->capacity / 8;
    if (capacity >= NOWHERE)
        return GW_NO_MEMORY;
    return resize(orders, capacity > 0 ? (uint32_t)capacity : 2);
}

static enum gw_status make_slot(struct gw_orders *orders)
{
    if (!orders->mixed || orders->count < SLOTS_FROM ||
        ((uint64_t)orders->count + 1) * 8 <= (uint64_t)orders->slot_count * 7)
        return GW_OK;
    return build_slots(orders, 1);
}

/* newest: behind all that were ever seen. */
static enum gw_status append(struct gw_orders *orders, uint32_t order, bool newest)
{
    GW_TRY(make_room(orders));
    if (!newest && orders->count > 0 && rank(orders, order) < rank_at(orders, orders->count - 1))
        orders->mixed = true;
    GW_TRY(make_slot(orders));
    if (orders->slots)
        *slot_of(orders, order) = orders->count + 1;
    uint8_t *item = item_at(orders, orders->count++);
    memset(item, 0, orders->item_size);
    memcpy(item, &order, sizeof(order));
    return GW_OK;
}

enum gw_status gw_orders_add(struct gw_orders *orders, uint32_t order, void **ret_item)
{
    bool newest = !orders->any || rank(orders, order) > rank(orders, orders->last);
    if (newest)
        gw_orders_see(orders, order);
    else if (gw_numset_has(&orders->settled, order))
        return GW_NOT_FOUND;
    uint32_t place = newest ? NOWHERE : place_of(orders, order);
    if (place == NOWHERE) {
        GW_TRY(append(orders, order, newest));
        place = orders->count - 1;
    }
    *ret_item = item_at(orders, place);
    return GW_OK;
}

enum gw_status gw_orders_settle(struct gw_orders *orders, uint32_t order)
{
    gw_orders_see(orders, order);
    if (gw_numset_has(&orders->settled, order))
        return GW_NOT_FOUND;
    GW_TRY(gw_numset_add(&orders->settled, order));
    if (place_of(orders, order) == NOWHERE)
        return GW_NOT_FOUND;
    orders->gone++;
    if (orders->gone < orders->count)
        return GW_OK;
    orders->count = 0;
    orders->gone = 0;
    orders->mixed = false;
    drop_slots(orders);
    return GW_OK;
}

/* -- sorting: a merge of the runs that are there, for there are few -- */

static uint32_t run_end(const struct gw_orders *orders, uint32_t place)
{
    if (place < orders->count)
        place++;
    while (place < orders->count && rank_at(orders, place - 1) < rank_at(orders, place))
        place++;
    return place;
}

static void merge(const struct gw_orders *orders, uint32_t from, uint32_t middle, uint32_t end,
                  uint8_t *to)
{
    uint32_t a = from;
    uint32_t b = middle;
    for (uint32_t i = from; i < end; i++) {
        bool left = a < middle && (b == end || rank_at(orders, a) < rank_at(orders, b));
        uint32_t taken = left ? a++ : b++;
        memcpy(to + (size_t)i * orders->item_size, item_at(orders, taken), orders->item_size);
    }
}

static enum gw_status sort(struct gw_orders *orders)
{
    if (run_end(orders, 0) == orders->count)
        return GW_OK;
    uint8_t *other = malloc((size_t)orders->count * orders->item_size);
    if (!other)
        return GW_NO_MEMORY;
    while (run_end(orders, 0) < orders->count) {
        uint32_t end;
        for (uint32_t from = 0; from < orders->count; from = end) {
            uint32_t middle = run_end(orders, from);
            end = run_end(orders, middle);
            merge(orders, from, middle, end, other);
        }
        uint8_t *merged = other;
        other = orders->items;
        orders->items = merged;
    }
    free(other);
    orders->capacity = orders->count;
    return GW_OK;
}

enum gw_status gw_orders_finish(struct gw_orders *orders)
{
    drop_slots(orders);
    drop_settled(orders);
    gw_numset_fini(&orders->settled);
    if (orders->count == 0) {
        free(orders->items);
        orders->items = NULL;
        orders->capacity = 0;
        return GW_OK;
    }
    GW_TRY(sort(orders));
    if (orders->count < orders->capacity)
        return resize(orders, orders->count);
    return GW_OK;
}
