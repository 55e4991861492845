#include "broker/interest.h"

#include <stdlib.h>

#include "base/assert.h"

enum { WANTED = 1, DURABLE = 2 }; /* flags of GW_RELAY_INTEREST */

struct gw_interest {
    struct gw_target target; /* in the index while somebody wants it and it is not for this shard */
    struct gw_map_node node;
    uint64_t told;         /* other shards that have subscriptions, one bit each */
    uint64_t told_durable; /* those of them that have durable ones */
    uint32_t here;         /* subscriptions of this shard */
    uint32_t here_durable; /* durable ones among them */
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

bool gw_interest_durable(const struct gw_target *target)
{
    const struct gw_interest *interest = GW_CONTAINER_CONST(target, struct gw_interest, target);
    return interest->here_durable > 0 || interest->told_durable != 0;
}

/* Finds or makes; a shard that cannot remember who wants what must not go on. */
static struct gw_interest *interest_at(struct gw_shard *shard, struct gw_span filter,
                                       unsigned owner)
{
    uint8_t key[1 + UINT16_MAX];
    GW_ASSERT(filter.size > 0);
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

/* What the others have to know of this shard: two bits. */
static unsigned word_of(const struct gw_interest *interest)
{
    return (interest->here > 0 ? (unsigned)WANTED : 0u) |
           (interest->here_durable > 0 ? (unsigned)DURABLE : 0u);
}

/* The shard that is to hear knows by itself. */
static void broadcast(struct gw_shard *shard, const struct gw_interest *interest)
{
    struct gw_span filter = filter_of(interest);
    unsigned owner = interest->key[0];
    struct gw_blob *blob = gw_blob_copy(filter);
    GW_ASSERT(blob != NULL);
    for (unsigned to = 0; to < shard->world->shard_count; to++)
        if (to != shard->index && to != owner)
            gw_relay_post(shard, to,
                          &(struct gw_relay_event){.kind = GW_RELAY_INTEREST,
                                                   .blob = gw_blob_ref(blob),
                                                   .target = owner,
                                                   .flags = word_of(interest) & 0x3Fu});
    gw_blob_unref(&blob);
}

/* One more or one fewer; the others hear if that changes anything for them. */
static void change(struct gw_shard *shard, struct gw_interest *interest, bool durable, int by)
{
    unsigned before = word_of(interest);
    interest->here += (uint32_t)by;
    interest->here_durable += durable ? (uint32_t)by : 0u;
    if (word_of(interest) != before)
        broadcast(shard, interest);
    settle(shard, interest);
}

void gw_interest_add(struct gw_shard *shard, struct gw_span filter, unsigned owner, bool durable)
{
    if (shard->world->shard_count == 1)
        return;
    change(shard, interest_at(shard, filter, owner), durable, 1);
}

void gw_interest_drop(struct gw_shard *shard, struct gw_span filter, unsigned owner, bool durable)
{
    if (shard->world->shard_count == 1)
        return;
    struct gw_interest *interest = interest_at(shard, filter, owner);
    GW_ASSERT(interest->here > 0 && interest->here_durable >= durable);
    change(shard, interest, durable, -1);
}

static uint64_t with_bit(uint64_t bits, uint64_t bit, bool is_set)
{
    return is_set ? bits | bit : bits & ~bit;
}

void gw_interest_on_event(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_span filter = gw_blob_span(event->blob);
    struct gw_interest *interest = interest_at(shard, filter, (unsigned)event->target);
    uint64_t bit = (uint64_t)1 << event->from;
    interest->told = with_bit(interest->told, bit, (event->flags & WANTED) != 0);
    interest->told_durable = with_bit(interest->told_durable, bit, (event->flags & DURABLE) != 0);
    settle(shard, interest);
    gw_blob_unref(&event->blob);
}
