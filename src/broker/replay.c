#include "broker/replay.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/deliverer.h"
#include "broker/guest.h"
#include "broker/recall.h"
#include "broker/router.h"
#include "topic/name.h"

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
    uint16_t asked;                   /* messages, in an answer that is not here yet */
    bool waiting;                     /* for that answer */
};

void gw_replay_init(struct gw_shard *shard)
{
    gw_handles_init(&shard->retained.replays, shard->index);
    gw_list_init(&shard->retained.ready);
    gw_recall_init(shard);
}

void gw_replay_fini(struct gw_shard *shard)
{
    gw_recall_fini(shard);
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

/* How many messages may be asked for now. Those of the log are copies of its own. */
static uint32_t room_of(const struct gw_session *session)
{
    if (session->outbox.queued_bytes > GW_REPLAY_QUEUED_BYTES)
        return 0;
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

/* Gives what was collected; it is empty then. */
static void unpack(struct gw_shard *shard, struct gw_replay *replay, struct gw_recall *recall,
                   gw_mono_ns now)
{
    replay->cursor = recall->cursor;
    for (uint32_t i = 0; i < recall->count; i++) {
        struct gw_message message;
        gw_message_open(recall->messages[i], &message);
        if (!has_passed(replay, message.topic_hash))
            give(shard, replay, recall->messages[i], now);
        gw_blob_unref(&recall->messages[i]);
    }
    recall->count = 0;
}

/* Asks the shard whose turn it is, perhaps this one: the answer comes in an event, and the cursor
 * travels along. */
static void ask(struct gw_shard *shard, struct gw_replay *replay, uint32_t wanted)
{
    struct gw_session *session = replay->session;
    struct gw_recall *recall = calloc(1, sizeof(*recall));
    if (!recall) {
        out_of_memory(replay);
        return;
    }
    recall->cursor = replay->cursor;
    recall->wanted = wanted;
    GW_ASSERT(!replay->waiting);
    replay->waiting = true;
    gw_list_remove(&replay->ready);
    replay->asked = (uint16_t)wanted;
    session->replay_asked += wanted;
    /* Those that wait stand behind those that do not; the next of these may have room too. */
    gw_list_remove(&replay->link);
    gw_list_push_back(&session->replays, &replay->link);
    gw_replay_on_room(shard, session);
    gw_relay_post(shard, replay->at,
                  &(struct gw_relay_event){
                      .kind = GW_RELAY_REPLAY_ASK, .object = recall, .origin = replay->handle});
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
    struct gw_recall recall = {.cursor = replay->cursor, .wanted = wanted};
    gw_recall_collect(shard, &recall, now);
    bool has_to_wait = gw_recall_has_to_wait(&recall);
    unpack(shard, replay, &recall, now);
    if (recall.ended)
        advance(shard, replay);
    else if (has_to_wait)
        ask(shard, replay, wanted);
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

void gw_replay_on_give(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_recall *recall = event->object;
    struct gw_replay *replay = gw_handles_get(&shard->retained.replays, event->target);
    if (!replay) { /* cancelled meanwhile */
        gw_recall_clear(recall);
        free(recall);
        return;
    }
    replay->waiting = false;
    replay->session->replay_asked -= replay->asked;
    replay->asked = 0;
    unpack(shard, replay, recall, now);
    if (recall->ended)
        advance(shard, replay);
    else
        make_ready(shard, replay);
    free(recall);
}
