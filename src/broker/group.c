#include "broker/group.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/debts.h"
#include "broker/deliverer.h"
#include "broker/interest.h"
#include "broker/journal.h"
#include "broker/router.h"
#include "topic/name.h"
#include "topic/share.h"

#define FULL_TOLD_PERIOD (10 * GW_NS_PER_S)
#define QUEUED_MAX       16384u /* of its queue, the oldest, that move with their segments */

struct gw_group {
    struct gw_target target;
    struct gw_map_node node;
    struct gw_list waiting; /* in shard->routes.waiting */
    struct gw_share share;
    struct gw_outbox queue; /* what no member can take now; only its `queued` part is used */
    uint64_t handle;        /* the `share` of what is handed out */
    uint64_t serial;        /* names it in the log; 0 = it is not there */
    uint32_t online_count;  /* members whose clients are there, full or not */
    uint32_t persistent_count;
    struct gw_debts debts;   /* with a serial: what it is owed */
    uint32_t full_untold;    /* messages dropped since the log was told */
    gw_mono_ns full_told_at; /* 0: never */
    uint16_t text_size;
    uint8_t text[]; /* the whole filter, $share included */
};

/* Names a member: these bytes are its key. */
struct membership {
    uint64_t group;   /* handle */
    uint64_t session; /* handle, on its own shard */
};

struct member {
    struct gw_share_member base;
    struct gw_map_node node;
    struct gw_group *group;
    struct membership key;
    uint32_t id; /* subscription identifier, 0 = none */
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

static struct gw_span member_key(const struct gw_map_node *node)
{
    const struct member *member = GW_CONTAINER_CONST(node, struct member, node);
    return gw_span_of(&member->key, sizeof(member->key));
}

void gw_group_init(struct gw_shard *shard)
{
    gw_map_init(&shard->routes.groups, group_key, shard->world->services.seed);
    gw_map_init(&shard->routes.members, member_key, shard->world->services.seed);
    gw_handles_init(&shard->routes.group_handles, shard->index);
    gw_list_init(&shard->routes.waiting);
}

struct gw_group *gw_group_of(struct gw_target *target)
{
    return GW_CONTAINER(target, struct gw_group, target);
}

bool gw_group_is_durable(const struct gw_group *group)
{
    return group->serial != 0;
}

uint64_t gw_group_serial(const struct gw_group *group)
{
    return group->serial;
}

static struct gw_span bare_filter(struct gw_span text)
{
    struct gw_filter_parts parts;
    enum gw_status status = gw_filter_split(text, 0, &parts);
    GW_ASSERT(status == GW_OK && parts.shared);
    return parts.filter;
}

/* One of its members has had the message, or nobody will. */
static void settle_debt(struct gw_shard *shard, struct gw_group *group, uint32_t order)
{
    if (order == 0 || !gw_debts_has(&group->debts, order))
        return;
    gw_journal_group_settled(shard, group->serial, order); /* while the message is still held */
    (void)gw_debts_settle(&group->debts, order);
}

/* The group is owed a message, if the log has it; returns what it calls it, 0: nothing. */
static uint32_t owe(struct gw_shard *shard, struct gw_group *group, struct gw_blob *blob)
{
    if (group->serial == 0 || gw_blob_position(blob) == 0)
        return 0;
    uint32_t order = gw_debts_add(&group->debts, blob);
    gw_journal_group_owe(shard, group->serial, order, blob);
    return order;
}

static void group_free(struct gw_shard *shard, struct gw_group *group)
{
    gw_journal_group_end(shard, group->serial);
    gw_debts_fini(&group->debts);
    gw_subindex_remove(shard->routes.index, &group->target.entry);
    gw_outbox_fini(&group->queue, &shard->sessions.host);
    gw_shard_count_outbox(shard, &group->queue);
    gw_map_remove(&shard->routes.groups, &group->node);
    gw_handles_remove(&shard->routes.group_handles, group->handle);
    gw_list_remove(&group->waiting);
    gw_shard_count_state(shard, -(int64_t)(sizeof(*group) + group->text_size));
    free(group);
}

static void member_free(struct gw_shard *shard, struct member *member)
{
    gw_map_remove(&shard->routes.members, &member->node);
    gw_shard_count_state(shard, -(int64_t)sizeof(*member));
    free(member);
}

void gw_group_fini(struct gw_shard *shard)
{
    struct gw_map_cursor cursor;
    struct gw_map_node *node;
    gw_map_first(&shard->routes.members, &cursor);
    while ((node = gw_map_next(&shard->routes.members, &cursor)))
        member_free(shard, GW_CONTAINER(node, struct member, node));
    gw_map_first(&shard->routes.groups, &cursor);
    while ((node = gw_map_next(&shard->routes.groups, &cursor)))
        group_free(shard, GW_CONTAINER(node, struct gw_group, node));
    gw_map_fini(&shard->routes.members);
    gw_map_fini(&shard->routes.groups);
    gw_handles_fini(&shard->routes.group_handles);
}

/* -- the member's side -- */

static unsigned owner_of(const struct gw_shard *shard, struct gw_span text)
{
    return gw_shard_owner(shard, gw_shard_hash(shard, text));
}

static struct gw_blob *text_blob(struct gw_span text)
{
    struct gw_blob *blob = gw_blob_copy(text);
    GW_ASSERT(blob != NULL);
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

void gw_group_join(struct gw_shard *shard, const struct gw_subscription *subscription, bool is_new)
{
    struct gw_span text = gw_subscription_filter(subscription);
    if (is_new)
        gw_interest_add(shard, bare_filter(text), owner_of(shard, text),
                        subscription->session->serial != 0);
    tell(shard, GW_RELAY_JOIN, subscription);
}

void gw_group_leave(struct gw_shard *shard, const struct gw_subscription *subscription)
{
    struct gw_span text = gw_subscription_filter(subscription);
    tell(shard, GW_RELAY_LEAVE, subscription);
    gw_interest_drop(shard, bare_filter(text), owner_of(shard, text),
                     subscription->session->serial != 0);
}

static void tell_all(struct gw_shard *shard, struct gw_session *session)
{
    if (session->shared_count == 0)
        return;
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

/* Gives back what others may deliver; owned: unless the session has left the group. */
static void give_back_all(struct gw_shard *shard, struct gw_session *session, bool owned)
{
    struct gw_list returned;
    gw_list_init(&returned);
    gw_outbox_take_shared(&session->outbox, &shard->sessions.host, &returned);
    gw_shard_count_outbox(shard, &session->outbox);
    for (struct gw_list *link; (link = gw_list_pop_front(&returned)) != NULL;) {
        struct gw_delivery *delivery = GW_CONTAINER(link, struct gw_delivery, link);
        unsigned flags = (owned ? (unsigned)GW_RELAY_OWNED : 0u) |
                         (delivery->retain ? (unsigned)GW_RELAY_RETAIN_AS_PUBLISHED : 0u);
        struct gw_relay_event event = {
            .kind = GW_RELAY_RETURN,
            .blob = delivery->message,
            .target = delivery->share,
            .origin = session->handle,
            .serial = delivery->group,
            .id = delivery->id,
            .order = delivery->group_order,
            .qos = delivery->qos & 3u,
            .flags = flags & 0x3Fu,
        };
        delivery->message = NULL;
        gw_outbox_release(&shard->sessions.host, delivery);
        gw_relay_post(shard, gw_handles_owner(event.target), &event);
    }
}

void gw_group_on_offline(struct gw_shard *shard, struct gw_session *session)
{
    tell_all(shard, session); /* first, so that nothing comes straight back */
    give_back_all(shard, session, session->expiry > 0);
}

void gw_group_on_end(struct gw_shard *shard, struct gw_session *session)
{
    give_back_all(shard, session, false);
}

void gw_group_settled(void *user, struct gw_outbox *outbox, uint64_t share, uint32_t group_order)
{
    const struct gw_session *session = GW_CONTAINER(outbox, struct gw_session, outbox);
    gw_relay_post(user, gw_handles_owner(share),
                  &(struct gw_relay_event){.kind = GW_RELAY_SETTLE,
                                           .target = share,
                                           .origin = session->handle,
                                           .order = group_order});
}

void gw_group_on_assign(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_session *session = gw_handles_get(&shard->sessions.handles, event->target);
    bool owned = (event->flags & GW_RELAY_OWNED) != 0;
    struct gw_message message;
    (void)now;
    gw_message_open(event->blob, &message);
    struct gw_delivery_options options = {
        .share = event->origin,
        .group = event->serial,
        .group_order = event->order,
        .ids = &event->id,
        .id_count = event->id != 0 ? 1 : 0,
        .qos = gw_router_qos(&message, event->qos),
        .retain = message.retain && (event->flags & GW_RELAY_RETAIN_AS_PUBLISHED) != 0,
    };
    if (session && (session->link || owned)) {
        /* The group bounds what a member holds, unless it is to be sticky. */
        bool bounded =
            options.qos == 0 || gw_share_is_sticky(gw_shard_settings(shard)->shared.strategy);
        if (!gw_deliverer_give(shard, session, &message, &options, !bounded) && options.qos > 0)
            gw_group_settled(shard, &session->outbox, event->origin,
                             event->order); /* lost: it is free again */
        gw_blob_unref(&event->blob);
        return;
    }
    /* It has gone while this was on its way. */
    gw_relay_post(shard, gw_handles_owner(event->origin),
                  &(struct gw_relay_event){.kind = GW_RELAY_RETURN,
                                           .blob = event->blob,
                                           .target = event->origin,
                                           .origin = event->target,
                                           .order = event->order,
                                           .qos = options.qos & 3u});
}

/* -- the group's side -- */

static uint32_t in_flight_max(const struct gw_shard *shard)
{
    return gw_shard_settings(shard)->limits.inflight * GW_GROUP_IN_FLIGHT_FACTOR;
}

/* A member can be chosen while it is online and not full. */
static void update(struct gw_shard *shard, struct member *member)
{
    struct gw_share *share = &member->group->share;
    bool full =
        !gw_share_is_sticky(share->strategy) && member->base.in_flight >= in_flight_max(shard);
    gw_share_set_online(share, &member->base, member->online && !full);
}

static void assign(struct gw_shard *shard, struct member *member, const struct gw_message *message,
                   uint32_t order)
{
    if (gw_router_qos(message, member->qos) > 0) {
        member->base.in_flight++;
        update(shard, member);
    } else { /* nobody will say that it arrived */
        settle_debt(shard, member->group, order);
    }
    gw_relay_post(shard, gw_handles_owner(member->key.session),
                  &(struct gw_relay_event){
                      .kind = GW_RELAY_ASSIGN,
                      .blob = gw_blob_ref(message->blob),
                      .target = member->key.session,
                      .origin = member->key.group,
                      .serial = member->group->serial,
                      .id = member->id,
                      .order = order,
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

/* Logs that messages were dropped: at once, from then on once in a while with what came together.
 */
static void log_full(const struct gw_shard *shard, struct gw_group *group, uint32_t count)
{
    gw_mono_ns now = gw_loop_now(shard->loop);
    group->full_untold += count;
    if (group->full_told_at != 0 && now < group->full_told_at + FULL_TOLD_PERIOD)
        return;
    struct gw_log_field fields[] = {
        gw_log_text("filter", gw_span_of(group->text, group->text_size)),
        gw_log_number("queued", group->queue.queued_count),
        gw_log_number("queued_bytes", (int64_t)group->queue.queued_bytes),
        gw_log_number("dropped", group->full_untold),
    };
    group->full_told_at = now;
    group->full_untold = 0;
    gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "group.full",
                 "a shared subscription's queue is full: messages are dropped", fields,
                 GW_COUNT_OF(fields));
}

/* Keeps a message until a member can take it. bounded: unless its queue is full. */
static void hold(struct gw_shard *shard, struct gw_group *group, struct gw_message *message,
                 uint32_t order, bool bounded)
{
    const struct gw_config *config = gw_shard_settings(shard);
    bool worth = message->qos > 0 || config->limits.queue.qos0;
    if (group->online_count == 0 && (group->persistent_count == 0 || !worth)) {
        settle_debt(shard, group, order);
        return;
    }
    struct gw_outbox_limits limits = {
        .bytes_max = (size_t)config->shared.queue.bytes,
        .messages_max = config->shared.queue.messages,
        .policy = config->limits.queue.policy == GW_CONFIG_DROP_OLDEST ? GW_OUTBOX_DROP_OLDEST
                                                                       : GW_OUTBOX_DROP_NEWEST,
        .now = gw_loop_now(shard->loop),
    };
    struct gw_delivery_options options = {.group_order = order};
    uint32_t evicted = 0;
    enum gw_status status = gw_outbox_push(&group->queue, &shard->sessions.host, message, &options,
                                           bounded ? &limits : NULL, &evicted);
    gw_shard_count_outbox(shard, &group->queue);
    if (evicted == 0 && status == GW_OK)
        return;
    if (status != GW_OK)
        settle_debt(shard, group, order);
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED, evicted + (status != GW_OK));
    log_full(shard, group, evicted + (status != GW_OK));
}

static void give(struct gw_shard *shard, struct gw_group *group, struct gw_message *message,
                 uint32_t order)
{
    struct member *member = group->queue.queued_count == 0 ? choose(group, message) : NULL;
    if (member)
        assign(shard, member, message, order);
    else
        hold(shard, group, message, order, true);
}

void gw_group_give(struct gw_shard *shard, struct gw_group *group, struct gw_message *message)
{
    enum gw_status status = gw_message_keep(message);
    GW_ASSERT(status == GW_OK);
    give(shard, group, message, message->qos > 0 ? owe(shard, group, message->blob) : 0);
}

void gw_group_dropped(void *user, struct gw_outbox *outbox, uint32_t group_order)
{
    settle_debt(user, GW_CONTAINER(outbox, struct gw_group, queue), group_order);
}

/* Hands out what is queued as far as members can take it. */
static void drain(struct gw_shard *shard, struct gw_group *group)
{
    struct gw_outbox_host *host = &shard->sessions.host;
    uint64_t dropped = group->queue.dropped;
    struct gw_delivery *next;
    while ((next = gw_outbox_next(&group->queue, host, gw_loop_now(shard->loop))) != NULL) {
        struct gw_message message;
        gw_message_open(next->message, &message);
        struct member *member = choose(group, &message);
        if (!member)
            break;
        gw_blob_ref(message.blob);
        uint32_t order = next->group_order;
        gw_outbox_sent(&group->queue, host, next);
        assign(shard, member, &message, order);
        gw_message_drop(&message);
    }
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED,
                   (int64_t)(group->queue.dropped - dropped));
    gw_shard_count_outbox(shard, &group->queue);
}

/* Somebody may be able to take what is queued. */
static void want_drain(struct gw_shard *shard, struct gw_group *group)
{
    if (group->queue.queued_count == 0 || group->share.online_count == 0 ||
        !gw_list_empty(&group->waiting))
        return;
    gw_list_push_back(&shard->routes.waiting, &group->waiting);
    gw_shard_want_turn(shard);
}

void gw_group_run(struct gw_shard *shard)
{
    struct gw_list now; /* those who want it again get it in the next turn */
    gw_list_init(&now);
    gw_list_splice_back(&now, &shard->routes.waiting);
    for (struct gw_list *link; (link = gw_list_pop_front(&now)) != NULL;)
        drain(shard, GW_CONTAINER(link, struct gw_group, waiting));
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
    GW_ASSERT(group != NULL && text.size > 0);
    group->target.kind = GW_TARGET_GROUP;
    group->text_size = (uint16_t)text.size;
    memcpy(group->text, text.data, text.size);
    gw_share_init(&group->share, gw_shard_settings(shard)->shared.strategy);
    gw_outbox_init(&group->queue);
    gw_debts_init(&group->debts);
    gw_list_init(&group->waiting);
    enum gw_status status = gw_map_insert(&shard->routes.groups, &group->node);
    if (status == GW_OK)
        status = gw_handles_add(&shard->routes.group_handles, group, &group->handle);
    if (status == GW_OK)
        status = gw_subindex_add(shard->routes.index, bare_filter(text), &group->target.entry);
    GW_ASSERT(status == GW_OK);
    gw_shard_count_state(shard, (int64_t)(sizeof(*group) + text.size));
    return group;
}

static struct member *find_member(struct gw_shard *shard, const struct gw_group *group,
                                  uint64_t session)
{
    struct membership key = {group->handle, session};
    struct gw_map_node *node = gw_map_find(&shard->routes.members, gw_span_of(&key, sizeof(key)));
    return node ? GW_CONTAINER(node, struct member, node) : NULL;
}

static struct member *member_at(struct gw_shard *shard, struct gw_group *group, uint64_t session)
{
    struct member *member = find_member(shard, group, session);
    if (member)
        return member;
    member = calloc(1, sizeof(*member));
    GW_ASSERT(member != NULL);
    member->group = group;
    member->key = (struct membership){group->handle, session};
    member->base.key_hash = gw_hash_mix(shard->world->services.seed, session);
    enum gw_status status = gw_map_insert(&shard->routes.members, &member->node);
    GW_ASSERT(status == GW_OK);
    gw_share_add(&group->share, &member->base);
    gw_shard_count_state(shard, sizeof(*member));
    return member;
}

static void set_state(struct gw_shard *shard, struct member *member,
                      const struct gw_relay_event *event)
{
    struct gw_group *group = member->group;
    group->persistent_count -= member->persistent;
    group->online_count -= member->online;
    member->persistent = (event->flags & GW_RELAY_PERSISTENT) != 0;
    member->online = (event->flags & GW_RELAY_ONLINE) != 0;
    group->persistent_count += member->persistent;
    group->online_count += member->online;
    member->id = event->id;
    member->qos = event->qos;
    member->retain_as_published = (event->flags & GW_RELAY_RETAIN_AS_PUBLISHED) != 0;
    if (group->persistent_count > 0 && group->serial == 0)
        group->serial = gw_journal_group(shard, gw_span_of(group->text, group->text_size));
    update(shard, member);
    want_drain(shard, group);
}

static struct gw_span text_of(const struct gw_relay_event *event)
{
    return gw_blob_span(event->blob);
}

void gw_group_on_join(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_group *group = group_at(shard, text_of(event));
    set_state(shard, member_at(shard, group, event->origin), event);
    gw_blob_unref(&event->blob);
}

void gw_group_on_leave(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_group *group = find_group(shard, text_of(event));
    struct member *member = group ? find_member(shard, group, event->origin) : NULL;
    gw_blob_unref(&event->blob);
    if (!member)
        return;
    group->persistent_count -= member->persistent;
    group->online_count -= member->online;
    gw_share_remove(&group->share, &member->base);
    member_free(shard, member);
    if (group->share.member_count == 0)
        group_free(shard, group);
}

void gw_group_on_presence(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_group *group = find_group(shard, text_of(event));
    struct member *member = group ? find_member(shard, group, event->origin) : NULL;
    gw_blob_unref(&event->blob);
    if (member)
        set_state(shard, member, event);
}

/* A member has one message less on its hands. */
static void settle(struct gw_shard *shard, struct member *member)
{
    if (member->base.in_flight > 0) /* it may have left and joined again since */
        member->base.in_flight--;
    update(shard, member);
    want_drain(shard, member->group);
}

void gw_group_on_settle(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_group *group = gw_handles_get(&shard->routes.group_handles, event->target);
    struct member *member = group ? find_member(shard, group, event->origin) : NULL;
    if (group)
        settle_debt(shard, group, event->order);
    if (member)
        settle(shard, member);
}

void gw_group_on_return(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    (void)now;
    struct gw_group *group = gw_handles_get(&shard->routes.group_handles, event->target);
    struct member *member = group ? find_member(shard, group, event->origin) : NULL;
    if (!member && (event->flags & GW_RELAY_OWNED)) { /* it had left: then it keeps this */
        struct gw_relay_event back = *event;
        back.kind = GW_RELAY_ASSIGN;
        back.target = event->origin;
        back.origin = event->target;
        gw_relay_post(shard, gw_handles_owner(back.target), &back);
        return;
    }
    if (member && event->qos > 0)
        settle(shard, member);
    if (group) {
        struct gw_message message;
        gw_message_open(event->blob, &message);
        give(shard, group, &message, event->order);
    }
    gw_blob_unref(&event->blob);
}

/* -- the log -- */

void gw_group_restore(struct gw_shard *shard, struct gw_span filter, uint64_t serial,
                      uint32_t next_order)
{
    struct gw_group *group = group_at(shard, filter);
    group->serial = serial;
    group->debts.next_order = next_order != 0 ? next_order : 1;
}

bool gw_group_restored(struct gw_shard *shard, struct gw_span filter)
{
    struct gw_group *group = find_group(shard, filter);
    if (!group || group->persistent_count > 0)
        return group != NULL;
    group_free(shard, group);
    return false;
}

void gw_group_restore_message(struct gw_shard *shard, struct gw_span filter, struct gw_blob *blob,
                              uint32_t order)
{
    struct gw_group *group = find_group(shard, filter);
    struct gw_message message;
    gw_message_open(blob, &message);
    gw_debts_restore(&group->debts, blob, order);
    /* Part of it was in the hands of members, who come later: more than the queue may hold. */
    hold(shard, group, &message, order, false);
    gw_blob_unref(&blob);
}

/* The same messages as in its debts, and those of a group that is not in the log. */
static gw_position visit_queued(void *user, const struct gw_outbox_restored *delivery,
                                struct gw_blob **message)
{
    struct gw_blob *copy;
    size_t size = (*message)->size + sizeof(**message);
    gw_position place = gw_mover_visit(user, gw_blob_position(*message), size, *message, &copy);
    (void)delivery;
    gw_mover_swap(message, copy);
    return place;
}

static void slice_debt(struct gw_shard *shard, const struct gw_group *group, struct gw_debt *debt)
{
    struct gw_blob *copy;
    size_t size = debt->message->size + sizeof(*debt->message);
    (void)gw_mover_visit(shard, gw_blob_position(debt->message), size, debt->message, &copy);
    gw_journal_group_owe(shard, group->serial, debt->order, copy ? copy : debt->message);
    gw_mover_swap(&debt->message, copy);
}

uint64_t gw_group_slice(struct gw_shard *shard, struct gw_group *group, uint64_t part,
                        size_t count_max)
{
    struct gw_debts *debts = &group->debts;
    if (part == 0) {
        gw_outbox_tell_queued(&group->queue, QUEUED_MAX, visit_queued, shard);
        if (group->serial != 0)
            gw_journal_group_again(shard, group->serial, gw_span_of(group->text, group->text_size));
    }
    size_t from = part == 0 ? 0 : gw_debts_seek(debts, (uint32_t)part);
    size_t end = debts->count - from > count_max ? from + count_max : debts->count;
    for (size_t i = from; i < end; i++)
        if (debts->items[i].message)
            slice_debt(shard, group, &debts->items[i]);
    return end < debts->count ? debts->items[end].order : GW_GROUP_ALL_TOLD;
}
