/*
 * topic/share: which member of a shared subscription gets the next message.
 *
 * Layer   topic (may include base). Pure, allocates nothing.
 * Owner   the loop that owns the group; not thread-safe.
 * Life    init on the caller's memory; members are intrusive and the caller's.
 * Limits  none of its own. Round robin takes constant time, the others look at the members online.
 */
#ifndef GW_TOPIC_SHARE_H
#define GW_TOPIC_SHARE_H

#include "base/list.h"
#include "base/random.h"
#include "base/span.h"

enum gw_share_strategy {
    GW_SHARE_ROUND_ROBIN,
    GW_SHARE_LEAST_IN_FLIGHT,
    GW_SHARE_STICKY_CLIENT, /* by the publisher's client id */
    GW_SHARE_STICKY_TOPIC,  /* by topic name */
    GW_SHARE_STRATEGY_COUNT
};

struct gw_share_member {
    struct gw_list link;
    uint64_t key_hash;  /* of the member's client id; spreads sticky choices (rendezvous) */
    uint32_t in_flight; /* messages handed over and not settled yet; the caller counts */
    bool online;
};

struct gw_share {
    enum gw_share_strategy strategy;
    struct gw_list online; /* in the order of their turns */
    struct gw_list offline;
    uint32_t member_count;
    uint32_t online_count;
};

void gw_share_init(struct gw_share *share, enum gw_share_strategy strategy);
void gw_share_add(struct gw_share *share, struct gw_share_member *member);
void gw_share_remove(struct gw_share *share, struct gw_share_member *member);
void gw_share_set_online(struct gw_share *share, struct gw_share_member *member, bool online);

/* True for strategies that keep to a member of their own accord. */
static inline bool gw_share_is_sticky(enum gw_share_strategy strategy)
{
    return strategy == GW_SHARE_STICKY_CLIENT || strategy == GW_SHARE_STICKY_TOPIC;
}

/* Chooses an online member; NULL if none is. Sticky strategies keep most choices when members come
 * and go (highest random weight over key_hash and the given hash). */
struct gw_share_member *gw_share_choose(struct gw_share *share, uint64_t publisher_hash,
                                        uint64_t topic_hash);

/* The name used in the configuration ("round_robin", …), and back; GW_SHARE_STRATEGY_COUNT if
 * unknown. */
const char *gw_share_strategy_name(enum gw_share_strategy strategy);
enum gw_share_strategy gw_share_strategy_of(struct gw_span name);

#endif
