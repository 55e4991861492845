#include "broker/interest.h"

#include <stdlib.h>

#include "base/assert.h"

struct gw_interest {
    struct gw_target target; /* in the index while `loops` is not empty */
    struct gw_map_node node;
    uint64_t loops; /* other shards that want it */
    uint32_t local; /* subscriptions and groups here */
    uint16_t filter_size;
    uint8_t filter[];
};

static struct gw_span interest_key(const struct gw_map_node *node)
{
    const struct gw_interest *interest = GW_CONTAINER_CONST(node, struct gw_interest, node);
    return gw_span_of(interest->filter, interest->filter_size);
}

void gw_interest_init(struct gw_shard *shard)
{
    gw_map_init(&shard->routes.interests, interest_key, shard->world->services.seed);
}

void gw_interest_fini(struct gw_shard *shard)
{
    struct gw_map_cursor cursor;
    gw_map_first(&shard->routes.interests, &cursor);
    for (struct gw_map_node *node; (node = gw_map_next(&shard->routes.interests, &cursor));) {
        struct gw_interest *interest = GW_CONTAINER(node, struct gw_interest, node);
        gw_subindex_remove(shard->routes.index, &interest->target.entry);
        free(interest);
    }
    gw_map_fini(&shard->routes.interests);
}

uint64_t gw_interest_loops(const struct gw_target *target)
{
    return GW_CONTAINER_CONST(target, struct gw_interest, target)->loops;
}

/* Finds or makes; a shard that cannot remember who wants what must not go on. */
static struct gw_interest *interest_at(struct gw_shard *shard, struct gw_span filter)
{
    struct gw_map_node *node = gw_map_find(&shard->routes.interests, filter);
    if (node)
        return GW_CONTAINER(node, struct gw_interest, node);
    struct gw_interest *interest = calloc(1, sizeof(*interest) + filter.size);
    GW_ASSERT(interest != NULL);
    interest->target.kind = GW_TARGET_INTEREST;
    interest->filter_size = (uint16_t)filter.size;
    memcpy(interest->filter, filter.data, filter.size);
    enum gw_status status = gw_map_insert(&shard->routes.interests, &interest->node);
    GW_ASSERT(status == GW_OK);
    return interest;
}

static void free_if_unused(struct gw_shard *shard, struct gw_interest *interest)
{
    if (interest->local > 0 || interest->loops != 0)
        return;
    gw_map_remove(&shard->routes.interests, &interest->node);
    free(interest);
}

/* Tells every shard but the one that it is about. */
static void broadcast(struct gw_shard *shard, struct gw_span filter, bool wanted, unsigned owner)
{
    struct gw_blob *blob = gw_blob_new(filter.size);
    GW_ASSERT(blob != NULL);
    memcpy(blob->data, filter.data, filter.size);
    for (unsigned to = 0; to < shard->world->shard_count; to++)
        if (to != owner)
            gw_relay_post(shard, to,
                          &(struct gw_relay_event){.kind = GW_RELAY_INTEREST,
                                                   .blob = gw_blob_ref(blob),
                                                   .target = owner,
                                                   .flags = wanted});
    gw_blob_unref(&blob);
}

void gw_interest_vouch(struct gw_shard *shard, struct gw_span filter, unsigned owner)
{
    if (owner == shard->index)
        return;
    broadcast(shard, filter, true, owner);
    for (unsigned to = 0; to < shard->world->shard_count; to++)
        if (to != owner && to != shard->index)
            gw_relay_flush_to(shard, to);
}

void gw_interest_add(struct gw_shard *shard, struct gw_span filter)
{
    if (shard->world->shard_count == 1)
        return;
    if (interest_at(shard, filter)->local++ == 0)
        broadcast(shard, filter, true, shard->index);
}

void gw_interest_drop(struct gw_shard *shard, struct gw_span filter)
{
    if (shard->world->shard_count == 1)
        return;
    struct gw_interest *interest = interest_at(shard, filter);
    GW_ASSERT(interest->local > 0);
    if (--interest->local > 0)
        return;
    broadcast(shard, filter, false, shard->index);
    free_if_unused(shard, interest);
}

void gw_interest_on_event(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_span filter = gw_span_of(event->blob->data, event->blob->size);
    struct gw_interest *interest = interest_at(shard, filter);
    uint64_t bit = (uint64_t)1 << event->target;
    uint64_t before = interest->loops;
    interest->loops = event->flags ? before | bit : before & ~bit;
    if (before == 0 && interest->loops != 0) {
        enum gw_status status =
            gw_subindex_add(shard->routes.index, filter, &interest->target.entry);
        GW_ASSERT(status == GW_OK);
    } else if (before != 0 && interest->loops == 0) {
        gw_subindex_remove(shard->routes.index, &interest->target.entry);
    }
    free_if_unused(shard, interest);
    gw_blob_unref(&event->blob);
}
