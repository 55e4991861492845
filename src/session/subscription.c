#include "session/subscription.h"

#include <stdlib.h>

static void write_handle(uint8_t *at, uint64_t handle)
{
    memcpy(at, &handle, GW_SUBSCRIPTION_HANDLE_SIZE);
}

struct gw_subscription *gw_subscription_new(struct gw_session *session, uint64_t handle,
                                            struct gw_span filter)
{
    struct gw_subscription *subscription =
        calloc(1, sizeof(*subscription) + GW_SUBSCRIPTION_HANDLE_SIZE + filter.size);
    if (!subscription)
        return NULL;
    subscription->target.kind = GW_TARGET_SUBSCRIPTION;
    subscription->session = session;
    subscription->filter_size = (uint16_t)filter.size;
    gw_list_init(&subscription->link);
    write_handle(subscription->key, handle);
    memcpy(subscription->key + GW_SUBSCRIPTION_HANDLE_SIZE, filter.data, filter.size);
    return subscription;
}

void gw_subscription_free(struct gw_subscription *subscription)
{
    free(subscription);
}

struct gw_span gw_subscription_key(const struct gw_map_node *node)
{
    const struct gw_subscription *subscription =
        GW_CONTAINER_CONST(node, struct gw_subscription, node);
    return gw_span_of(subscription->key,
                      GW_SUBSCRIPTION_HANDLE_SIZE + (size_t)subscription->filter_size);
}

struct gw_subscription *gw_subscription_find(const struct gw_map *map, uint64_t handle,
                                             struct gw_span filter)
{
    uint8_t key[GW_SUBSCRIPTION_HANDLE_SIZE + UINT16_MAX];
    write_handle(key, handle);
    memcpy(key + GW_SUBSCRIPTION_HANDLE_SIZE, filter.data, filter.size);
    struct gw_map_node *node =
        gw_map_find(map, gw_span_of(key, GW_SUBSCRIPTION_HANDLE_SIZE + filter.size));
    return node ? GW_CONTAINER(node, struct gw_subscription, node) : NULL;
}
