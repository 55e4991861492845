#include "broker/router.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/deliverer.h"
#include "broker/group.h"
#include "broker/guest.h"
#include "broker/interest.h"
#include "broker/journal.h"
#include "broker/keeper.h"

#define NO_ID UINT32_MAX

/* A session that wants the message, with everything its matching subscriptions add up to. */
struct target {
    struct gw_session *session;
    uint32_t first_id; /* index into ids, NO_ID if none */
    uint32_t last_id;
    uint32_t id_count;
    uint8_t qos;
    bool retain_as_published;
};

struct id_link {
    uint32_t id;
    uint32_t next;
};

struct gw_router_scratch {
    struct target *targets;
    struct id_link *ids;
    uint32_t *id_run; /* one target's identifiers in a row */
    struct gw_group **groups;
    uint32_t target_count, target_capacity;
    uint32_t id_count, id_capacity, id_run_capacity;
    uint32_t group_count, group_capacity;
    uint64_t loops;                   /* other shards that want it */
    uint64_t durable_loops;           /* those of them that have to write it down */
    const struct gw_message *message; /* being matched */
    uint64_t round;
    bool durable; /* somebody here has to write it down */
    bool failed;  /* out of memory while matching */
};

enum gw_status gw_router_init(struct gw_shard *shard)
{
    shard->routes.scratch = calloc(1, sizeof(*shard->routes.scratch));
    return shard->routes.scratch ? GW_OK : GW_NO_MEMORY;
}

void gw_router_fini(struct gw_shard *shard)
{
    struct gw_router_scratch *scratch = shard->routes.scratch;
    if (!scratch)
        return;
    free(scratch->targets);
    free(scratch->ids);
    free(scratch->id_run);
    free(scratch->groups);
    free(scratch);
    shard->routes.scratch = NULL;
}

/* Makes room for one more element; NULL when memory is out. */
static void *grown(void *array, uint32_t count, uint32_t *capacity, size_t element_size)
{
    if (count < *capacity)
        return array;
    uint32_t larger = *capacity ? *capacity * 2 : 64;
    void *moved = realloc(array, larger * element_size);
    if (moved)
        *capacity = larger;
    return moved;
}

/* -- matching -- */

static struct target *target_of(struct gw_router_scratch *scratch, struct gw_session *session)
{
    if (session->match_round == scratch->round)
        return &scratch->targets[session->match_slot];
    struct target *targets =
        grown(scratch->targets, scratch->target_count, &scratch->target_capacity, sizeof(*targets));
    if (!targets)
        return NULL;
    scratch->targets = targets;
    session->match_round = scratch->round;
    session->match_slot = scratch->target_count++;
    struct target *target = &targets[session->match_slot];
    *target = (struct target){.session = session, .first_id = NO_ID};
    return target;
}

static bool add_id(struct gw_router_scratch *scratch, struct target *target, uint32_t id)
{
    struct id_link *ids =
        grown(scratch->ids, scratch->id_count, &scratch->id_capacity, sizeof(*ids));
    if (!ids)
        return false;
    scratch->ids = ids;
    uint32_t slot = scratch->id_count++;
    ids[slot] = (struct id_link){id, NO_ID};
    if (target->first_id == NO_ID)
        target->first_id = slot;
    else
        ids[target->last_id].next = slot;
    target->last_id = slot;
    target->id_count++;
    return true;
}

static void match_subscription(struct gw_router_scratch *scratch,
                               const struct gw_subscription *subscription)
{
    const struct gw_subscription_options *options = &subscription->options;
    struct gw_session *session = subscription->session;
    if (options->no_local && session->client_hash == scratch->message->publisher)
        return;
    struct target *target = target_of(scratch, session);
    if (!target || (options->id != 0 && !add_id(scratch, target, options->id))) {
        scratch->failed = true;
        return;
    }
    if (options->qos > target->qos)
        target->qos = options->qos;
    scratch->durable |= session->serial != 0 && options->qos > 0;
    target->retain_as_published |= options->retain_as_published;
}

static void match_group(struct gw_router_scratch *scratch, struct gw_group *group)
{
    struct gw_group **groups =
        grown(scratch->groups, scratch->group_count, &scratch->group_capacity, sizeof(*groups));
    if (!groups) {
        scratch->failed = true;
        return;
    }
    scratch->groups = groups;
    groups[scratch->group_count++] = group;
    scratch->durable |= gw_group_is_durable(group);
}

static void match_interest(struct gw_router_scratch *scratch, const struct gw_target *target)
{
    uint64_t bit = (uint64_t)1 << gw_interest_owner(target);
    scratch->loops |= bit;
    if (gw_interest_durable(target))
        scratch->durable_loops |= bit;
}

static void on_match(void *user, struct gw_subindex_entry *entry)
{
    struct gw_router_scratch *scratch = user;
    struct gw_target *target = GW_CONTAINER(entry, struct gw_target, entry);
    switch ((enum gw_target_kind)target->kind) {
    case GW_TARGET_SUBSCRIPTION:
        match_subscription(scratch, GW_CONTAINER(target, struct gw_subscription, target));
        break;
    case GW_TARGET_GROUP: match_group(scratch, gw_group_of(target)); break;
    case GW_TARGET_INTEREST: match_interest(scratch, target); break;
    }
}

/* Room for all identifiers of any one target in a row. */
static bool has_run(struct gw_router_scratch *scratch)
{
    uint32_t longest = 0;
    for (uint32_t i = 0; i < scratch->target_count; i++)
        if (scratch->targets[i].id_count > longest)
            longest = scratch->targets[i].id_count;
    if (longest <= scratch->id_run_capacity)
        return true;
    uint32_t *run = realloc(scratch->id_run, longest * sizeof(*run));
    if (!run)
        return false;
    scratch->id_run = run;
    scratch->id_run_capacity = longest;
    return true;
}

/* Finds all who want a message; GW_NO_MEMORY: nobody may be left out, so nobody gets it. */
static enum gw_status match(struct gw_shard *shard, const struct gw_message *message)
{
    struct gw_router_scratch *scratch = shard->routes.scratch;
    scratch->target_count = 0;
    scratch->id_count = 0;
    scratch->group_count = 0;
    scratch->loops = 0;
    scratch->durable_loops = 0;
    scratch->durable = false;
    scratch->failed = false;
    scratch->message = message;
    scratch->round = ++shard->routes.round;
    gw_subindex_match(shard->routes.index, message->topic_name, on_match, scratch);
    return scratch->failed || !has_run(scratch) ? GW_NO_MEMORY : GW_OK;
}

/* -- handing over -- */

static const uint32_t *ids_of(struct gw_router_scratch *scratch, const struct target *target)
{
    if (target->id_count == 0)
        return NULL;
    if (target->id_count == 1)
        return &scratch->ids[target->first_id].id;
    uint32_t at = target->first_id;
    for (uint32_t i = 0; i < target->id_count; i++, at = scratch->ids[at].next)
        scratch->id_run[i] = scratch->ids[at].id;
    return scratch->id_run;
}

static void hand_to_sessions(struct gw_shard *shard, struct gw_message *message)
{
    struct gw_router_scratch *scratch = shard->routes.scratch;
    for (uint32_t i = 0; i < scratch->target_count; i++) {
        const struct target *target = &scratch->targets[i];
        struct gw_delivery_options options = {
            .ids = ids_of(scratch, target),
            .id_count = target->id_count,
            .qos = gw_router_qos(message, target->qos),
            .retain = message->retain && target->retain_as_published,
        };
        gw_deliverer_give(shard, target->session, message, &options, false);
    }
}

static void hand_to_groups(struct gw_shard *shard, struct gw_message *message)
{
    struct gw_router_scratch *scratch = shard->routes.scratch;
    for (uint32_t i = 0; i < scratch->group_count; i++)
        gw_group_give(shard, scratch->groups[i], message);
}

static void hand_to_loops(struct gw_shard *shard, struct gw_message *message, uint64_t loops)
{
    for (; loops != 0; loops &= loops - 1)
        gw_relay_post(
            shard, (unsigned)__builtin_ctzll(loops),
            &(struct gw_relay_event){.kind = GW_RELAY_PUBLISH, .blob = gw_blob_ref(message->blob)});
}

/* Writes a message to the log if somebody has to be able to rely on it. */
static enum gw_status write_down(struct gw_shard *shard, struct gw_message *message,
                                 struct gw_router_job *job)
{
    const struct gw_router_scratch *scratch = shard->routes.scratch;
    uint64_t mask = message->qos > 0 ? scratch->durable_loops & ~((uint64_t)1 << shard->index) : 0;
    unsigned keeper = gw_shard_owner(shard, message->topic_hash);
    job->ret_written = GW_DURABILITY_MEMORY;
    if (!gw_journal_on(shard) || job->volatile_only ||
        !(message->retain || mask != 0 || (scratch->durable && message->qos > 0)))
        return GW_OK;
    enum gw_durability class = gw_durability_of(gw_shard_settings(shard), message->topic_name);
    if (class == GW_DURABILITY_MEMORY)
        return GW_OK;
    if (gw_journal_state(shard) != GW_STORE_RUNNING)
        return gw_journal_state(shard) == GW_STORE_FULL ? GW_LIMIT : GW_CLOSED;
    if (message->retain && keeper != shard->index)
        mask |= (uint64_t)1 << keeper;
    GW_TRY(gw_journal_message(shard, message, mask, message->qos == 2 ? job->publisher : NULL,
                              job->packet_id));
    job->ret_written = class;
    return GW_OK;
}

enum gw_status gw_router_publish(struct gw_shard *shard, struct gw_message *message,
                                 struct gw_router_job *job)
{
    struct gw_router_scratch *scratch = shard->routes.scratch;
    GW_TRY(match(shard, message));
    uint64_t loops = scratch->loops & ~((uint64_t)1 << shard->index);
    if (loops != 0 || message->retain || scratch->group_count > 0)
        GW_TRY(gw_message_keep(message));
    GW_TRY(write_down(shard, message, job));
    job->ret_wanted = scratch->target_count > 0 || scratch->group_count > 0 || loops != 0;
    if (message->retain)
        gw_keeper_keep(shard, message);
    hand_to_loops(shard, message, loops);
    hand_to_sessions(shard, message);
    hand_to_groups(shard, message);
    return GW_OK;
}

void gw_router_redo(struct gw_shard *shard, struct gw_message *message, gw_router_wants_fn *wants,
                    const void *user)
{
    struct gw_router_scratch *scratch = shard->routes.scratch;
    enum gw_status status = match(shard, message);
    GW_ASSERT(status == GW_OK);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < scratch->target_count; i++)
        /* QoS 0 went out before, or never will. */
        if (scratch->targets[i].qos > 0 && wants(user, scratch->targets[i].session->serial))
            scratch->targets[kept++] = scratch->targets[i];
    scratch->target_count = kept;
    kept = 0;
    for (uint32_t i = 0; i < scratch->group_count; i++)
        if (wants(user, gw_group_serial(scratch->groups[i])))
            scratch->groups[kept++] = scratch->groups[i];
    scratch->group_count = kept;
    hand_to_sessions(shard, message);
    hand_to_groups(shard, message);
}

void gw_router_on_publish(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_message message;
    (void)now;
    gw_message_open(event->blob, &message);
    if (match(shard, &message) == GW_OK) {
        hand_to_sessions(shard, &message);
        hand_to_groups(shard, &message);
    } else { /* its publisher has its acknowledgement: all that is left is to say so */
        gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED, 1);
        gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "memory.out",
                     "a message was lost: out of memory", NULL, 0);
    }
    gw_blob_unref(&event->blob);
}
