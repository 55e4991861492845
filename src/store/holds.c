#include "store/holds.h"

#include <stdlib.h>

#include "base/assert.h"

void gw_holds_init(struct gw_holds *holds)
{
    for (size_t i = 0; i < GW_HOLDS_ROOT; i++)
        atomic_init(&holds->branches[i], NULL);
    atomic_init(&holds->freed, false);
}

/* Nobody else is there any more, so relaxed will do in the loops. */
void gw_holds_fini(struct gw_holds *holds)
{
    for (size_t i = 0; i < GW_HOLDS_ROOT; i++) {
        struct gw_holds_branch *branch =
            atomic_load_explicit(&holds->branches[i], memory_order_relaxed);
        for (size_t j = 0; branch != NULL && j < GW_HOLDS_BRANCH; j++)
            free(atomic_load_explicit(&branch->leaves[j], memory_order_relaxed));
        free(branch);
    }
}

static atomic_uint *count_of(const struct gw_holds *holds, uint32_t number)
{
    /* Acquire pairs with the release of reserve: who sees the pointer sees zeros behind it. */
    const struct gw_holds_branch *branch = atomic_load_explicit(
        &holds->branches[number >> 20 & (GW_HOLDS_ROOT - 1)], memory_order_acquire);
    if (branch == NULL)
        return NULL;
    struct gw_holds_leaf *leaf = atomic_load_explicit(
        &branch->leaves[number >> 10 & (GW_HOLDS_BRANCH - 1)], memory_order_acquire);
    return leaf ? &leaf->counts[number & (GW_HOLDS_LEAF - 1)] : NULL;
}

static enum gw_status reserve_leaf(struct gw_holds *holds, uint32_t number)
{
    _Atomic(struct gw_holds_branch *) *root = &holds->branches[number >> 20 & (GW_HOLDS_ROOT - 1)];
    struct gw_holds_branch *branch = atomic_load_explicit(root, memory_order_acquire);
    if (branch == NULL) {
        struct gw_holds_branch *made = calloc(1, sizeof *made);
        if (made == NULL)
            return GW_NO_MEMORY;
        if (atomic_compare_exchange_strong_explicit(root, &branch, made, memory_order_acq_rel,
                                                    memory_order_acquire))
            branch = made;
        else
            free(made);
    }
    _Atomic(struct gw_holds_leaf *) *place = &branch->leaves[number >> 10 & (GW_HOLDS_BRANCH - 1)];
    struct gw_holds_leaf *leaf = atomic_load_explicit(place, memory_order_acquire);
    if (leaf != NULL)
        return GW_OK;
    struct gw_holds_leaf *made = calloc(1, sizeof *made);
    if (made == NULL)
        return GW_NO_MEMORY;
    if (!atomic_compare_exchange_strong_explicit(place, &leaf, made, memory_order_acq_rel,
                                                 memory_order_acquire))
        free(made);
    return GW_OK;
}

enum gw_status gw_holds_reserve(struct gw_holds *holds, uint32_t number)
{
    GW_TRY(reserve_leaf(holds, number));
    return reserve_leaf(holds, number + GW_HOLDS_LEAF);
}

void gw_holds_add(struct gw_holds *holds, uint32_t number)
{
    atomic_uint *count = count_of(holds, number);
    if (count == NULL)
        return; /* a segment that is not there, and never will be again */
    /* Relaxed: who adds holds it already, or the checkpoint has not passed it, and setting that
     * goes through a mutex. */
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

void gw_holds_drop(struct gw_holds *holds, uint32_t number)
{
    atomic_uint *count = count_of(holds, number);
    if (count == NULL)
        return;
    /* Release pairs with the acquire of any: reading the segment is over before it is reused. */
    unsigned before = atomic_fetch_sub_explicit(count, 1, memory_order_release);
    GW_ASSERT(before > 0);
    if (before == 1)
        atomic_store_explicit(&holds->freed, true, memory_order_release);
}

bool gw_holds_any(const struct gw_holds *holds, uint32_t number)
{
    const atomic_uint *count = count_of(holds, number);
    return count != NULL && atomic_load_explicit(count, memory_order_acquire) != 0;
}

bool gw_holds_take_freed(struct gw_holds *holds)
{
    /* A look before the exchange: a line that many read is not written without need. */
    return atomic_load_explicit(&holds->freed, memory_order_relaxed) &&
           atomic_exchange_explicit(&holds->freed, false, memory_order_acquire);
}
