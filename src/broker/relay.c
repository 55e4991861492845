#include "broker/relay.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/foresight.h"
#include "broker/group.h"
#include "broker/guest.h"
#include "broker/interest.h"
#include "broker/journal.h"
#include "broker/keeper.h"
#include "broker/recall.h"
#include "broker/replay.h"
#include "broker/router.h"

#define EVENTS_A_LOOK GW_SUBINDEX_FORESEEN_MAX /* handled between two looks at the clock */
#define EVENT_NS_MAX  ((int64_t)GW_NS_PER_S)

struct gw_relay_batch {
    struct gw_mail mail;
    uint64_t turn; /* of its sender's journal */
    size_t count;
    size_t capacity;
    struct gw_relay_event events[];
};

typedef void relay_fn(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

static void on_client(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    gw_guest_arrive(shard, event->object, now);
}

/* Each handler takes event->blob and event->object over. */
static relay_fn *const handlers[GW_RELAY_KIND_COUNT] = {
    [GW_RELAY_PUBLISH] = gw_router_on_publish,  [GW_RELAY_RETAIN] = gw_keeper_on_retain,
    [GW_RELAY_ASSIGN] = gw_group_on_assign,     [GW_RELAY_SETTLE] = gw_group_on_settle,
    [GW_RELAY_RETURN] = gw_group_on_return,     [GW_RELAY_JOIN] = gw_group_on_join,
    [GW_RELAY_LEAVE] = gw_group_on_leave,       [GW_RELAY_PRESENCE] = gw_group_on_presence,
    [GW_RELAY_INTEREST] = gw_interest_on_event, [GW_RELAY_REPLAY_ASK] = gw_recall_on_ask,
    [GW_RELAY_REPLAY_GIVE] = gw_replay_on_give, [GW_RELAY_CLIENT] = on_client,
};

/* Some events are done: learns what one costs, the last 64 or so counting most. */
static void note_cost(struct gw_shard *shard, unsigned count, uint64_t time)
{
    struct gw_shard_inbox *inbox = &shard->inbox;
    int64_t before = atomic_load_explicit(&inbox->event_ns, memory_order_relaxed);
    int64_t one = time / count < EVENT_NS_MAX ? (int64_t)(time / count) : EVENT_NS_MAX;
    int64_t after = before + (one - before) * (int64_t)count / 64;
    atomic_store_explicit(&inbox->event_ns, (unsigned)after, memory_order_relaxed);
    atomic_fetch_sub_explicit(&inbox->waiting, count, memory_order_relaxed);
}

static void on_mail(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct gw_shard *shard = owner;
    struct gw_relay_batch *batch = GW_CONTAINER(mail, struct gw_relay_batch, mail);
    const struct gw_clock *clock = gw_loop_clock(shard->loop);
    gw_mono_ns began = gw_clock_mono(clock);
    for (size_t i = 0; i < batch->count;) {
        size_t end = batch->count - i < EVENTS_A_LOOK ? batch->count : i + EVENTS_A_LOOK;
        unsigned count = (unsigned)(end - i);
        gw_foresight_on_events(shard, &batch->events[i], count);
        for (; i < end; i++)
            handlers[batch->events[i].kind](shard, &batch->events[i], now);
        gw_journal_breathe(shard);
        gw_mono_ns ended = gw_clock_mono(clock);
        note_cost(shard, count, ended - began);
        began = ended;
    }
    gw_journal_on_taken(shard, batch->events[0].from, batch->turn);
    free(batch);
}

/* A retained message may be seen by a new subscription only after the message itself was sent to
 * the shard of that subscription, else it could come twice there: so it goes last. A question for
 * retained messages goes with it, to stay behind what was kept before. */
static bool goes_last(enum gw_relay_kind kind)
{
    return kind == GW_RELAY_RETAIN || kind == GW_RELAY_REPLAY_ASK;
}

static struct gw_relay_batch *batch_with_room(struct gw_relay_batch **place)
{
    struct gw_relay_batch *batch = *place;
    if (batch && batch->count < batch->capacity)
        return batch;
    bool is_first = batch == NULL;
    size_t capacity = is_first ? 8 : batch->capacity * 2;
    batch = realloc(batch, sizeof(*batch) + capacity * sizeof(batch->events[0]));
    GW_ASSERT(batch != NULL);
    if (is_first) {
        batch->mail = (struct gw_mail){.fn = on_mail};
        batch->count = 0;
    }
    batch->capacity = capacity;
    *place = batch;
    return batch;
}

void gw_relay_post(struct gw_shard *shard, unsigned to, const struct gw_relay_event *event)
{
    struct gw_relay_event own = *event;
    own.from = (uint16_t)shard->index;
    if (to == shard->index) {
        handlers[own.kind](shard, &own, gw_loop_now(shard->loop));
        return;
    }
    struct gw_relay_batch *batch =
        batch_with_room(&shard->outgoing[goes_last((enum gw_relay_kind)own.kind)][to]);
    batch->events[batch->count++] = own;
    batch->mail.weight += sizeof(own) + (own.blob ? own.blob->size : 0);
}

static void flush_batch(struct gw_shard *shard, unsigned to, struct gw_relay_batch **place)
{
    struct gw_relay_batch *batch = *place;
    if (!batch)
        return;
    *place = NULL;
    /* The turn has arrived with its last batch. */
    batch->turn = shard->outgoing[1][to] ? 0 : gw_journal_turn(shard);
    atomic_fetch_add_explicit(&shard->world->shards[to].inbox.waiting, (unsigned)batch->count,
                              memory_order_relaxed);
    gw_loop_post(shard->world->shards[to].loop, &batch->mail);
}

void gw_relay_flush(struct gw_shard *shard)
{
    for (unsigned last = 0; last < 2; last++)
        for (unsigned to = 0; to < shard->world->shard_count; to++)
            flush_batch(shard, to, &shard->outgoing[last][to]);
}

bool gw_relay_pending(const struct gw_shard *shard)
{
    for (unsigned i = 0; i < 2 * shard->world->shard_count; i++)
        if (shard->outgoing[i % 2][i / 2])
            return true;
    return false;
}

void gw_relay_fini(struct gw_shard *shard)
{
    for (unsigned i = 0; i < 2 * shard->world->shard_count; i++) {
        struct gw_relay_batch **place = &shard->outgoing[i % 2][i / 2];
        for (size_t at = 0; *place && at < (*place)->count; at++)
            gw_blob_unref(&(*place)->events[at].blob);
        free(*place);
        *place = NULL;
    }
}

/* How long another shard will need for what waits there and what this turn adds. */
static uint64_t lag_of(const struct gw_shard *shard, unsigned to)
{
    const struct gw_shard_inbox *inbox = &shard->world->shards[to].inbox;
    const struct gw_relay_batch *batch = shard->outgoing[0][to];
    uint64_t count = atomic_load_explicit(&inbox->waiting, memory_order_relaxed);
    return (count + (batch ? batch->count : 0)) *
           atomic_load_explicit(&inbox->event_ns, memory_order_relaxed);
}

bool gw_relay_full(const struct gw_shard *shard)
{
    size_t limit = (size_t)gw_shard_settings(shard)->limits.mailbox;
    for (unsigned to = 0; to < shard->world->shard_count; to++)
        if (to != shard->index && gw_loop_mail_weight(shard->world->shards[to].loop) > limit)
            return true;
    return false;
}

bool gw_relay_congested(const struct gw_shard *shard)
{
    if (gw_relay_full(shard))
        return true;
    for (unsigned to = 0; to < shard->world->shard_count; to++)
        if (to != shard->index && lag_of(shard, to) > GW_RELAY_LAG_MAX)
            return true;
    return false;
}
