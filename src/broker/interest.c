#include "broker/interest.h"

#include <stdlib.h>

#include "base/assert.h"

struct gw_interest {
    struct gw_target target; /* in the index while somebody wants it and it is not for this shard */
    struct gw_map_node node;
    uint64_t told; /* other shards that have subscriptions, one bit each */
    uint32_t here; /* subscriptions of this shard */
    uint32_t key_size;
    uint8_t key[]; /* the shard that is to hear, then the filter */
};

_Static_assert(GW_BROKER_SHARDS_MAX <= 256, "one byte names a shard");

static struct gw_span interest_key(const struct gw_map_node *node)
{
    const struct gw_interest *interest = GW_CONTAINER_CONST(node, struct gw_interest, node);
    return gw_span_of(interest->key, interest->key_size);
}

static struct gw_span filter_of(const struct gw_interest *interest)
{
    return gw_span_from(gw_span_of(interest->key, interest->key_size), 1);
}

void gw_interest_init(struct gw_shard *shard)
{
    gw_map_init(&shard->routes.interests, interest_key, shard->world->services.seed);
}

unsigned gw_interest_owner(const struct gw_target *target)
{
    return GW_CONTAINER_CONST(target, struct gw_interest, target)->key[0];
}

/* Finds or makes; a shard that cannot remember who wants what must not go on. */
static struct gw_interest *interest_at(struct gw_shard *shard, struct gw_span filter,
                                       unsigned owner)
{
    uint8_t key[1 + UINT16_MAX];
    key[0] = (uint8_t)owner;
    memcpy(key + 1, filter.data, filter.size);
    struct gw_span whole = gw_span_of(key, 1 + filter.size);
    struct gw_map_node *node = gw_map_find(&shard->routes.interests, whole);
    if (node)
        return GW_CONTAINER(node, struct gw_interest, node);
    struct gw_interest *interest = calloc(1, sizeof(*interest) + whole.size);
    GW_ASSERT(interest != NULL);
    interest->target.kind = GW_TARGET_INTEREST;
    interest->key_size = (uint32_t)whole.size;
    memcpy(interest->key, whole.data, whole.size);
    enum gw_status status = gw_map_insert(&shard->routes.interests, &interest->node);
    GW_ASSERT(status == GW_OK);
    gw_shard_count_state(shard, (int64_t)(sizeof(*interest) + whole.size));
    return interest;
}

/* Puts an entry where it belongs after a change: into the index or out of it, or nowhere. */
static void settle(struct gw_shard *shard, struct gw_interest *interest)
{
    bool wanted = interest->here > 0 || interest->told != 0;
    bool indexed = interest->target.entry.node != NULL;
    if (wanted && !indexed && interest->key[0] != shard->index) {
        enum gw_status status =
            gw_subindex_add(shard->routes.index, filter_of(interest), &interest->target.entry);
        GW_ASSERT(status == GW_OK);
    }
    if (wanted)
        return;
    gw_subindex_remove(shard->routes.index, &interest->target.entry);
    gw_map_remove(&shard->routes.interests, &interest->node);
    gw_shard_count_state(shard, -(int64_t)(sizeof(*interest) + interest->key_size));
    free(interest);
}

void gw_interest_fini(struct gw_shard *shard)
{
    struct gw_map_cursor cursor;
    gw_map_first(&shard->routes.interests, &cursor);
    for (struct gw_map_node *node; (node = gw_map_next(&shard->routes.interests, &cursor));) {
        struct gw_interest *interest = GW_CONTAINER(node, struct gw_interest, node);
        interest->here = 0;
        interest->told = 0;
        settle(shard, interest);
    }
    gw_map_fini(&shard->routes.interests);
}

/* The shard that is to hear knows by itself. */
static void broadcast(struct gw_shard *shard, struct gw_span filter, unsigned owner, bool wanted)
{
    struct gw_blob *blob = gw_blob_new(filter.size);
    GW_ASSERT(blob != NULL);
    memcpy(blob->data, filter.data, filter.size);
    for (unsigned to = 0; to < shard->world->shard_count; to++)
        if (to != shard->index && to != owner)
            gw_relay_post(shard, to,
                          &(struct gw_relay_event){.kind = GW_RELAY_INTEREST,
                                                   .blob = gw_blob_ref(blob),
                                                   .target = owner,
                                                   .flags = wanted});
    gw_blob_unref(&blob);
}

void gw_interest_add(struct gw_shard *shard, struct gw_span filter, unsigned owner)
{
    if (shard->world->shard_count == 1)
        return;
    struct gw_interest *interest = interest_at(shard, filter, owner);
    if (interest->here++ > 0)
        return;
    broadcast(shard, filter, owner, true);
    settle(shard, interest);
}

void gw_interest_drop(struct gw_shard *shard, struct gw_span filter, unsigned owner)
{
    if (shard->world->shard_count == 1)
        return;
    struct gw_interest *interest = interest_at(shard, filter, owner);
    GW_ASSERT(interest->here > 0);
    if (--interest->here > 0)
        return;
    broadcast(shard, filter, owner, false);
    settle(shard, interest);
}

void gw_interest_on_event(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_span filter = gw_span_of(event->blob->data, event->blob->size);
    struct gw_interest *interest = interest_at(shard, filter, (unsigned)event->target);
    uint64_t bit = (uint64_t)1 << event->from;
    interest->told = event->flags ? interest->told | bit : interest->told & ~bit;
    settle(shard, interest);
    gw_blob_unref(&event->blob);
}
