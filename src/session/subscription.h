/*
 * session/subscription: one subscription of one session, found by (session, topic filter).
 *
 * Layer   session (may include proto, topic, wire, base). Pure; malloc when one is made.
 * Owner   the loop of its session; not thread-safe.
 * Life    new/free; lives in a map of all subscriptions of a loop, in a list of its session, and,
 *         if not shared, in the subscription index.
 * Limits  the caller counts (limits.subscriptions).
 */
#ifndef GW_SESSION_SUBSCRIPTION_H
#define GW_SESSION_SUBSCRIPTION_H

#include "base/map.h"
#include "topic/name.h"
#include "topic/subindex.h"
#include "wire/subscribe.h"

struct gw_session;

/* What a member of the subscription index is; the index itself does not care. */
enum gw_target_kind {
    GW_TARGET_SUBSCRIPTION, /* gw_subscription of this loop */
    GW_TARGET_GROUP,        /* a shared group that this loop owns */
    GW_TARGET_INTEREST,     /* other loops that want the filter */
};

/* Base of everything that stands in a subscription index. */
struct gw_target {
    struct gw_subindex_entry entry;
    uint8_t kind; /* enum gw_target_kind */
};

struct gw_subscription_options {
    uint32_t id; /* subscription identifier, 0 = none */
    uint8_t qos; /* granted */
    bool no_local;
    bool retain_as_published;
};

struct gw_subscription {
    struct gw_target target; /* in the index, unless shared */
    struct gw_map_node node; /* in the loop's map, by key */
    struct gw_list link;     /* in its session */
    struct gw_session *session;
    void *replay; /* of its retained messages, under way; the broker's, NULL if none */
    struct gw_subscription_options options;
    bool shared;
    bool unchecked;       /* each message has to be judged; the broker's */
    uint16_t filter_size; /* of the whole text, $share included */
    uint8_t key[];        /* session handle (8 bytes), then the whole text */
};

#define GW_SUBSCRIPTION_HANDLE_SIZE 8u

/* Makes a subscription that is in no list yet; NULL when memory is out. */
struct gw_subscription *gw_subscription_new(struct gw_session *session, uint64_t handle,
                                            struct gw_span filter);
/* Releases it; it must be out of index, map and list. NULL is fine. */
void gw_subscription_free(struct gw_subscription *subscription);

/* Memory held, but for its place in the index. */
static inline size_t gw_subscription_bytes(const struct gw_subscription *subscription)
{
    return sizeof(*subscription) + GW_SUBSCRIPTION_HANDLE_SIZE + subscription->filter_size;
}

/* The filter as the client wrote it. */
static inline struct gw_span gw_subscription_filter(const struct gw_subscription *subscription)
{
    return gw_span_of(subscription->key + GW_SUBSCRIPTION_HANDLE_SIZE, subscription->filter_size);
}

/* Key function of the loop's map. */
struct gw_span gw_subscription_key(const struct gw_map_node *node);

/* Finds a session's subscription by its whole filter text, or NULL. */
struct gw_subscription *gw_subscription_find(const struct gw_map *map, uint64_t handle,
                                             struct gw_span filter);

#endif
