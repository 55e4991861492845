#include "broker/slicer.h"

#include "broker/group.h"
#include "broker/journal.h"
#include "broker/resettle.h"

#define ROUND_SEGMENTS 4u /* a round begins after so many segments of new records, */
#define ROUND_FACTOR   4u /* or so many times what the last round wrote, if that is more */
#define TURNS_A_LOOK   32u
#define PART           2048u /* deliveries of one session or group in a turn */

void gw_slicer_init(struct gw_journal *journal)
{
    atomic_init(&journal->world->slicer.oldest[journal->shard->index], UINT64_MAX);
}

void gw_slicer_allow(struct gw_slicer_world *world)
{
    atomic_store_explicit(&world->ready, true, memory_order_release);
}

void gw_slicer_fini(struct gw_journal *journal)
{
    gw_mover_leave(journal->shard);
    gw_resettle_fini(journal->shard);
}

/* -- one object -- */

static gw_position slice_delivery(void *user, const struct gw_outbox_restored *delivery,
                                  struct gw_blob **message)
{
    const struct gw_session *session = user;
    gw_position place = delivery ? delivery->message : 0;
    size_t size = delivery ? delivery->size : 0;
    if (message) {
        place = gw_blob_position(*message);
        size = (*message)->size + sizeof(**message);
    }
    struct gw_blob *copy;
    place = gw_mover_visit(session->owner, place, size, message ? *message : NULL, &copy);
    if (delivery) {
        struct gw_outbox_restored told = *delivery;
        told.message = place;
        gw_journal_delivery(session->owner, session, &told);
    }
    gw_mover_swap(message, copy);
    return place;
}

static void slice_state(struct gw_shard *shard, struct gw_session *session)
{
    gw_journal_session(shard, session);
    GW_LIST_FOREACH (link, &session->subscriptions) {
        gw_journal_subscribe(shard, GW_CONTAINER(link, struct gw_subscription, link));
    }
    for (uint32_t i = 0; i < session->received.capacity; i++)
        if (session->received.slots[i] != 0)
            gw_journal_packet_id(shard, GW_RECORD_RECEIVED, session, session->received.slots[i]);
}

/* A session with a long queue takes several turns, and so does a group. */
static bool slice_session(struct gw_shard *shard, void *object)
{
    struct gw_session *session = object;
    struct gw_slicer *slicer = &shard->journal->slicer;
    if (session->serial == 0 || slicer->object != session->serial) {
        slicer->object = session->serial;
        slicer->part = 0;
        if (session->serial != 0)
            slice_state(shard, session);
    }
    slicer->part = gw_outbox_tell(&session->outbox, &shard->sessions.host, slicer->part, PART,
                                  slice_delivery, session);
    return slicer->part == GW_OUTBOX_ALL_TOLD;
}

static bool slice_group(struct gw_shard *shard, void *object)
{
    struct gw_group *group = object;
    struct gw_slicer *slicer = &shard->journal->slicer;
    uint64_t serial = gw_group_serial(group);
    if (serial == 0 || slicer->object != serial) {
        slicer->object = serial;
        slicer->part = 0;
    }
    slicer->part = gw_group_slice(shard, group, slicer->part, PART);
    return slicer->part == GW_GROUP_ALL_TOLD;
}

/* -- a turn's share -- */

static bool had_its_share(const struct gw_journal *journal, unsigned steps)
{
    return steps >= GW_SLICER_STEPS || gw_store_staged(journal->stream) >= GW_SLICER_BYTES;
}

/* True if all objects of a table are done. */
static bool slice_table(struct gw_shard *shard, const struct gw_handles *handles,
                        bool (*slice)(struct gw_shard *shard, void *object))
{
    struct gw_slicer *slicer = &shard->journal->slicer;
    for (unsigned steps = 0; slicer->slot < handles->capacity; slicer->slot++) {
        void *object = gw_handles_at(handles, slicer->slot);
        if (!object)
            continue;
        if (had_its_share(shard->journal, steps++) || !slice(shard, object))
            return false;
    }
    slicer->slot = 0;
    return true;
}

static bool do_phase(struct gw_shard *shard)
{
    switch ((enum gw_slicer_phase)shard->journal->slicer.phase) {
    case GW_SLICER_SESSIONS: return slice_table(shard, &shard->sessions.handles, slice_session);
    case GW_SLICER_GROUPS: return slice_table(shard, &shard->routes.group_handles, slice_group);
    case GW_SLICER_RETAINED: return gw_resettle_slice(shard);
    case GW_SLICER_IDLE:
    case GW_SLICER_SYNCING: break;
    }
    return false;
}

static bool is_working(const struct gw_slicer *slicer)
{
    return slicer->phase != GW_SLICER_IDLE && slicer->phase != GW_SLICER_SYNCING;
}

static void work(struct gw_shard *shard)
{
    struct gw_journal *journal = shard->journal;
    struct gw_slicer *slicer = &journal->slicer;
    size_t before = gw_store_staged(journal->stream);
    while (is_working(slicer) && do_phase(shard))
        slicer->phase++;
    atomic_fetch_add_explicit(&journal->world->slicer.written,
                              gw_store_staged(journal->stream) - before, memory_order_relaxed);
    if (slicer->phase == GW_SLICER_SYNCING)
        slicer->ticket = gw_journal_ticket(shard);
    else if (!gw_resettle_has_to_wait(shard))
        gw_shard_want_turn(shard);
}

/* -- rounds -- */

static bool is_due(const struct gw_journal *journal)
{
    const struct gw_slicer_world *world = &journal->world->slicer;
    struct gw_store_figures figures;
    if (journal->turn % TURNS_A_LOOK != 0) /* the figures take locks */
        return false;
    gw_store_get_figures(journal->world->store, &figures);
    uint64_t segment = gw_shard_settings(journal->shard)->store.segment;
    uint64_t last = atomic_load_explicit(&world->last_written, memory_order_relaxed);
    uint64_t enough = segment * ROUND_SEGMENTS;
    if (enough < last * ROUND_FACTOR)
        enough = last * ROUND_FACTOR;
    /* On a full disk nothing but a round can free what is not needed any more. */
    if (gw_journal_state(journal->shard) == GW_STORE_FULL)
        enough = gw_mover_is_ready(journal->shard) ? 0 : segment;
    return figures.since_checkpoint > enough;
}

/* Whoever sees that one is due begins it, and tells those who may have nothing else to do. */
static void begin(struct gw_shard *shard)
{
    struct gw_slicer_world *world = &shard->journal->world->slicer;
    unsigned none = 0;
    if (shard->clients.draining || /* the others may have had their last turn */
        !atomic_load_explicit(&world->ready, memory_order_acquire) ||
        atomic_load_explicit(&world->left, memory_order_acquire) > 0 ||
        gw_journal_state(shard) == GW_STORE_FAILED || !is_due(shard->journal))
        return;
    /* Acquires what the end of the last round released. */
    if (!atomic_compare_exchange_strong_explicit(&world->left, &none, shard->world->shard_count + 1,
                                                 memory_order_acq_rel, memory_order_acquire))
        return;
    gw_mover_on_begin(shard);
    atomic_store_explicit(&world->from, gw_store_end(shard->journal->world->store),
                          memory_order_relaxed);
    atomic_store_explicit(&world->written, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&world->round, 1, memory_order_release);
    for (unsigned i = 0; i < shard->world->shard_count; i++)
        if (i != shard->index)
            gw_journal_wake(&shard->world->shards[i]);
}

/* The last shard through ends the round. */
static void end(struct gw_shard *shard)
{
    struct gw_slicer_world *world = &shard->journal->world->slicer;
    gw_position from = atomic_load_explicit(&world->from, memory_order_relaxed);
    for (unsigned i = 0; i < shard->world->shard_count; i++) {
        gw_position oldest = atomic_load_explicit(&world->oldest[i], memory_order_acquire);
        from = oldest < from ? oldest : from;
    }
    atomic_store_explicit(&world->last_written,
                          atomic_load_explicit(&world->written, memory_order_relaxed),
                          memory_order_relaxed);
    gw_store_set_checkpoint(shard->journal->world->store, from);
    gw_mover_on_end(shard);
}

void gw_slicer_on_progress(struct gw_shard *shard)
{
    struct gw_slicer *slicer = &shard->journal->slicer;
    struct gw_slicer_world *world = &shard->journal->world->slicer;
    if (slicer->phase != GW_SLICER_SYNCING || !gw_journal_reached(shard, slicer->ticket, true))
        return;
    slicer->phase = GW_SLICER_IDLE;
    gw_mover_leave(shard);
    /* One more than the shards: it falls to 0, and the next round may begin, after the checkpoint.
     */
    if (atomic_fetch_sub_explicit(&world->left, 1, memory_order_acq_rel) != 2)
        return;
    end(shard);
    atomic_store_explicit(&world->left, 0, memory_order_release);
    if (!shard->clients.draining)                  /* else nobody reads mail any more */
        gw_journal_wake(&shard->world->shards[0]); /* the mover's next step is its */
}

void gw_slicer_run(struct gw_shard *shard)
{
    struct gw_slicer *slicer = &shard->journal->slicer;
    struct gw_slicer_world *world = &shard->journal->world->slicer;
    begin(shard);
    if (shard->index == 0 && !shard->clients.draining) /* nobody takes back what is fetched then */
        gw_mover_run(shard);
    uint64_t round = atomic_load_explicit(&world->round, memory_order_acquire);
    if (slicer->round != round) {
        slicer->round = round;
        slicer->phase = GW_SLICER_SESSIONS;
        slicer->slot = 0;
        slicer->object = 0;
    }
    if (is_working(slicer))
        work(shard);
    gw_slicer_on_progress(shard);
}
