#include "broker/registry.h"

#include "base/assert.h"
#include "broker/group.h"
#include "broker/guest.h"
#include "broker/interest.h"
#include "broker/journal.h"
#include "broker/keeper.h"
#include "broker/ledger.h"
#include "broker/replay.h"
#include "broker/rights.h"
#include "broker/router.h"

struct gw_session *gw_registry_find(struct gw_shard *shard, struct gw_span client_id)
{
    struct gw_map_node *node = gw_map_find(&shard->sessions.by_id, client_id);
    return node ? GW_CONTAINER(node, struct gw_session, node) : NULL;
}

static void act(struct gw_shard *shard, struct gw_session *session, struct gw_session_duty duty,
                gw_mono_ns now);

static void on_timer(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_session *session = GW_CONTAINER(timer, struct gw_session, timer);
    act(session->owner, session, gw_session_on_deadline(session, now), now);
}

enum gw_status gw_registry_create(struct gw_shard *shard, struct gw_span client_id,
                                  struct gw_session **ret_session)
{
    if (gw_shard_total(shard, GW_METRIC_SESSIONS) >=
        (int64_t)gw_shard_settings(shard)->limits.sessions)
        return GW_LIMIT;
    return gw_registry_restore(shard, client_id, ret_session);
}

enum gw_status gw_registry_restore(struct gw_shard *shard, struct gw_span client_id,
                                   struct gw_session **ret_session)
{
    struct gw_session *session =
        gw_session_new(client_id, gw_hash_bytes(client_id, GW_REGISTRY_PUBLISHER_SEED));
    if (!session)
        return GW_NO_MEMORY;
    session->owner = shard;
    gw_timer_init(&session->timer, on_timer);
    enum gw_status status = gw_handles_add(&shard->sessions.handles, session, &session->handle);
    if (status == GW_OK)
        status = gw_map_insert(&shard->sessions.by_id, &session->node);
    if (status != GW_OK) {
        gw_handles_remove(&shard->sessions.handles, session->handle);
        gw_session_free(session, &shard->sessions.host);
        return status;
    }
    gw_metrics_add(&shard->metrics, GW_METRIC_SESSIONS, 1);
    gw_shard_count_session(shard, session);
    *ret_session = session;
    return GW_OK;
}

static void publish_will(struct gw_shard *shard, struct gw_session *session, gw_mono_ns now)
{
    struct gw_message message, keeper;
    if (!gw_session_take_will(session, now, &message, &keeper))
        return;
    message.author = session->access.author;
    if (!gw_rights_may_publish_will(shard, session, &message)) {
        gw_message_drop(&message);
        gw_message_drop(&keeper);
        return;
    }
    if (message.retain && message.payload.size > 0 && !gw_keeper_has_room(shard, &message)) {
        message.retain = false;
        gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_REFUSED, 1);
        struct gw_log_field fields[] = {
            gw_log_text("id", gw_session_client_id(session)),
            gw_log_text("topic", message.topic_name),
            gw_log_str("reason", "limits.retained is reached"),
            gw_log_number("code", GW_REASON_QUOTA_EXCEEDED),
        };
        gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "publish.refused", "a will was not retained",
                     fields, GW_COUNT_OF(fields));
    }
    const struct gw_message unkept = message;
    struct gw_router_job job = {0};
    enum gw_status status = gw_router_publish(shard, &message, &job);
    if (status == GW_CLOSED && session->serial != 0)
        status = GW_OK; /* the log has the will: it is published once, when the broker is back */
    if (status == GW_LIMIT || status == GW_CLOSED) {
        job.volatile_only = true; /* the store takes nothing: better in memory than not at all */
        gw_message_drop(&message);
        message = unkept;
        if (message.qos == 2) /* no log would know its identifiers after a crash */
            message.qos = 1;
        status = gw_router_publish(shard, &message, &job);
    }
    if (status != GW_OK)
        gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "will.lost",
                     "a will was lost: out of memory", NULL, 0);
    gw_message_drop(&message);
    gw_message_drop(&keeper);
}

void gw_registry_unsubscribe(struct gw_shard *shard, struct gw_subscription *subscription)
{
    struct gw_session *session = subscription->session;
    gw_rights_on_unsubscribe(subscription);
    gw_replay_cancel(shard, subscription);
    if (subscription->shared) {
        gw_group_leave(shard, subscription);
        session->shared_count--;
        gw_metrics_add(&shard->metrics, GW_METRIC_SHARED_SUBSCRIPTIONS, -1);
    } else {
        gw_subindex_remove(shard->routes.index, &subscription->target.entry);
        gw_interest_drop(shard, gw_subscription_filter(subscription), shard->index,
                         session->serial != 0);
    }
    gw_map_remove(&shard->sessions.subscriptions, &subscription->node);
    gw_list_remove(&subscription->link);
    session->subscription_count--;
    gw_metrics_add(&shard->metrics, GW_METRIC_SUBSCRIPTIONS, -1);
    gw_shard_count_state(shard, -(int64_t)gw_subscription_bytes(subscription));
    gw_subscription_free(subscription);
}

static void forget(struct gw_shard *shard, struct gw_session *session)
{
    GW_ASSERT(session->link == NULL);
    while (!gw_list_empty(&session->subscriptions))
        gw_registry_unsubscribe(
            shard, GW_CONTAINER(session->subscriptions.next, struct gw_subscription, link));
    gw_wheel_cancel(gw_loop_wheel(shard->loop), &session->timer);
    gw_ledger_forget(session);
    gw_rights_on_end(shard, session);
    gw_map_remove(&shard->sessions.by_id, &session->node);
    gw_handles_remove(&shard->sessions.handles, session->handle);
    gw_group_on_end(shard, session);
    gw_outbox_fini(&session->outbox, &shard->sessions.host);
    gw_shard_count_outbox(shard, &session->outbox);
    gw_shard_count_state(shard, -(int64_t)session->told_bytes);
    gw_session_free(session, &shard->sessions.host);
    gw_metrics_add(&shard->metrics, GW_METRIC_SESSIONS, -1);
}

void gw_registry_end(struct gw_shard *shard, struct gw_session *session, gw_mono_ns now)
{
    publish_will(shard, session, now);
    gw_journal_end(shard, session);
    forget(shard, session);
}

static void act(struct gw_shard *shard, struct gw_session *session, struct gw_session_duty duty,
                gw_mono_ns now)
{
    if (duty.publish_will)
        publish_will(shard, session, now);
    if (duty.publish_will && !duty.end)
        gw_journal_no_will(shard, session);
    if (!duty.end) {
        gw_shard_count_session(shard, session);
        gw_wheel_arm(gw_loop_wheel(shard->loop), &session->timer,
                     gw_session_next_deadline(session));
        return;
    }
    if (session->expiry > 0)
        gw_metrics_add(&shard->metrics, GW_METRIC_SESSIONS_EXPIRED, 1);
    gw_registry_end(shard, session, now);
}

void gw_registry_begin(struct gw_shard *shard, struct gw_session *session, gw_mono_ns now)
{
    act(shard, session, gw_session_on_deadline(session, now), now);
}

void gw_registry_on_closed(struct gw_shard *shard, struct gw_session *session,
                           enum gw_session_close how, gw_mono_ns now)
{
    bool had_will = session->will != NULL;
    struct gw_session_duty duty = gw_session_on_closed(session, how, now);
    if (!duty.end)
        gw_journal_offline(shard, session);
    if (!duty.end && had_will && !session->will)
        gw_journal_no_will(shard, session);
    gw_group_on_offline(shard, session);
    session->outbox.away = true;
    gw_ledger_on_push(shard, session); /* nothing of its queue has to stay in memory */
    act(shard, session, duty, now);
}

void gw_registry_fini(struct gw_shard *shard)
{
    struct gw_map_cursor cursor;
    gw_map_first(&shard->sessions.by_id, &cursor);
    for (struct gw_map_node *node; (node = gw_map_next(&shard->sessions.by_id, &cursor));) {
        struct gw_session *session = GW_CONTAINER(node, struct gw_session, node);
        session->link = NULL;
        forget(shard, session);
    }
    gw_map_fini(&shard->sessions.by_id);
    gw_map_fini(&shard->sessions.subscriptions);
    gw_handles_fini(&shard->sessions.handles);
}

/* -- connections before CONNECT, by address -- */

struct gw_span gw_registry_host(const struct gw_address *address)
{
    return gw_address_host(address);
}

enum gw_status gw_registry_count_address(struct gw_shard *shard, const struct gw_address *address,
                                         int change)
{
    uint64_t hash = gw_shard_hash(shard, gw_registry_host(address));
    atomic_uint *count = &shard->world->strangers[hash % GW_SHARD_STRANGERS];
    if (change < 0) {
        GW_ASSERT(atomic_fetch_sub_explicit(count, 1, memory_order_relaxed) > 0);
        return GW_OK;
    }
    uint32_t limit = gw_shard_settings(shard)->limits.connections_unauthenticated_per_address;
    if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) < limit)
        return GW_OK;
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
    return GW_LIMIT;
}

void gw_registry_init(struct gw_shard *shard)
{
    uint64_t seed = shard->world->services.seed;
    gw_map_init(&shard->sessions.by_id, gw_session_key, seed);
    gw_map_init(&shard->sessions.subscriptions, gw_subscription_key, seed);
    gw_handles_init(&shard->sessions.handles, shard->index);
}
