#include "broker/replay.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/deliverer.h"
#include "broker/guest.h"
#include "broker/router.h"
#include "topic/name.h"

#define STEP_VISITS  128u /* topics looked at in one step */
#define STEPS_A_TURN 16u
#define PASSED_MAX   4096u /* topics that passed live, remembered for all replays of a session */
#define PASSED_BYTES ((int64_t)PASSED_MAX * 8)

struct gw_replay {
    struct gw_list link;  /* in its session */
    struct gw_list ready; /* in shard->retained.ready, when there is something to do */
    struct gw_session *session;
    struct gw_subscription *subscription;
    uint64_t handle;
    struct gw_retained_cursor cursor; /* on the shard that is asked now */
    uint64_t passed_before;           /* session->passed_count when it began */
    uint16_t at;                      /* the shard that is asked now */
    uint16_t last;                    /* the last one to ask */
    uint16_t asked;                   /* messages, of another shard whose answer is not here yet */
    bool waiting;                     /* for that answer */
};

/* A question to another shard, and its answer: the cursor travels along. */
struct gw_replay_order {
    struct gw_retained_cursor cursor;
    struct gw_blob *messages[GW_REPLAY_BATCH];
    gw_mono_ns now;
    uint32_t count;
    uint32_t wanted;
    bool ended;
};

void gw_replay_init(struct gw_shard *shard)
{
    gw_handles_init(&shard->retained.replays, shard->index);
    gw_list_init(&shard->retained.ready);
}

void gw_replay_fini(struct gw_shard *shard)
{
    gw_handles_fini(&shard->retained.replays);
}

static int64_t bytes_of(const struct gw_replay *replay)
{
    return (int64_t)sizeof(*replay) +
           2 * (int64_t)gw_subscription_filter(replay->subscription).size;
}

static void replay_free(struct gw_shard *shard, struct gw_replay *replay)
{
    struct gw_session *session = replay->session;
    gw_shard_count_state(shard, -bytes_of(replay));
    session->replay_asked -= replay->asked;
    gw_list_remove(&replay->link);
    gw_list_remove(&replay->ready);
    gw_handles_remove(&shard->retained.replays, replay->handle);
    if (!replay->waiting)
        gw_retained_cursor_fini(&replay->cursor);
    replay->subscription->replay = NULL;
    free(replay);
    if (gw_list_empty(&session->replays)) {
        if (session->passed)
            gw_shard_count_state(shard, -PASSED_BYTES);
        free(session->passed);
        session->passed = NULL;
    }
}

static void make_ready(struct gw_shard *shard, struct gw_replay *replay)
{
    if (replay->waiting || !gw_list_empty(&replay->ready))
        return;
    gw_list_push_back(&shard->retained.ready, &replay->ready);
    gw_shard_want_turn(shard);
}

enum gw_status gw_replay_start(struct gw_shard *shard, struct gw_session *session,
                               struct gw_span filter)
{
    struct gw_subscription *subscription =
        gw_subscription_find(&shard->sessions.subscriptions, session->handle, filter);
    GW_ASSERT(subscription != NULL);
    gw_replay_cancel(shard, subscription);
    struct gw_replay *replay = calloc(1, sizeof(*replay));
    if (!replay)
        return GW_NO_MEMORY;
    replay->session = session;
    replay->subscription = subscription;
    replay->passed_before = session->passed_count;
    gw_list_init(&replay->ready);
    replay->last = (uint16_t)(shard->world->shard_count - 1);
    if (!gw_filter_has_wildcard(filter)) {
        replay->at = (uint16_t)gw_shard_owner(shard, gw_shard_hash(shard, filter));
        replay->last = replay->at;
    }
    enum gw_status status = gw_retained_cursor_init(&replay->cursor, filter);
    if (status == GW_OK)
        status = gw_handles_add(&shard->retained.replays, replay, &replay->handle);
    if (status != GW_OK) {
        gw_retained_cursor_fini(&replay->cursor);
        free(replay);
        return status;
    }
    subscription->replay = replay;
    gw_list_push_back(&session->replays, &replay->link);
    gw_shard_count_state(shard, bytes_of(replay));
    gw_replay_on_room(shard, session);
    return GW_OK;
}

void gw_replay_cancel(struct gw_shard *shard, struct gw_subscription *subscription)
{
    if (!subscription->replay)
        return;
    replay_free(shard, subscription->replay);
    gw_replay_on_room(shard, subscription->session);
}

/* How many messages may be asked for now. */
static uint32_t room_of(const struct gw_session *session)
{
    uint32_t used = session->outbox.queued_count + session->replay_asked;
    return used < GW_REPLAY_QUEUED_MAX ? GW_REPLAY_QUEUED_MAX - used : 0;
}

void gw_replay_on_room(struct gw_shard *shard, struct gw_session *session)
{
    if (gw_list_empty(&session->replays) || room_of(session) == 0)
        return;
    /* The analyser does not see gw_list_remove in replay_free lead the head past what is freed. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    make_ready(shard, GW_CONTAINER(session->replays.next, struct gw_replay, link));
}

void gw_replay_on_live(struct gw_session *session, uint64_t topic_hash)
{
    if (!session->passed) {
        session->passed = malloc(PASSED_MAX * sizeof(*session->passed));
        if (session->passed)
            gw_shard_count_state(session->owner, PASSED_BYTES);
    }
    if (session->passed)
        session->passed[session->passed_count++ % PASSED_MAX] = topic_hash;
}

static bool has_passed(const struct gw_replay *replay, uint64_t topic_hash)
{
    const struct gw_session *session = replay->session;
    uint64_t end = session->passed_count;
    uint64_t at = end > PASSED_MAX ? end - PASSED_MAX : 0;
    if (at < replay->passed_before)
        at = replay->passed_before;
    for (; at < end; at++)
        if (session->passed[at % PASSED_MAX] == topic_hash)
            return true;
    return false;
}

/* -- giving -- */

static void give(struct gw_shard *shard, struct gw_replay *replay, struct gw_blob *blob,
                 gw_mono_ns now)
{
    struct gw_message message;
    const struct gw_subscription_options *grant = &replay->subscription->options;
    gw_message_open(blob, &message);
    if (gw_message_expired(&message, now))
        return;
    struct gw_delivery_options options = {
        .ids = &grant->id,
        .id_count = grant->id != 0 ? 1 : 0,
        .qos = gw_router_qos(&message, grant->qos),
        .retain = true,
    };
    message.retain = false; /* for gw_replay_on_live: this one is not live */
    gw_deliverer_give(shard, replay->session, &message, &options, true);
}

/* Its client, which comes again, finds everything as it is now. */
static void out_of_memory(const struct gw_replay *replay)
{
    if (replay->session->link)
        gw_guest_end(replay->session->link, GW_REASON_SERVER_BUSY, "out of memory", NULL);
}

/* The next shard, or the end. */
static void advance(struct gw_shard *shard, struct gw_replay *replay)
{
    struct gw_session *session = replay->session;
    struct gw_retained_cursor next;
    if (replay->at == replay->last) {
        replay_free(shard, replay);
        gw_replay_on_room(shard, session);
        return;
    }
    if (gw_retained_cursor_init(&next, gw_subscription_filter(replay->subscription)) != GW_OK) {
        out_of_memory(replay);
        return;
    }
    gw_retained_cursor_fini(&replay->cursor);
    replay->cursor = next;
    replay->at++;
    make_ready(shard, replay);
}

static bool order_visit(void *user, struct gw_span name, void *value)
{
    struct gw_replay_order *order = user;
    struct gw_message message;
    (void)name;
    gw_message_open(value, &message);
    if (!gw_message_expired(&message, order->now))
        order->messages[order->count++] = gw_blob_ref(value);
    return order->count < order->wanted;
}

/* Collects up to order->wanted messages of this shard. */
static void collect(struct gw_shard *shard, struct gw_replay_order *order)
{
    order->ended = gw_retained_walk(shard->retained.set, &order->cursor, STEP_VISITS, order_visit,
                                    order) == GW_END;
}

/* Gives what an order brought; it is empty then. */
static void unpack(struct gw_shard *shard, struct gw_replay *replay, struct gw_replay_order *order,
                   gw_mono_ns now)
{
    for (uint32_t i = 0; i < order->count; i++) {
        struct gw_message message;
        gw_message_open(order->messages[i], &message);
        if (!has_passed(replay, message.topic_hash))
            give(shard, replay, order->messages[i], now);
        gw_blob_unref(&order->messages[i]);
    }
    order->count = 0;
}

static void ask(struct gw_shard *shard, struct gw_replay *replay, uint32_t wanted)
{
    struct gw_session *session = replay->session;
    struct gw_replay_order *order = calloc(1, sizeof(*order));
    if (!order) {
        out_of_memory(replay);
        return;
    }
    order->cursor = replay->cursor;
    order->wanted = wanted;
    replay->waiting = true;
    replay->asked = (uint16_t)wanted;
    session->replay_asked += wanted;
    gw_relay_post(shard, replay->at,
                  &(struct gw_relay_event){
                      .kind = GW_RELAY_REPLAY_ASK, .object = order, .origin = replay->handle});
    /* Those that wait stand behind those that do not; the next of these may have room too. */
    gw_list_remove(&replay->link);
    gw_list_push_back(&session->replays, &replay->link);
    gw_replay_on_room(shard, session);
}

static void step(struct gw_shard *shard, struct gw_replay *replay, gw_mono_ns now)
{
    struct gw_session *session = replay->session;
    const struct gw_guest *client = session->link;
    uint32_t wanted = room_of(session);
    if (!client || client->state != GW_GUEST_CONNECTED || wanted == 0)
        return;                       /* gw_replay_on_room brings it back */
    if (!gw_guest_has_room(client)) { /* with an empty queue nobody else asks for that event */
        gw_conn_want_drained(client->conn, (size_t)gw_shard_settings(shard)->limits.output / 2);
        return;
    }
    if (replay->cursor.exact)
        wanted = 1;
    if (replay->at != shard->index) {
        ask(shard, replay, wanted);
        return;
    }
    struct gw_replay_order order = {.cursor = replay->cursor, .now = now, .wanted = wanted};
    collect(shard, &order);
    replay->cursor = order.cursor;
    unpack(shard, replay, &order, now);
    if (order.ended)
        advance(shard, replay);
    else
        make_ready(shard, replay);
}

void gw_replay_run(struct gw_shard *shard, gw_mono_ns now)
{
    for (unsigned i = 0; i < STEPS_A_TURN && !gw_list_empty(&shard->retained.ready); i++) {
        struct gw_list *link = gw_list_pop_front(&shard->retained.ready);
        step(shard, GW_CONTAINER(link, struct gw_replay, ready), now);
    }
    if (!gw_list_empty(&shard->retained.ready))
        gw_shard_want_turn(shard);
}

void gw_replay_on_ask(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_replay_order *order = event->object;
    order->now = now;
    collect(shard, order);
    gw_relay_post(shard, event->from,
                  &(struct gw_relay_event){
                      .kind = GW_RELAY_REPLAY_GIVE, .object = order, .target = event->origin});
}

void gw_replay_on_give(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_replay_order *order = event->object;
    struct gw_replay *replay = gw_handles_get(&shard->retained.replays, event->target);
    if (!replay) { /* cancelled meanwhile */
        for (uint32_t i = 0; i < order->count; i++)
            gw_blob_unref(&order->messages[i]);
        gw_retained_cursor_fini(&order->cursor);
        free(order);
        return;
    }
    replay->waiting = false;
    replay->session->replay_asked -= replay->asked;
    replay->asked = 0;
    replay->cursor = order->cursor;
    unpack(shard, replay, order, now);
    if (order->ended)
        advance(shard, replay);
    else
        make_ready(shard, replay);
    free(order);
}
