#include "broker/broker.h"

#include <stdlib.h>

#include "auth/users.h"
#include "base/assert.h"
#include "broker/authors.h"
#include "broker/certs.h"
#include "broker/chain.h"
#include "broker/checker.h"
#include "broker/durability.h"
#include "broker/entrance.h"
#include "broker/guest.h"
#include "broker/journal.h"
#include "broker/quota.h"
#include "broker/restore.h"
#include "broker/shard.h"
#include "broker/sysinfo.h"
#include "broker/watchlist.h"
#include "os/account.h"
#include "os/thread.h"

#define DRAIN_POLL        (2 * GW_NS_PER_MS)
#define CLEAR_TURNS_MAX   1000u
#define CLEAR_TURNS_QUIET 3u
#define SETTLE_TURNS      4u /* a word, its answer, and what that brings about */

/* A listener and who it calls on each shard. */
struct post {
    struct gw_listener *listener;
    struct gw_shard *shard;
    const struct gw_entrance *entrance;
};

struct gw_broker {
    struct gw_shard_world world;
    struct gw_journal_world journal;
    struct gw_shard_config *config;
    struct gw_thread *threads;
    struct gw_sysinfo *sysinfo;
    struct gw_certs *certs;
    struct kept *kept; /* sponsors */
    struct gw_listener *listeners[GW_CONFIG_LISTENERS_MAX];
    struct gw_entrance entrances[GW_CONFIG_LISTENERS_MAX]; /* of those; they outlive them */
    uint8_t listener_items[GW_CONFIG_LISTENERS_MAX];       /* which of the configuration each is */
    struct post *posts;                                    /* listener_count x shard_count */
    size_t listener_count;
    unsigned started; /* threads that run */
    bool storing;     /* so do the store's */
};

/* One who may vouch for clients, kept until nobody else has it: its end waits for its workers,
 * which only the controlling thread may do. */
struct kept {
    struct kept *next;
    struct gw_sponsor *sponsor; /* one reference */
};

/* An order to a shard from the controlling thread. */
struct order {
    struct gw_mail mail;
    struct gw_broker *broker;
    struct gw_shard_config *config; /* reload */
};

/* -- life -- */

static struct gw_shard_config *config_ref(struct gw_shard_config *config)
{
    atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    return config;
}

/* Copies the configuration; takes references to users and chain, which may be NULL. */
static enum gw_status config_new(const struct gw_config *config, struct gw_users *users,
                                 struct gw_chain *chain, struct gw_shard_config **ret_config)
{
    struct gw_shard_config *copy = calloc(1, sizeof(*copy));
    if (!copy)
        return GW_NO_MEMORY;
    atomic_init(&copy->refs, 1);
    if (gw_config_copy(config, &copy->config) != GW_OK) {
        free(copy);
        return GW_NO_MEMORY;
    }
    copy->users = users ? gw_users_ref(users) : NULL;
    copy->chain = chain ? gw_chain_ref(chain) : NULL;
    *ret_config = copy;
    return GW_OK;
}

static enum gw_status init_shards(struct gw_broker *broker)
{
    struct gw_shard_world *world = &broker->world;
    unsigned wanted = broker->config->config.threads;
    if (wanted == 0)
        wanted = gw_thread_core_count();
    if (wanted > GW_BROKER_SHARDS_MAX)
        wanted = GW_BROKER_SHARDS_MAX;
    world->shards = calloc(wanted, sizeof(*world->shards));
    world->strangers = calloc(GW_SHARD_STRANGERS, sizeof(*world->strangers));
    world->watchlist = gw_watchlist_new(world->services.seed);
    world->authors = gw_authors_new(world->services.seed);
    world->quota = gw_quota_new(world->services.seed);
    const struct gw_checker_options pool = {.name = "godwit-login",
                                            .workers = broker->config->config.limits.login.workers};
    world->checker = gw_checker_new(&pool);
    broker->threads = calloc(wanted, sizeof(*broker->threads));
    if (!world->shards || !world->strangers || !world->watchlist || !world->authors ||
        !world->quota || !world->checker || !broker->threads)
        return GW_NO_MEMORY;
    world->shard_count = wanted;
    for (unsigned i = 0; i < wanted; i++)
        GW_TRY(gw_shard_init(&world->shards[i], world, i, config_ref(broker->config)));
    broker->certs = gw_certs_new(world->services.log, world->services.clock);
    broker->sysinfo = broker->certs ? gw_sysinfo_new(&world->shards[0]) : NULL;
    return broker->sysinfo ? GW_OK : GW_NO_MEMORY;
}

enum gw_status gw_broker_new(const struct gw_config *config,
                             const struct gw_broker_services *services,
                             struct gw_broker **ret_broker)
{
    struct gw_broker *broker = calloc(1, sizeof(*broker));
    if (!broker)
        return GW_NO_MEMORY;
    broker->world.services = *services;
    broker->world.started_at = gw_clock_mono(services->clock);
    enum gw_status status = config_new(config, NULL, NULL, &broker->config);
    if (status == GW_OK)
        status = init_shards(broker);
    if (status != GW_OK) {
        gw_broker_free(broker);
        return status;
    }
    *ret_broker = broker;
    return GW_OK;
}

static void close_listeners(struct gw_broker *broker)
{
    for (size_t i = 0; i < broker->listener_count; i++) {
        for (unsigned s = 0; s < broker->world.shard_count; s++)
            gw_listener_leave(broker->listeners[i], broker->world.shards[s].loop);
        gw_listener_close(broker->listeners[i]);
    }
    broker->listener_count = 0;
}

/* -- sponsors -- */

static bool is_kept(const struct gw_broker *broker, const struct gw_sponsor *sponsor)
{
    for (const struct kept *kept = broker->kept; kept; kept = kept->next)
        if (kept->sponsor == sponsor)
            return true;
    return false;
}

static enum gw_status keep_sponsors(struct gw_broker *broker, const struct gw_chain *chain)
{
    for (size_t i = 0; chain && i < chain->count; i++) {
        struct gw_sponsor *sponsor = chain->links[i].sponsor;
        if (!sponsor || is_kept(broker, sponsor))
            continue;
        struct kept *kept = calloc(1, sizeof(*kept));
        if (!kept)
            return GW_NO_MEMORY;
        *kept = (struct kept){broker->kept, gw_sponsor_ref(sponsor)};
        broker->kept = kept;
    }
    return GW_OK;
}

/* Whom nobody asks any more is let go of. */
static void release_sponsors(struct gw_broker *broker, bool all)
{
    struct kept **next = &broker->kept;
    while (*next) {
        struct kept *kept = *next;
        if (!all && !gw_sponsor_is_alone(kept->sponsor)) {
            next = &kept->next;
            continue;
        }
        *next = kept->next;
        gw_sponsor_unref(kept->sponsor);
        free(kept);
    }
}

static enum gw_status start_workers(struct gw_broker *broker, const struct gw_users *users,
                                    const struct gw_chain *chain)
{
    if (users)
        GW_TRY(gw_checker_start(broker->world.checker));
    for (size_t i = 0; chain && i < chain->count; i++)
        if (chain->links[i].sponsor)
            GW_TRY(gw_checker_start(gw_sponsor_pool(chain->links[i].sponsor)));
    return GW_OK;
}

static void stop_workers(struct gw_broker *broker)
{
    if (broker->world.checker)
        gw_checker_stop(broker->world.checker);
    for (const struct kept *kept = broker->kept; kept; kept = kept->next)
        gw_checker_close(gw_sponsor_pool(kept->sponsor));
    for (const struct kept *kept = broker->kept; kept; kept = kept->next)
        gw_checker_stop(gw_sponsor_pool(kept->sponsor));
}

/* -- the end -- */

/* A drain that was not over in time, or none at all, leaves clients, mail and clients in the mail:
 * turns the loops, which nobody runs any more, until they have found their ends. */
static void clear_loops(struct gw_broker *broker)
{
    struct gw_shard_world *world = &broker->world;
    unsigned quiet = 0; /* orders have no weight: some more turns see them through */
    for (unsigned turn = 0; turn < CLEAR_TURNS_MAX && quiet < CLEAR_TURNS_QUIET; turn++) {
        bool all_quiet = true;
        for (unsigned s = 0; s < world->shard_count; s++) {
            all_quiet &= gw_shard_cut(&world->shards[s]);
            gw_loop_turn(world->shards[s].loop, gw_clock_mono(world->services.clock));
        }
        quiet = all_quiet ? quiet + 1 : 0;
    }
}

void gw_broker_free(struct gw_broker *broker)
{
    if (!broker)
        return;
    struct gw_shard_world *world = &broker->world;
    if (broker->sysinfo) /* every shard is complete */
        clear_loops(broker);
    if (broker->storing) {
        gw_store_stop(broker->journal.store);
        clear_loops(broker); /* its last word is in their mail */
    } else if (broker->sysinfo && broker->journal.store) {
        gw_store_end_fetches(broker->journal.store);
        clear_loops(broker);
    }
    stop_workers(broker);
    if (broker->sysinfo)
        clear_loops(broker); /* so are the last answers */
    gw_sysinfo_free(broker->sysinfo);
    close_listeners(broker);
    for (unsigned i = 0; i < world->shard_count; i++)
        if (world->shards[i].world)
            gw_shard_fini(&world->shards[i]);
    for (size_t i = 0; i < GW_CONFIG_LISTENERS_MAX; i++)
        gw_entrance_fini(&broker->entrances[i]);
    gw_certs_free(broker->certs);
    gw_shard_config_unref(broker->config);
    release_sponsors(broker, true);
    free(broker->posts);
    free(broker->threads);
    if (world->journal)
        gw_mover_fini(&world->journal->mover);
    gw_store_close(broker->journal.store);
    free(broker->journal.marks);
    gw_checker_free(world->checker);
    gw_watchlist_free(world->watchlist);
    gw_authors_free(world->authors);
    gw_quota_free(world->quota);
    free(world->strangers);
    free(world->shards);
    free(broker);
}

/* -- the store -- */

static void apply(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    gw_image_apply(user, kind, position, body);
}

/* Turns the loops until nothing is on its way between them. */
static void settle_loops(struct gw_broker *broker)
{
    for (unsigned turn = 0; turn < SETTLE_TURNS; turn++)
        for (unsigned s = 0; s < broker->world.shard_count; s++)
            gw_loop_turn(broker->world.shards[s].loop, gw_clock_mono(broker->world.services.clock));
}

static void log_recovered(const struct gw_broker *broker, const struct gw_store_report *report,
                          const struct gw_restore_counts *counts, gw_mono_ns began)
{
    gw_mono_ns now = gw_clock_mono(broker->world.services.clock);
    struct gw_log_field fields[] = {
        gw_log_str("path", gw_durability_path(&broker->config->config)),
        gw_log_number("sessions", (int64_t)counts->sessions),
        gw_log_number("subscriptions", (int64_t)counts->subscriptions),
        gw_log_number("queued", (int64_t)counts->queued),
        gw_log_number("retained", (int64_t)counts->retained),
        gw_log_number("on_their_way", (int64_t)counts->unfinished),
        gw_log_number("lost", (int64_t)counts->lost),
        gw_log_number("segments", (int64_t)report->segments),
        gw_log_number("read_bytes", (int64_t)report->bytes),
        gw_log_number("after_ms", (int64_t)((now - began) / GW_NS_PER_MS)),
    };
    gw_log_event(broker->world.services.log, GW_LOG_INFO, "store.open", "the store is open", fields,
                 GW_COUNT_OF(fields));
}

static enum gw_status restore(struct gw_broker *broker, struct gw_image *image,
                              struct gw_restore_counts *ret_counts)
{
    struct gw_shard_world *world = &broker->world;
    atomic_store_explicit(&broker->journal.serial, image->serial_max, memory_order_relaxed);
    GW_TRY(gw_image_finish(image));
    settle_loops(broker); /* they learn what time it is */
    GW_TRY(gw_restore_run(world, image, ret_counts));
    settle_loops(broker);
    GW_TRY(gw_restore_finish(world, image, ret_counts));
    settle_loops(broker);
    while (gw_store_step(broker->journal.store))
        ;
    gw_slicer_allow(&broker->journal.slicer);
    return GW_OK;
}

static enum gw_status open_store(struct gw_broker *broker, struct gw_store_error *ret_error)
{
    const struct gw_config *config = &broker->config->config;
    const struct gw_broker_services *services = &broker->world.services;
    size_t count = broker->world.shard_count;
    struct gw_store_options options = {
        .disk = services->disk,
        .clock = services->clock,
        .log = services->log,
        .path = gw_durability_path(config),
        .segment_size = config->store.segment,
        .stream_count = (unsigned)count,
    };
    GW_TRY(gw_store_open(&options, &broker->journal.store, ret_error));
    broker->journal.marks = calloc(count * count, sizeof(*broker->journal.marks));
    if (!broker->journal.marks)
        return GW_NO_MEMORY;
    gw_mover_init(&broker->journal.mover);
    broker->world.journal = &broker->journal;
    for (unsigned i = 0; i < count; i++)
        GW_TRY(gw_journal_init(&broker->world.shards[i]));
    return GW_OK;
}

enum gw_status gw_broker_recover(struct gw_broker *broker, struct gw_store_error *ret_error)
{
    const struct gw_broker_services *services = &broker->world.services;
    *ret_error = (struct gw_store_error){.what = "out of memory"};
    if (!services->disk || !gw_durability_path(&broker->config->config))
        return GW_OK;
    gw_mono_ns began = gw_clock_mono(services->clock);
    GW_TRY(open_store(broker, ret_error));
    struct gw_store_report report;
    struct gw_restore_counts counts;
    struct gw_image *image = gw_image_new(services->seed);
    enum gw_status status =
        image ? gw_store_recover(broker->journal.store, apply, image, &report, ret_error)
              : GW_NO_MEMORY;
    if (status == GW_OK) {
        ret_error->what = "out of memory or file descriptors";
        status = restore(broker, image, &counts);
    }
    gw_image_free(image);
    if (status == GW_OK && !services->stepped) {
        status = gw_store_start(broker->journal.store);
        ret_error->what = "cannot start a thread";
        broker->storing = status == GW_OK;
    }
    if (status == GW_OK)
        log_recovered(broker, &report, &counts, began);
    return status;
}

bool gw_broker_step_store(struct gw_broker *broker)
{
    return broker->journal.store && gw_store_step(broker->journal.store);
}

struct gw_store *gw_broker_store(const struct gw_broker *broker)
{
    return broker->journal.store;
}

/* -- listeners -- */

static void on_accept(void *user, struct gw_listener *listener, struct gw_conn *conn,
                      gw_mono_ns now)
{
    const struct post *post = user;
    (void)listener;
    gw_guest_accept(post->shard, post->entrance, conn, now);
}

/* What a TLS listener takes its certificates from; NULL for others. */
static enum gw_status open_tls(struct gw_broker *broker, size_t item, struct gw_tls_slot **ret_slot,
                               struct gw_tlsfault *fault)
{
    const struct gw_config *config = &broker->config->config;
    enum gw_config_scheme scheme = config->listeners.items[item].scheme;
    *ret_slot = NULL;
    if (scheme != GW_CONFIG_MQTTS && scheme != GW_CONFIG_WSS)
        return GW_OK;
    return gw_certs_open(broker->certs, config, item, ret_slot, fault);
}

enum gw_status gw_broker_place(const struct gw_config *config,
                               const struct gw_config_listener *listener,
                               struct gw_socket_place *ret_place, struct gw_broker_error *error)
{
    const char *group = listener->socket.group;
    *ret_place = (struct gw_socket_place){
        .address = &listener->address,
        .backlog = (int)config->limits.backlog,
        .mode = listener->socket.mode,
        .has_group = group != NULL,
    };
    error->no_group = group && gw_account_group(group, &ret_place->group) != GW_OK;
    return error->no_group ? GW_NOT_FOUND : GW_OK;
}

/* Opens it, unless it is open already. */
static enum gw_status listen_to(struct gw_broker *broker, const struct gw_config_listener *listener,
                                struct gw_listener **ret_listener, struct gw_broker_error *error)
{
    const struct gw_broker_services *services = &broker->world.services;
    struct gw_socket_place place = {.address = &listener->address};
    if (services->inherited) {
        place.given = gw_inherited_take(services->inherited, &listener->address);
        place.is_given = place.given >= 0;
    }
    if (!place.is_given)
        GW_TRY(gw_broker_place(&broker->config->config, listener, &place, error));
    return gw_listener_open(services->sockets, &place, ret_listener, &error->os_errno);
}

static enum gw_status open_listener(struct gw_broker *broker, size_t item,
                                    struct gw_broker_error *error)
{
    struct gw_shard_world *world = &broker->world;
    const struct gw_config_listener *listener = &broker->config->config.listeners.items[item];
    size_t index = broker->listener_count;
    struct gw_entrance *entrance = &broker->entrances[index];
    struct gw_tls_slot *slot;
    GW_TRY(open_tls(broker, item, &slot, &error->tls));
    gw_entrance_fini(entrance); /* of one that could not be opened */
    GW_TRY(gw_entrance_init(entrance, &broker->config->config, listener, slot));
    GW_TRY(listen_to(broker, listener, &broker->listeners[index], error));
    gw_listener_set_layers(broker->listeners[index], entrance->layers, entrance->layer_count);
    broker->listener_items[index] = (uint8_t)item;
    broker->listener_count++;
    for (unsigned s = 0; s < world->shard_count; s++) {
        struct post *post = &broker->posts[index * world->shard_count + s];
        *post = (struct post){broker->listeners[index], &world->shards[s], entrance};
        GW_TRY(gw_listener_join(post->listener, post->shard->loop, on_accept, post));
    }
    return GW_OK;
}

enum gw_status gw_broker_open(struct gw_broker *broker, struct gw_broker_error *ret_error)
{
    const struct gw_config_listeners *listeners = &broker->config->config.listeners;
    *ret_error = (struct gw_broker_error){0};
    broker->posts = calloc(listeners->count * broker->world.shard_count, sizeof(*broker->posts));
    if (!broker->posts)
        return GW_NO_MEMORY;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct gw_config_listener *listener = &listeners->items[i];
        enum gw_status status = open_listener(broker, i, ret_error);
        if (status == GW_OK || (listener->optional && broker->listener_count > 0))
            continue;
        ret_error->listener = listener;
        ret_error->what = "cannot listen";
        close_listeners(broker);
        return status;
    }
    return GW_OK;
}

size_t gw_broker_listener_count(const struct gw_broker *broker)
{
    return broker->listener_count;
}

const struct gw_address *gw_broker_listener_address(const struct gw_broker *broker, size_t index)
{
    return gw_listener_address(broker->listeners[index]);
}

const struct gw_config_listener *gw_broker_listener_config(const struct gw_broker *broker,
                                                           size_t index)
{
    /* `listeners` needs a restart: a reload keeps the items and their order. */
    return &broker->config->config.listeners.items[broker->listener_items[index]];
}

unsigned gw_broker_loop_count(const struct gw_broker *broker)
{
    return broker->world.shard_count;
}

struct gw_loop *gw_broker_loop(const struct gw_broker *broker, unsigned index)
{
    return broker->world.shards[index].loop;
}

/* -- threads -- */

static void *run(void *user)
{
    gw_loop_run(user);
    return NULL;
}

enum gw_status gw_broker_start(struct gw_broker *broker)
{
    GW_TRY(start_workers(broker, broker->config->users, broker->config->chain));
    for (unsigned i = 0; i < broker->world.shard_count; i++) {
        GW_TRY(
            gw_thread_start(&broker->threads[i], "godwit-loop", run, broker->world.shards[i].loop));
        broker->started++;
    }
    return GW_OK;
}

static void post_to_all(struct gw_broker *broker, gw_mail_fn *fn, struct gw_shard_config *config)
{
    for (unsigned i = 0; i < broker->world.shard_count; i++) {
        struct order *order = calloc(1, sizeof(*order));
        GW_ASSERT(order != NULL);
        order->mail.fn = fn;
        order->broker = broker;
        order->config = config ? config_ref(config) : NULL;
        gw_loop_post(broker->world.shards[i].loop, &order->mail);
    }
}

static void on_drain(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct gw_shard *shard = owner;
    struct order *order = GW_CONTAINER(mail, struct order, mail);
    (void)now;
    for (size_t i = 0; i < order->broker->listener_count && !shard->clients.draining; i++)
        gw_listener_leave(order->broker->listeners[i], shard->loop);
    gw_shard_drain(shard);
    free(order);
}

void gw_broker_drain(struct gw_broker *broker)
{
    post_to_all(broker, on_drain, NULL);
}

bool gw_broker_drained(const struct gw_broker *broker)
{
    return atomic_load_explicit(&broker->world.drained, memory_order_acquire) >=
           broker->world.shard_count;
}

enum gw_status gw_broker_wait(struct gw_broker *broker)
{
    const struct gw_clock *clock = broker->world.services.clock;
    gw_mono_ns deadline = gw_clock_mono(clock) + broker->config->config.limits.drain_time;
    while (!gw_broker_drained(broker) && gw_clock_mono(clock) < deadline)
        gw_thread_sleep(DRAIN_POLL);
    bool drained = gw_broker_drained(broker);
    for (unsigned i = 0; i < broker->started; i++)
        gw_loop_stop(broker->world.shards[i].loop);
    for (unsigned i = 0; i < broker->started; i++)
        gw_thread_join(&broker->threads[i]);
    broker->started = 0;
    return drained ? GW_OK : GW_TIMEOUT;
}

/* -- reload -- */

static void on_reload(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct order *order = GW_CONTAINER(mail, struct order, mail);
    gw_shard_configure(owner, order->config);
    if (owner == &order->broker->world.shards[0])
        gw_sysinfo_on_config(order->broker->sysinfo, now);
    free(order);
}

static void on_users(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct order *order = GW_CONTAINER(mail, struct order, mail);
    (void)now;
    gw_shard_configure(owner, order->config);
    free(order);
}

static void put_in_force(struct gw_broker *broker, struct gw_shard_config *next, gw_mail_fn *fn)
{
    post_to_all(broker, fn, next);
    gw_shard_config_unref(broker->config);
    broker->config = next;
}

enum gw_status gw_broker_reload(struct gw_broker *broker, const struct gw_config *config)
{
    struct gw_shard_config *next;
    GW_TRY(config_new(config, broker->config->users, broker->config->chain, &next));
    enum gw_status status = gw_certs_reload(broker->certs, &next->config);
    if (status != GW_OK) {
        gw_shard_config_unref(next);
        return status;
    }
    put_in_force(broker, next, on_reload);
    return GW_OK;
}

enum gw_status gw_broker_set_auth(struct gw_broker *broker, struct gw_users *users,
                                  struct gw_chain *chain)
{
    struct gw_shard_config *next;
    GW_TRY(keep_sponsors(broker, chain));
    if (broker->started > 0)
        GW_TRY(start_workers(broker, users, chain));
    GW_TRY(config_new(&broker->config->config, users, chain, &next));
    put_in_force(broker, next, on_users);
    return GW_OK;
}

enum gw_status gw_broker_set_users(struct gw_broker *broker, struct gw_users *users)
{
    return gw_broker_set_auth(broker, users, broker->config->chain);
}

void gw_broker_tick(struct gw_broker *broker)
{
    gw_certs_tick(broker->certs, &broker->config->config);
    release_sponsors(broker, false);
}
