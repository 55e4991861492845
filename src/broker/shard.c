#include "broker/shard.h"

#include <stdlib.h>

#include "auth/users.h"
#include "base/assert.h"
#include "broker/chain.h"
#include "broker/group.h"
#include "broker/guest.h"
#include "broker/interest.h"
#include "broker/journal.h"
#include "broker/keeper.h"
#include "broker/login.h"
#include "broker/registry.h"
#include "broker/replay.h"
#include "broker/rights.h"
#include "broker/router.h"

#define SCRATCH_MAX      ((size_t)GW_VARINT_MAX + 16)
#define SCRATCH_KEPT_MAX ((size_t)256 * 1024) /* larger scratch goes back at the end of a turn */
#define DELIVERIES_MAX   ((size_t)1 << 31)
#define TURN_TIME_MAX    (10 * GW_NS_PER_MS) /* longer, and new connections wait */
#define FULL_TOLD_PERIOD (10 * GW_NS_PER_S)
#define INDEX_NODE_SIZE  96u /* a node, its slot and its part of a level's text, about */

int64_t gw_shard_total(const struct gw_shard *shard, enum gw_metric metric)
{
    int64_t total = 0;
    for (unsigned i = 0; i < shard->world->shard_count; i++)
        total += gw_metrics_get(&shard->world->shards[i].metrics, metric);
    return total;
}

void gw_shard_count_outbox(struct gw_shard *shard, struct gw_outbox *outbox)
{
    size_t bytes = gw_outbox_bytes(outbox);
    uint32_t count = outbox->queued_count + outbox->flight_count;
    gw_metrics_add(&shard->metrics, GW_METRIC_QUEUED_BYTES,
                   (int64_t)bytes - (int64_t)outbox->told_bytes);
    gw_metrics_add(&shard->metrics, GW_METRIC_QUEUED, (int64_t)count - outbox->told_count);
    outbox->told_bytes = bytes;
    outbox->told_count = count;
}

void gw_shard_count_session(struct gw_shard *shard, struct gw_session *session)
{
    size_t bytes = gw_session_bytes(session);
    if (bytes == session->told_bytes)
        return;
    gw_shard_count_state(shard, (int64_t)bytes - (int64_t)session->told_bytes);
    session->told_bytes = bytes;
}

void gw_shard_measure(struct gw_shard *shard)
{
    static const enum gw_metric parts[] = {
        GW_METRIC_QUEUED_BYTES, GW_METRIC_RETAINED_MEMORY, GW_METRIC_STATE_BYTES,
        GW_METRIC_INDEX_BYTES,  GW_METRIC_OUTPUT_BYTES,
    };
    int64_t sum = 0;
    gw_metrics_set(&shard->metrics, GW_METRIC_INDEX_BYTES,
                   (int64_t)(gw_subindex_node_count(shard->routes.index) * INDEX_NODE_SIZE));
    for (size_t i = 0; i < GW_COUNT_OF(parts); i++)
        sum += gw_shard_total(shard, parts[i]);
    shard->memory_used = (uint64_t)sum;
}

bool gw_shard_memory_full(struct gw_shard *shard)
{
    uint64_t limit = gw_shard_settings(shard)->limits.memory;
    if (shard->memory_used < limit)
        return false;
    gw_shard_measure(shard); /* others may have given some back while this shard slept */
    return shard->memory_used >= limit;
}

void gw_shard_log_full(const struct gw_shard *shard, struct gw_session *session, uint32_t count)
{
    gw_mono_ns now = gw_loop_now(shard->loop);
    session->full_untold += count;
    if (session->full_told && now < session->full_told_at + FULL_TOLD_PERIOD)
        return;
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_session_client_id(session)),
        gw_log_number("queued", session->outbox.queued_count),
        gw_log_number("queued_bytes", (int64_t)session->outbox.queued_bytes),
        gw_log_number("dropped", session->full_untold),
    };
    session->full_told = true;
    session->full_told_at = now;
    session->full_untold = 0;
    gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "queue.full",
                 "a client's queue is full: messages are dropped", fields, GW_COUNT_OF(fields));
}

/* -- the turn -- */

static void on_turn(struct gw_timer *timer, gw_mono_ns now)
{
    (void)timer;
    (void)now; /* being awake is all that was wanted: before_flush does the work */
}

void gw_shard_want_turn(struct gw_shard *shard)
{
    gw_wheel_arm(gw_loop_wheel(shard->loop), &shard->turn, 0);
}

static void on_pressure(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_shard *shard = GW_CONTAINER(timer, struct gw_shard, clients.pressure);
    if (gw_relay_congested(shard) || gw_journal_congested(shard) ||
        gw_journal_state(shard) == GW_STORE_FULL) {
        gw_wheel_arm(gw_loop_wheel(shard->loop), timer, now + GW_WHEEL_TICK_NS);
        return;
    }
    bool again = false;
    GW_LIST_FOREACH (link, &shard->clients.paused) {
        struct gw_guest *client = GW_CONTAINER(link, struct gw_guest, paused);
        if (gw_held_many(&client->held)) { /* the disk still owes it too many answers */
            again = true;
            continue;
        }
        gw_list_remove(link);
        gw_keepalive_on_packet(&client->keepalive, now);
        gw_guest_read_on(client);
    }
    if (again)
        gw_wheel_arm(gw_loop_wheel(shard->loop), timer, now + GW_WHEEL_TICK_NS);
}

/* Clients that were ended this turn let go of their sessions here, not in the middle of whatever
 * ended them. */
static void release_ending(struct gw_shard *shard, gw_mono_ns now)
{
    for (struct gw_list *link; (link = gw_list_pop_front(&shard->clients.ending)) != NULL;)
        gw_guest_release_session(GW_CONTAINER(link, struct gw_guest, paused), now);
}

/* Tells of connections that were closed for want of descriptors or memory, once in a while. */
static void tell_unaccepted(struct gw_shard *shard, gw_mono_ns now)
{
    struct gw_shard_clients *clients = &shard->clients;
    uint64_t refused = gw_loop_counters(shard->loop)->accept_refused;
    if (refused == clients->unaccepted_told ||
        (clients->unaccepted_told > 0 && now < clients->unaccepted_told_at + FULL_TOLD_PERIOD))
        return;
    struct gw_log_field fields[] = {
        gw_log_number("refused", (int64_t)(refused - clients->unaccepted_told)),
        gw_log_str("hint", "raise it with ulimit -n, or LimitNOFILE= of the service"),
    };
    clients->unaccepted_told = refused;
    clients->unaccepted_told_at = now;
    gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "listener.exhausted",
                 "connections were closed: no descriptor is left", fields, GW_COUNT_OF(fields));
}

static void take_figures(struct gw_shard *shard)
{
    const struct gw_loop_counters *counters = gw_loop_counters(shard->loop);
    gw_metrics_set(&shard->metrics, GW_METRIC_BYTES_RECEIVED, (int64_t)counters->bytes_in);
    gw_metrics_set(&shard->metrics, GW_METRIC_HANDSHAKES, (int64_t)counters->handshakes);
    gw_metrics_set(&shard->metrics, GW_METRIC_HANDSHAKES_FAILED,
                   (int64_t)counters->handshakes_failed);
    gw_metrics_set(&shard->metrics, GW_METRIC_BYTES_SENT, (int64_t)counters->bytes_out);
    gw_metrics_set(&shard->metrics, GW_METRIC_OUTPUT_BYTES, (int64_t)counters->output_bytes);
    gw_shard_measure(shard);
}

static void shrink(struct gw_buf *scratch)
{
    if (scratch->capacity > SCRATCH_KEPT_MAX)
        gw_buf_fini(scratch);
}

static void note_drained(struct gw_shard *shard)
{
    if (!shard->clients.draining || shard->clients.drained || !gw_list_empty(&shard->clients.all))
        return;
    shard->clients.drained = true;
    atomic_fetch_add_explicit(&shard->world->drained, 1, memory_order_release);
}

/* New connections have to wait while any shard has too much to do for those that are there: one
 * that is accepted may belong to any. */
static void judge_turn(struct gw_shard *shard, gw_mono_ns now)
{
    bool late = gw_clock_mono(gw_loop_clock(shard->loop)) - now > TURN_TIME_MAX;
    atomic_store_explicit(&shard->inbox.late, late, memory_order_relaxed);
    if (late) /* not to stay so while it sleeps */
        gw_shard_want_turn(shard);
    for (unsigned i = 0; i < shard->world->shard_count && !late; i++)
        late = atomic_load_explicit(&shard->world->shards[i].inbox.late, memory_order_relaxed);
    bool crowded = gw_lobby_look(shard, now);
    gw_loop_accept_slowly(shard->loop, late || crowded);
}

static void before_flush(void *user, gw_mono_ns now)
{
    struct gw_shard *shard = user;
    release_ending(shard, now);
    gw_group_run(shard);
    gw_replay_run(shard, now);
    gw_keeper_run(shard);
    release_ending(shard, now); /* these may have ended somebody */
    gw_journal_submit(shard);   /* before anybody else hears of this turn */
    gw_relay_flush(shard);
    take_figures(shard);
    tell_unaccepted(shard, now);
    shrink(&shard->scratch);
    shrink(&shard->scratch_in);
    note_drained(shard);
    judge_turn(shard, now);
}

void gw_shard_drain(struct gw_shard *shard)
{
    shard->clients.draining = true;
    GW_LIST_FOREACH (link, &shard->clients.all) {
        gw_guest_end(GW_CONTAINER(link, struct gw_guest, link), GW_REASON_SERVER_SHUTTING_DOWN,
                     "the broker is shutting down", NULL);
    }
    gw_shard_want_turn(shard);
}

bool gw_shard_cut(struct gw_shard *shard)
{
    bool quiet = gw_list_empty(&shard->clients.all) && !gw_relay_pending(shard) &&
                 gw_loop_mail_weight(shard->loop) == 0;
    shard->clients.draining = true;
    GW_LIST_FOREACH (link, &shard->clients.all) {
        gw_guest_cut(GW_CONTAINER(link, struct gw_guest, link));
    }
    return quiet;
}

/* -- configuration -- */

void gw_shard_config_unref(struct gw_shard_config *config)
{
    if (!config || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1)
        return;
    gw_config_fini(&config->config);
    gw_users_unref(config->users);
    gw_chain_unref(config->chain);
    free(config);
}

void gw_shard_configure(struct gw_shard *shard, struct gw_shard_config *config)
{
    struct gw_shard_config *before = shard->config;
    shard->config = config;
    if (before->users != config->users || before->chain != config->chain)
        gw_login_review(shard);
    gw_rights_on_configured(shard, before);
    gw_shard_config_unref(before);
}

/* -- life -- */

static enum gw_status init_routes(struct gw_shard *shard)
{
    shard->routes.index = gw_subindex_new(shard->world->services.seed);
    if (!shard->routes.index)
        return GW_NO_MEMORY;
    gw_interest_init(shard);
    gw_group_init(shard);
    return gw_router_init(shard);
}

enum gw_status gw_shard_init(struct gw_shard *shard, struct gw_shard_world *world, unsigned index,
                             struct gw_shard_config *config)
{
    shard->world = world;
    shard->index = index;
    shard->config = config;
    gw_rights_on_configured(shard, NULL);
    gw_list_init(&shard->clients.all);
    gw_list_init(&shard->clients.paused);
    gw_list_init(&shard->clients.ending);
    gw_lobby_init(&shard->clients.lobby);
    gw_timer_init(&shard->clients.pressure, on_pressure);
    gw_timer_init(&shard->turn, on_turn);
    gw_buf_init(&shard->scratch, SCRATCH_MAX);
    gw_buf_init(&shard->scratch_in, SCRATCH_MAX);
    gw_random_init(&shard->random, gw_hash_mix(world->services.seed, index + 1));
    gw_pool_init(&shard->sessions.host.deliveries, sizeof(struct gw_delivery), DELIVERIES_MAX);
    shard->sessions.host.on_settled = gw_group_settled;
    shard->sessions.host.on_dropped = gw_group_dropped;
    shard->sessions.host.user = shard;
    gw_registry_init(shard);
    gw_replay_init(shard);
    shard->loop = gw_loop_new(world->services.sockets, world->services.clock, shard);
    if (!shard->loop)
        return GW_OS_ERROR;
    GW_TRY(init_routes(shard));
    GW_TRY(gw_keeper_init(shard));
    struct gw_loop_hooks hooks = {.before_flush = before_flush, .user = shard};
    gw_loop_set_hooks(shard->loop, &hooks);
    return GW_OK;
}

/* Whatever was counted in has been counted out again. */
static void check_figures(const struct gw_shard *shard)
{
    static const enum gw_metric gauges[] = {
        GW_METRIC_CONNECTIONS,   GW_METRIC_CLIENTS_CONNECTED,    GW_METRIC_SESSIONS,
        GW_METRIC_SUBSCRIPTIONS, GW_METRIC_SHARED_SUBSCRIPTIONS, GW_METRIC_QUEUED,
        GW_METRIC_QUEUED_BYTES,  GW_METRIC_STATE_BYTES,          GW_METRIC_RETAINED,
        GW_METRIC_RETAINED_HOT,  GW_METRIC_RETAINED_MEMORY,
    };
    for (size_t i = 0; i < GW_COUNT_OF(gauges); i++)
        GW_ASSERT(gw_metrics_get(&shard->metrics, gauges[i]) == 0);
}

void gw_shard_fini(struct gw_shard *shard)
{
    if (shard->retained.set) {
        gw_registry_fini(shard);
        gw_group_fini(shard);
        gw_interest_fini(shard);
        gw_keeper_fini(shard);
        check_figures(shard);
    }
    gw_replay_fini(shard);
    gw_router_fini(shard);
    gw_relay_fini(shard);
    gw_subindex_free(shard->routes.index);
    gw_pool_fini(&shard->sessions.host.deliveries);
    gw_buf_fini(&shard->scratch);
    gw_buf_fini(&shard->scratch_in);
    gw_journal_fini(shard);
    gw_loop_free(shard->loop);
    gw_shard_config_unref(shard->config);
}
