#include "broker/group.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/deliverer.h"
#include "broker/interest.h"
#include "broker/router.h"
#include "topic/name.h"
#include "topic/share.h"

struct gw_group {
    struct gw_target target;
    struct gw_map_node node;
    struct gw_share share;
    struct gw_outbox queue; /* what no member can take now; only its `queued` part is used */
    uint32_t persistent_count;
    uint16_t text_size;
    uint8_t text[]; /* the whole filter, $share included */
};

struct member {
    struct gw_share_member base;
    struct gw_group *group;
    uint64_t handle;  /* names it here; the `share` of what is handed to it */
    uint64_t session; /* names it there */
    uint32_t id;      /* subscription identifier, 0 = none */
    uint8_t qos;
    bool retain_as_published;
    bool persistent;
    bool online;
};

static struct gw_span group_key(const struct gw_map_node *node)
{
    const struct gw_group *group = GW_CONTAINER_CONST(node, struct gw_group, node);
    return gw_span_of(group->text, group->text_size);
}

void gw_group_init(struct gw_shard *shard)
{
    gw_map_init(&shard->routes.groups, group_key, shard->world->services.seed);
    gw_handles_init(&shard->routes.members, shard->index);
}

struct gw_group *gw_group_of(struct gw_target *target)
{
    return GW_CONTAINER(target, struct gw_group, target);
}

static struct gw_span bare_filter(const struct gw_group *group)
{
    struct gw_filter_parts parts;
    enum gw_status status = gw_filter_split(gw_span_of(group->text, group->text_size), 0, &parts);
    GW_ASSERT(status == GW_OK && parts.shared);
    return parts.filter;
}

static void group_free(struct gw_shard *shard, struct gw_group *group)
{
    gw_outbox_fini(&group->queue, &shard->sessions.host);
    gw_shard_count_outbox(shard, &group->queue);
    gw_map_remove(&shard->routes.groups, &group->node);
    free(group);
}

void gw_group_fini(struct gw_shard *shard)
{
    struct gw_map_cursor cursor;
    gw_map_first(&shard->routes.groups, &cursor);
    for (struct gw_map_node *node; (node = gw_map_next(&shard->routes.groups, &cursor));) {
        struct gw_group *group = GW_CONTAINER(node, struct gw_group, node);
        while (!gw_list_empty(&group->share.members)) {
            struct gw_list *link = gw_list_pop_front(&group->share.members);
            struct gw_share_member *base = GW_CONTAINER(link, struct gw_share_member, link);
            free(GW_CONTAINER(base, struct member, base));
        }
        gw_subindex_remove(shard->routes.index, &group->target.entry);
        group_free(shard, group);
    }
    gw_map_fini(&shard->routes.groups);
    gw_handles_fini(&shard->routes.members);
}

/* -- the member's side -- */

static unsigned owner_of(const struct gw_shard *shard, struct gw_span text)
{
    return gw_shard_owner(shard, gw_shard_hash(shard, text));
}

static struct gw_blob *text_blob(struct gw_span text)
{
    struct gw_blob *blob = gw_blob_new(text.size);
    GW_ASSERT(blob != NULL);
    memcpy(blob->data, text.data, text.size);
    return blob;
}

static void tell(struct gw_shard *shard, enum gw_relay_kind kind,
                 const struct gw_subscription *subscription)
{
    struct gw_span text = gw_subscription_filter(subscription);
    const struct gw_session *session = subscription->session;
    const struct gw_subscription_options *options = &subscription->options;
    unsigned flags = (session->link ? (unsigned)GW_RELAY_ONLINE : 0u) |
                     (session->expiry > 0 ? (unsigned)GW_RELAY_PERSISTENT : 0u) |
                     (options->retain_as_published ? (unsigned)GW_RELAY_RETAIN_AS_PUBLISHED : 0u);
    struct gw_relay_event event = {
        .kind = (uint8_t)kind,
        .blob = text_blob(text),
        .origin = session->handle,
        .id = options->id,
        .qos = options->qos & 3u,
        .flags = flags & 0x3Fu,
    };
    gw_relay_post(shard, owner_of(shard, text), &event);
}

void gw_group_join(struct gw_shard *shard, const struct gw_subscription *subscription)
{
    struct gw_span text = gw_subscription_filter(subscription);
    struct gw_filter_parts parts;
    enum gw_status status = gw_filter_split(text, 0, &parts);
    GW_ASSERT(status == GW_OK);
    gw_interest_vouch(shard, parts.filter, owner_of(shard, text));
    tell(shard, GW_RELAY_JOIN, subscription);
}

void gw_group_leave(struct gw_shard *shard, const struct gw_subscription *subscription)
{
    tell(shard, GW_RELAY_LEAVE, subscription);
}

static void tell_all(struct gw_shard *shard, struct gw_session *session)
{
    GW_LIST_FOREACH (link, &session->subscriptions) {
        const struct gw_subscription *subscription =
            GW_CONTAINER(link, struct gw_subscription, link);
        if (subscription->shared)
            tell(shard, GW_RELAY_PRESENCE, subscription);
    }
}

void gw_group_on_online(struct gw_shard *shard, struct gw_session *session)
{
    tell_all(shard, session);
}

static void give_back(struct gw_shard *shard, struct gw_blob *message, uint64_t member)
{
    gw_relay_post(
        shard, gw_handles_owner(member),
        &(struct gw_relay_event){.kind = GW_RELAY_RETURN, .blob = message, .target = member});
}

void gw_group_on_offline(struct gw_shard *shard, struct gw_session *session)
{
    struct gw_list returned;
    tell_all(shard, session); /* first, so that nothing comes straight back */
    gw_list_init(&returned);
    gw_outbox_take_shared(&session->outbox, &returned);
    gw_shard_count_outbox(shard, &session->outbox);
    for (struct gw_list *link; (link = gw_list_pop_front(&returned)) != NULL;) {
        struct gw_delivery *delivery = GW_CONTAINER(link, struct gw_delivery, link);
        struct gw_blob *message = delivery->message;
        delivery->message = NULL;
        give_back(shard, message, delivery->share);
        gw_outbox_release(&shard->sessions.host, delivery);
    }
}

void gw_group_settled(void *user, uint64_t share)
{
    gw_relay_post(user, gw_handles_owner(share),
                  &(struct gw_relay_event){.kind = GW_RELAY_SETTLE, .target = share});
}

void gw_group_on_assign(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_session *session = gw_handles_get(&shard->sessions.handles, event->target);
    struct gw_message message;
    (void)now;
    gw_message_open(event->blob, &message);
    struct gw_delivery_options options = {
        .share = event->origin,
        .ids = &event->id,
        .id_count = event->id != 0 ? 1 : 0,
        .qos = gw_router_qos(&message, event->qos),
        .retain = message.retain && (event->flags & GW_RELAY_RETAIN_AS_PUBLISHED) != 0,
    };
    if (session && session->link) {
        if (!gw_deliverer_give(shard, session, &message, &options, options.qos > 0) &&
            options.qos > 0)
            gw_group_settled(shard, event->origin); /* it is lost; the member is free again */
        gw_blob_unref(&event->blob);
    } else { /* it has gone while this was on its way */
        give_back(shard, event->blob, event->origin);
    }
}

/* -- the group's side -- */

static uint32_t in_flight_max(const struct gw_shard *shard)
{
    return gw_shard_settings(shard)->limits.inflight * GW_GROUP_IN_FLIGHT_FACTOR;
}

static bool is_sticky(const struct gw_share *share)
{
    return share->strategy == GW_SHARE_STICKY_CLIENT || share->strategy == GW_SHARE_STICKY_TOPIC;
}

/* A member can be chosen while it is online and not full. */
static void update(struct gw_shard *shard, struct member *member)
{
    struct gw_share *share = &member->group->share;
    bool full = !is_sticky(share) && member->base.in_flight >= in_flight_max(shard);
    gw_share_set_online(share, &member->base, member->online && !full);
}

static void assign(struct gw_shard *shard, struct member *member, const struct gw_message *message)
{
    if (gw_router_qos(message, member->qos) > 0) {
        member->base.in_flight++;
        update(shard, member);
    }
    gw_relay_post(shard, gw_handles_owner(member->session),
                  &(struct gw_relay_event){
                      .kind = GW_RELAY_ASSIGN,
                      .blob = gw_blob_ref(message->blob),
                      .target = member->session,
                      .origin = member->handle,
                      .id = member->id,
                      .qos = member->qos & 3u,
                      .flags = member->retain_as_published ? GW_RELAY_RETAIN_AS_PUBLISHED : 0,
                  });
}

static struct member *choose(struct gw_group *group, const struct gw_message *message)
{
    struct gw_share_member *base =
        gw_share_choose(&group->share, message->publisher, message->topic_hash);
    return base ? GW_CONTAINER(base, struct member, base) : NULL;
}

/* Keeps a message until a member can take it. */
static void hold(struct gw_shard *shard, struct gw_group *group, struct gw_message *message)
{
    const struct gw_config *config = gw_shard_settings(shard);
    bool someone_online = false;
    GW_LIST_FOREACH (link, &group->share.members) {
        const struct gw_share_member *base = GW_CONTAINER(link, struct gw_share_member, link);
        someone_online |= GW_CONTAINER_CONST(base, struct member, base)->online;
    }
    bool worth = message->qos > 0 || config->limits.queue.qos0;
    if (!someone_online && (group->persistent_count == 0 || !worth))
        return;
    struct gw_outbox_limits limits = {
        .bytes_max = (size_t)config->shared.queue.bytes,
        .messages_max = config->shared.queue.messages,
        .policy = config->limits.queue.policy == GW_CONFIG_DROP_OLDEST ? GW_OUTBOX_DROP_OLDEST
                                                                       : GW_OUTBOX_DROP_NEWEST,
    };
    struct gw_delivery_options options = {.qos = 0};
    uint32_t evicted = 0;
    enum gw_status status =
        gw_outbox_push(&group->queue, &shard->sessions.host, message, &options, &limits, &evicted);
    gw_shard_count_outbox(shard, &group->queue);
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED, evicted + (status != GW_OK));
}

void gw_group_give(struct gw_shard *shard, struct gw_group *group, struct gw_message *message)
{
    enum gw_status status = gw_message_keep(message);
    GW_ASSERT(status == GW_OK);
    struct member *member = group->queue.queued_count == 0 ? choose(group, message) : NULL;
    if (member)
        assign(shard, member, message);
    else
        hold(shard, group, message);
}

/* Hands out what is queued as far as members can take it. */
static void drain(struct gw_shard *shard, struct gw_group *group)
{
    struct gw_outbox_host *host = &shard->sessions.host;
    struct gw_delivery *next;
    while ((next = gw_outbox_next(&group->queue, host, gw_loop_now(shard->loop))) != NULL) {
        struct gw_message message;
        gw_message_open(next->message, &message);
        struct member *member = choose(group, &message);
        if (!member)
            break;
        gw_blob_ref(message.blob);
        gw_outbox_sent(&group->queue, host, next);
        assign(shard, member, &message);
        gw_message_drop(&message);
    }
    gw_shard_count_outbox(shard, &group->queue);
}

static struct gw_group *find_group(struct gw_shard *shard, struct gw_span text)
{
    struct gw_map_node *node = gw_map_find(&shard->routes.groups, text);
    return node ? GW_CONTAINER(node, struct gw_group, node) : NULL;
}

static struct gw_group *group_at(struct gw_shard *shard, struct gw_span text)
{
    struct gw_group *group = find_group(shard, text);
    if (group)
        return group;
    group = calloc(1, sizeof(*group) + text.size);
    GW_ASSERT(group != NULL);
    group->target.kind = GW_TARGET_GROUP;
    group->text_size = (uint16_t)text.size;
    memcpy(group->text, text.data, text.size);
    gw_share_init(&group->share, gw_shard_settings(shard)->shared.strategy);
    gw_outbox_init(&group->queue);
    enum gw_status status = gw_map_insert(&shard->routes.groups, &group->node);
    if (status == GW_OK)
        status = gw_subindex_add(shard->routes.index, bare_filter(group), &group->target.entry);
    GW_ASSERT(status == GW_OK);
    gw_interest_add(shard, bare_filter(group));
    return group;
}

static struct member *find_member(struct gw_group *group, uint64_t session)
{
    GW_LIST_FOREACH (link, &group->share.members) {
        struct gw_share_member *base = GW_CONTAINER(link, struct gw_share_member, link);
        struct member *member = GW_CONTAINER(base, struct member, base);
        if (member->session == session)
            return member;
    }
    return NULL;
}

static void set_state(struct gw_shard *shard, struct member *member,
                      const struct gw_relay_event *event)
{
    bool persistent = (event->flags & GW_RELAY_PERSISTENT) != 0;
    member->group->persistent_count += (uint32_t)persistent - (uint32_t)member->persistent;
    member->persistent = persistent;
    member->online = (event->flags & GW_RELAY_ONLINE) != 0;
    member->id = event->id;
    member->qos = event->qos;
    member->retain_as_published = (event->flags & GW_RELAY_RETAIN_AS_PUBLISHED) != 0;
    update(shard, member);
}

void gw_group_on_join(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_span text = gw_span_of(event->blob->data, event->blob->size);
    struct gw_group *group = group_at(shard, text);
    struct member *member = find_member(group, event->origin);
    if (!member) {
        member = calloc(1, sizeof(*member));
        GW_ASSERT(member != NULL);
        member->group = group;
        member->session = event->origin;
        member->base.key_hash = gw_hash_mix(shard->world->services.seed, event->origin);
        enum gw_status status = gw_handles_add(&shard->routes.members, member, &member->handle);
        GW_ASSERT(status == GW_OK);
        gw_share_add(&group->share, &member->base);
    }
    set_state(shard, member, event);
    drain(shard, group);
    gw_blob_unref(&event->blob);
}

void gw_group_on_leave(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_span text = gw_span_of(event->blob->data, event->blob->size);
    struct gw_group *group = find_group(shard, text);
    struct member *member = group ? find_member(group, event->origin) : NULL;
    if (member) {
        group->persistent_count -= member->persistent;
        gw_share_remove(&group->share, &member->base);
        gw_handles_remove(&shard->routes.members, member->handle);
        free(member);
        if (group->share.member_count == 0) {
            gw_subindex_remove(shard->routes.index, &group->target.entry);
            gw_interest_drop(shard, bare_filter(group));
            group_free(shard, group);
        }
    }
    gw_blob_unref(&event->blob);
}

void gw_group_on_presence(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_span text = gw_span_of(event->blob->data, event->blob->size);
    struct gw_group *group = find_group(shard, text);
    struct member *member = group ? find_member(group, event->origin) : NULL;
    if (member) {
        set_state(shard, member, event);
        if (member->online)
            drain(shard, group);
    }
    gw_blob_unref(&event->blob);
}

static void settle(struct gw_shard *shard, struct member *member)
{
    if (member->base.in_flight > 0)
        member->base.in_flight--;
    update(shard, member);
}

void gw_group_on_settle(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct member *member = gw_handles_get(&shard->routes.members, event->target);
    if (!member)
        return;
    settle(shard, member);
    if (member->group->queue.queued_count > 0)
        drain(shard, member->group);
}

void gw_group_on_return(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct member *member = gw_handles_get(&shard->routes.members, event->target);
    if (member) {
        struct gw_message message;
        gw_message_open(event->blob, &message);
        if (gw_router_qos(&message, member->qos) > 0)
            settle(shard, member);
        gw_group_give(shard, member->group, &message);
    }
    gw_blob_unref(&event->blob);
}
