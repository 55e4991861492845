#include "broker/debts.h"

#include <stdlib.h>

#include "base/assert.h"

void gw_debts_init(struct gw_debts *debts)
{
    *debts = (struct gw_debts){.next_order = 1};
}

void gw_debts_fini(struct gw_debts *debts)
{
    for (size_t i = 0; i < debts->count; i++)
        gw_blob_unref(&debts->items[i].message);
    free(debts->items);
    gw_debts_init(debts);
}

/* Clears away what is settled; the order stays. */
static void compact(struct gw_debts *debts)
{
    size_t kept = 0;
    for (size_t i = 0; i < debts->count; i++)
        if (debts->items[i].message)
            debts->items[kept++] = debts->items[i];
    debts->count = kept;
}

/* One old debt may outlive any number of later ones: these must not keep their places. */
static void make_room(struct gw_debts *debts)
{
    if (debts->count < debts->capacity)
        return;
    if (debts->unsettled < debts->capacity / 2) {
        compact(debts);
        return;
    }
    size_t capacity = debts->capacity ? debts->capacity * 2 : 16;
    struct gw_debt *items = realloc(debts->items, capacity * sizeof(*items));
    GW_ASSERT(items != NULL);
    debts->items = items;
    debts->capacity = capacity;
}

void gw_debts_restore(struct gw_debts *debts, struct gw_blob *message, uint32_t order)
{
    make_room(debts);
    debts->items[debts->count++] = (struct gw_debt){gw_blob_ref(message), order};
    debts->unsettled++;
}

uint32_t gw_debts_add(struct gw_debts *debts, struct gw_blob *message)
{
    uint32_t order = debts->next_order;
    debts->next_order = order + 1 != 0 ? order + 1 : 1;
    gw_debts_restore(debts, message, order);
    return order;
}

size_t gw_debts_seek(const struct gw_debts *debts, uint32_t order)
{
    size_t low = 0, high = debts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((int32_t)(debts->items[middle].order - order) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct gw_debt *find(const struct gw_debts *debts, uint32_t order)
{
    size_t at = gw_debts_seek(debts, order);
    return at < debts->count && debts->items[at].order == order ? &debts->items[at] : NULL;
}

bool gw_debts_has(const struct gw_debts *debts, uint32_t order)
{
    const struct gw_debt *debt = find(debts, order);
    return debt && debt->message;
}

bool gw_debts_settle(struct gw_debts *debts, uint32_t order)
{
    struct gw_debt *debt = find(debts, order);
    if (!debt || !debt->message)
        return false;
    gw_blob_unref(&debt->message);
    if (--debts->unsettled > 0)
        return true;
    free(debts->items); /* idle groups hold nothing */
    debts->items = NULL;
    debts->count = 0;
    debts->capacity = 0;
    return true;
}
