/*
 * broker/shard: everything that one loop owns: its clients, sessions, subscriptions, retained
 *               messages, groups, and the figures about them.
 *
 * Layer   broker.
 * Owner   one loop; other shards reach it by relay only.
 * Life    init before the loop runs, fini after it stopped.
 * Limits  the configuration's.
 */
#ifndef GW_BROKER_SHARD_H
#define GW_BROKER_SHARD_H

#include "base/handles.h"
#include "base/map.h"
#include "base/random.h"
#include "broker/broker.h"
#include "broker/lobby.h"
#include "broker/metrics.h"
#include "broker/relay.h"
#include "session/session.h"
#include "topic/retained.h"

struct gw_relay_batch;
struct gw_router_scratch;
struct gw_guest;
struct gw_journal;
struct gw_resettle;
struct gw_journal_world;
struct gw_authors;
struct gw_quota;
struct gw_checker;
struct gw_watchlist;
struct gw_users;
struct gw_chain;

#define GW_SHARD_STRANGERS 65536u /* so many that few of them are shared */

/* A configuration in use, counted by the shards that read it. */
struct gw_shard_config {
    atomic_uint refs;
    struct gw_config config;
    struct gw_users *users; /* one reference; NULL: none are configured */
    struct gw_chain *chain; /* one reference; NULL: nobody but these users is asked */
};

/* What all shards share; immutable while they run. */
struct gw_shard_world {
    struct gw_broker_services services;
    struct gw_shard *shards;
    unsigned shard_count;
    gw_mono_ns started_at;
    atomic_uint drained; /* shards whose drain is over */
    /* Connections before CONNECT, by hash of their address, which the shards count together: two
     * addresses in one slot share its limit. Relaxed and unpaired: nothing hangs on a count. */
    atomic_uint *strangers;
    struct gw_journal_world *journal; /* NULL: nothing is kept */
    struct gw_checker *checker;
    struct gw_watchlist *watchlist;
    struct gw_authors *authors;
    struct gw_quota *quota;
    /* When users or rules last changed, on any shard: what came before is judged once more when it
     * goes out. Grows only. Relaxed: whoever reads an older one has not taken the change yet. */
    _Atomic gw_mono_ns rights_since;
};

/* Sessions and what hangs on them. */
struct gw_shard_sessions {
    struct gw_map by_id;         /* gw_session.node */
    struct gw_handles handles;   /* gw_session.handle */
    struct gw_map subscriptions; /* gw_subscription.node */
    struct gw_outbox_host host;  /* deliveries of all outboxes */
};

/* Who wants what. */
struct gw_shard_routes {
    struct gw_subindex *index;
    struct gw_map interests; /* gw_interest.node, by filter; empty with one shard */
    struct gw_map groups;    /* gw_group.node, by whole filter */
    struct gw_map members;   /* of these groups, by group and session */
    struct gw_handles group_handles;
    struct gw_list waiting; /* gw_group.waiting: have messages and perhaps somebody to take them */
    struct gw_router_scratch *scratch;
    uint64_t round; /* publications matched */
};

struct gw_shard_retained {
    struct gw_retained *set;
    struct gw_retained_cursor sweep; /* of expired ones */
    struct gw_timer sweeper;
    uint64_t expiring;              /* messages that have an expiry interval */
    struct gw_retained_cursor hand; /* goes round for hot ones to make cold */
    int64_t hot_bytes;              /* of messages in memory that are in the log */
    uint64_t fruitless;             /* topics that the hand passed since it last found one */
    gw_position stuck_at;           /* how far the log was written when it last looked */
    struct gw_resettle *resettle;   /* of a round that goes on, see broker/resettle */
    struct gw_handles replays;
    struct gw_list ready;   /* gw_replay.ready: have room to go on */
    struct gw_list recalls; /* gw_recall.link: wait until others are back from the log */
    unsigned recalls_away;
};

struct gw_shard_clients {
    struct gw_list all;    /* gw_guest.link */
    struct gw_list paused; /* gw_guest.paused: not read while other shards are behind */
    struct gw_list ending; /* gw_guest.paused: to let go of their session this turn */
    struct gw_lobby lobby; /* those that shake hands */
    struct gw_timer pressure;
    bool draining;
    bool drained;
    uint64_t unaccepted_told; /* of the loop's accept_refused: what the log has heard of */
    gw_mono_ns unaccepted_told_at;
};

/* How far a shard is behind with what others sent it. Relaxed atomics: hints for pressure. */
struct gw_shard_inbox {
    atomic_uint waiting;  /* events; added by senders, taken off by the owner */
    atomic_uint event_ns; /* what one costs, smoothed; written by the owner */
    atomic_bool late;     /* its last turn took longer than it should */
};

struct gw_shard {
    struct gw_shard_world *world;
    struct gw_shard_config *config;
    struct gw_loop *loop;
    struct gw_shard_sessions sessions;
    struct gw_shard_routes routes;
    struct gw_shard_retained retained;
    struct gw_shard_clients clients;
    struct gw_journal *journal;                               /* NULL: nothing is kept */
    struct gw_relay_batch *outgoing[2][GW_BROKER_SHARDS_MAX]; /* what goes first, what after */
    struct gw_shard_inbox inbox;
    struct gw_metrics metrics;
    struct gw_random random;
    struct gw_buf scratch;    /* what goes out: properties, reason codes; within one call */
    struct gw_buf scratch_in; /* what came in: properties of the message on its way */
    struct gw_timer turn;     /* armed to keep the loop from sleeping on unfinished work */
    unsigned index;
    uint32_t guard;       /* of the access rules in force; 0: there are none (broker/rights) */
    uint32_t guards;      /* given so far */
    uint64_t memory_used; /* of all shards, by gw_shard_measure */
};

/* Prepares a shard and its loop; GW_NO_MEMORY, GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_shard_init(struct gw_shard *shard, struct gw_shard_world *world,
                                         unsigned index, struct gw_shard_config *config);
/* Releases everything; the loop must not run any more. */
void gw_shard_fini(struct gw_shard *shard);

static inline const struct gw_config *gw_shard_settings(const struct gw_shard *shard)
{
    return &shard->config->config;
}

static inline const struct gw_log *gw_shard_log(const struct gw_shard *shard)
{
    return shard->world->services.log;
}

/* Which shard owns what hashes so. */
static inline unsigned gw_shard_owner(const struct gw_shard *shard, uint64_t hash)
{
    return (unsigned)(hash % shard->world->shard_count);
}

/* The hash under which names and ids are spread; the same on every shard. */
static inline uint64_t gw_shard_hash(const struct gw_shard *shard, struct gw_span bytes)
{
    return gw_hash_bytes(bytes, shard->world->services.seed);
}

/* Asks for one more turn soon: there is work left that no event will announce. */
void gw_shard_want_turn(struct gw_shard *shard);

/* A figure over all shards. */
int64_t gw_shard_total(const struct gw_shard *shard, enum gw_metric metric);

/* Begins the drain on this shard, and tells if it is over. */
void gw_shard_drain(struct gw_shard *shard);

/* Cuts what is left of its clients; true if it had none and has told the others everything. For the
 * end, when the loops' threads are gone and somebody else turns them. */
bool gw_shard_cut(struct gw_shard *shard);

/* Puts a configuration in force; takes the reference over. */
void gw_shard_configure(struct gw_shard *shard, struct gw_shard_config *config);
void gw_shard_config_unref(struct gw_shard_config *config);

/* Logs that a client's queue is full and that `count` messages were dropped: the first time on a
 * connection at once, from then on once in a while with what came together. */
void gw_shard_log_full(const struct gw_shard *shard, struct gw_session *session, uint32_t count);

/* Brings the figures up to date with what an outbox holds. */
void gw_shard_count_outbox(struct gw_shard *shard, struct gw_outbox *outbox);

/* Counts memory that is held, or with a negative number given back. */
static inline void gw_shard_count_state(struct gw_shard *shard, int64_t bytes)
{
    gw_metrics_add(&shard->metrics, GW_METRIC_STATE_BYTES, bytes);
}
/* Brings the figures up to date with what a session holds beside its outbox. */
void gw_shard_count_session(struct gw_shard *shard, struct gw_session *session);

/* True while limits.memory is used up; a no may be as old as the turn or the last measure. */
bool gw_shard_memory_full(struct gw_shard *shard);
/* Adds up what all shards hold now. */
void gw_shard_measure(struct gw_shard *shard);

#endif
