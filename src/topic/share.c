#include "topic/share.h"

#include "base/hash.h"

static const char *const strategy_names[GW_SHARE_STRATEGY_COUNT] = {
    [GW_SHARE_ROUND_ROBIN] = "round_robin",
    [GW_SHARE_LEAST_IN_FLIGHT] = "least_in_flight",
    [GW_SHARE_STICKY_CLIENT] = "sticky_client",
    [GW_SHARE_STICKY_TOPIC] = "sticky_topic",
};

static struct gw_share_member *member_of(struct gw_list *link)
{
    return GW_CONTAINER(link, struct gw_share_member, link);
}

void gw_share_init(struct gw_share *share, enum gw_share_strategy strategy)
{
    share->strategy = strategy;
    gw_list_init(&share->online);
    gw_list_init(&share->offline);
    share->member_count = 0;
    share->online_count = 0;
}

void gw_share_add(struct gw_share *share, struct gw_share_member *member)
{
    gw_list_push_back(member->online ? &share->online : &share->offline, &member->link);
    share->member_count++;
    share->online_count += member->online;
}

void gw_share_remove(struct gw_share *share, struct gw_share_member *member)
{
    gw_list_remove(&member->link);
    share->member_count--;
    share->online_count -= member->online;
}

void gw_share_set_online(struct gw_share *share, struct gw_share_member *member, bool online)
{
    if (member->online == online)
        return;
    member->online = online;
    gw_list_remove(&member->link);
    gw_list_push_back(online ? &share->online : &share->offline, &member->link);
    if (online)
        share->online_count++;
    else
        share->online_count--;
}

/* The list's order is the order of turns: whoever is chosen goes to its end. */
static void take_turn(struct gw_share *share, struct gw_share_member *member)
{
    gw_list_remove(&member->link);
    gw_list_push_back(&share->online, &member->link);
}

static struct gw_share_member *choose_round_robin(struct gw_share *share)
{
    struct gw_share_member *member = member_of(share->online.next);
    take_turn(share, member);
    return member;
}

/* Ties go to the member whose turn is longest ago, so that idle members share alike. */
static struct gw_share_member *choose_least_in_flight(struct gw_share *share)
{
    struct gw_share_member *best = NULL;
    GW_LIST_FOREACH (link, &share->online) {
        struct gw_share_member *member = member_of(link);
        if (!best || member->in_flight < best->in_flight)
            best = member;
        if (best->in_flight == 0)
            break;
    }
    if (best)
        take_turn(share, best);
    return best;
}

/* Highest random weight: a member that leaves moves only its own keys, one that comes takes an
 * equal part of everybody's. Equal weights fall to the larger key, so list order never decides. */
static struct gw_share_member *choose_sticky(struct gw_share *share, uint64_t hash)
{
    struct gw_share_member *best = NULL;
    uint64_t best_weight = 0;
    GW_LIST_FOREACH (link, &share->online) {
        struct gw_share_member *member = member_of(link);
        uint64_t weight = gw_hash_mix(member->key_hash, hash);
        if (!best || weight > best_weight ||
            (weight == best_weight && member->key_hash > best->key_hash)) {
            best = member;
            best_weight = weight;
        }
    }
    return best;
}

struct gw_share_member *gw_share_choose(struct gw_share *share, uint64_t publisher_hash,
                                        uint64_t topic_hash)
{
    if (share->online_count == 0)
        return NULL;
    switch (share->strategy) {
    case GW_SHARE_LEAST_IN_FLIGHT: return choose_least_in_flight(share);
    case GW_SHARE_STICKY_CLIENT: return choose_sticky(share, publisher_hash);
    case GW_SHARE_STICKY_TOPIC: return choose_sticky(share, topic_hash);
    case GW_SHARE_ROUND_ROBIN:
    case GW_SHARE_STRATEGY_COUNT: break;
    }
    return choose_round_robin(share);
}

const char *gw_share_strategy_name(enum gw_share_strategy strategy)
{
    return (unsigned)strategy < GW_SHARE_STRATEGY_COUNT ? strategy_names[strategy] : "unknown";
}

enum gw_share_strategy gw_share_strategy_of(struct gw_span name)
{
    for (unsigned i = 0; i < GW_SHARE_STRATEGY_COUNT; i++) {
        if (gw_span_equal(name, gw_span_str(strategy_names[i])))
            return (enum gw_share_strategy)i;
    }
    return GW_SHARE_STRATEGY_COUNT;
}
