#include "broker/chain.h"

#include <stdlib.h>

#include "base/assert.h"

struct gw_chain *gw_chain_new(void)
{
    struct gw_chain *chain = calloc(1, sizeof(*chain));
    if (chain)
        atomic_init(&chain->refs, 1);
    return chain;
}

struct gw_chain *gw_chain_ref(struct gw_chain *chain)
{
    atomic_fetch_add_explicit(&chain->refs, 1, memory_order_relaxed);
    return chain;
}

void gw_chain_unref(struct gw_chain *chain)
{
    if (!chain || atomic_fetch_sub_explicit(&chain->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < chain->count; i++)
        gw_sponsor_unref(chain->links[i].sponsor);
    free(chain);
}

void gw_chain_add_file(struct gw_chain *chain, uint64_t id)
{
    GW_ASSERT(chain->count < GW_CHAIN_MAX);
    chain->links[chain->count++] = (struct gw_chain_link){id, NULL, chain->file_count++};
}

void gw_chain_add(struct gw_chain *chain, struct gw_sponsor *sponsor)
{
    GW_ASSERT(chain->count < GW_CHAIN_MAX);
    chain->links[chain->count++] =
        (struct gw_chain_link){gw_sponsor_id(sponsor), gw_sponsor_ref(sponsor), 0};
}

bool gw_chain_has_sponsors(const struct gw_chain *chain)
{
    return chain && chain->count > chain->file_count;
}

struct gw_sponsor *gw_chain_find(const struct gw_chain *chain, uint64_t id)
{
    for (size_t i = 0; chain && i < chain->count; i++)
        if (chain->links[i].id == id && chain->links[i].sponsor)
            return chain->links[i].sponsor;
    return NULL;
}

bool gw_chain_equal(const struct gw_chain *a, const struct gw_chain *b)
{
    size_t count = a ? a->count : 0;
    if (count != (b ? b->count : 0))
        return false;
    for (size_t i = 0; i < count; i++)
        if (a->links[i].id != b->links[i].id || a->links[i].sponsor != b->links[i].sponsor)
            return false;
    return true;
}
