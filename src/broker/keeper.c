#include "broker/keeper.h"

#include "base/assert.h"
#include "broker/journal.h"

#define SWEEP_PERIOD (50 * GW_NS_PER_MS)
#define SWEEP_VISITS 1024u /* topics a slice: a million is gone through in less than a minute */
#define SWEEP_BATCH  256u  /* expired ones a slice */

static size_t cost_of(struct gw_span name, const struct gw_blob *blob)
{
    return sizeof(*blob) + blob->size + gw_retained_cost(name);
}

static void release(void *value)
{
    struct gw_blob *blob = value;
    gw_blob_unref(&blob);
}

/* Counts a message in (1) or out (-1). */
static void count(struct gw_shard *shard, struct gw_blob *blob, int sign)
{
    struct gw_message message;
    gw_message_open(blob, &message);
    int64_t cost = (int64_t)cost_of(message.topic_name, blob);
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED, sign);
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED_BYTES, sign > 0 ? cost : -cost);
    if (message.has_expiry)
        shard->retained.expiring += (uint64_t)(int64_t)sign;
}

static void remove_topic(struct gw_shard *shard, struct gw_span name)
{
    struct gw_blob *old = gw_retained_get(shard->retained.set, name);
    if (!old)
        return;
    count(shard, old, -1);
    (void)gw_retained_remove(shard->retained.set, name);
}

/* -- expired ones are looked for while there are any that may, a slice at a time -- */

struct sweep {
    gw_mono_ns now;
    size_t count;
    struct gw_blob *expired[SWEEP_BATCH];
};

static bool sweep_visit(void *user, struct gw_span name, void *value)
{
    struct sweep *sweep = user;
    struct gw_message message;
    (void)name;
    gw_message_open(value, &message);
    if (gw_message_expired(&message, sweep->now))
        sweep->expired[sweep->count++] = gw_blob_ref(value);
    return sweep->count < SWEEP_BATCH;
}

static void want_sweep(struct gw_shard *shard)
{
    struct gw_shard_retained *retained = &shard->retained;
    if (retained->expiring > 0 && !gw_timer_armed(&retained->sweeper))
        gw_wheel_arm(gw_loop_wheel(shard->loop), &retained->sweeper,
                     gw_loop_now(shard->loop) + SWEEP_PERIOD);
}

static void on_sweep(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_shard *shard = GW_CONTAINER(timer, struct gw_shard, retained.sweeper);
    struct gw_shard_retained *retained = &shard->retained;
    struct sweep sweep = {.now = now};
    if (gw_retained_walk(retained->set, &retained->sweep, SWEEP_VISITS, sweep_visit, &sweep) ==
        GW_END) {
        gw_retained_cursor_fini(&retained->sweep);
        gw_retained_cursor_init_all(&retained->sweep);
    }
    for (size_t i = 0; i < sweep.count; i++) {
        struct gw_message message;
        gw_message_open(sweep.expired[i], &message);
        if (gw_blob_position(sweep.expired[i]) != 0)
            gw_journal_not_retained(shard, message.topic_name, NULL);
        remove_topic(shard, message.topic_name);
        gw_blob_unref(&sweep.expired[i]);
    }
    want_sweep(shard);
}

enum gw_status gw_keeper_init(struct gw_shard *shard)
{
    gw_timer_init(&shard->retained.sweeper, on_sweep);
    gw_retained_cursor_init_all(&shard->retained.sweep);
    shard->retained.set = gw_retained_new(shard->world->services.seed, release);
    return shard->retained.set ? GW_OK : GW_NO_MEMORY;
}

void gw_keeper_fini(struct gw_shard *shard)
{
    gw_retained_cursor_fini(&shard->retained.sweep);
    gw_retained_free(shard->retained.set);
    shard->retained.set = NULL;
}

/* -- keeping -- */

bool gw_keeper_has_room(const struct gw_shard *shard, const struct gw_message *message)
{
    const struct gw_config_bound *limit = &gw_shard_settings(shard)->limits.retained;
    int64_t bytes = gw_shard_total(shard, GW_METRIC_RETAINED_BYTES);
    size_t cost = gw_message_footprint(message) + gw_retained_cost(message->topic_name);
    if (bytes + (int64_t)cost > (int64_t)limit->bytes)
        return false;
    if (gw_shard_total(shard, GW_METRIC_RETAINED) < (int64_t)limit->messages)
        return true;
    return gw_shard_owner(shard, message->topic_hash) == shard->index &&
           gw_retained_get(shard->retained.set, message->topic_name) != NULL;
}

void gw_keeper_keep(struct gw_shard *shard, const struct gw_message *message)
{
    gw_relay_post(
        shard, gw_shard_owner(shard, message->topic_hash),
        &(struct gw_relay_event){.kind = GW_RELAY_RETAIN, .blob = gw_blob_ref(message->blob)});
}

void gw_keeper_on_retain(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_message message;
    (void)now;
    gw_message_open(event->blob, &message);
    struct gw_blob *old = gw_retained_get(shard->retained.set, message.topic_name);
    bool was_written = old && gw_blob_position(old) != 0;
    bool is_written = gw_blob_position(event->blob) != 0;
    if (message.payload.size == 0) {
        if (is_written || was_written)
            gw_journal_not_retained(shard, message.topic_name, event->blob);
        remove_topic(shard, message.topic_name);
        gw_blob_unref(&event->blob);
        return;
    }
    if (is_written)
        gw_journal_retained(shard, message.topic_name, event->blob);
    else if (was_written) /* what the log does not have must not leave an older one */
        gw_journal_not_retained(shard, message.topic_name, NULL);
    if (old)
        count(shard, old, -1);
    if (gw_retained_put(shard->retained.set, message.topic_name, event->blob) != GW_OK) {
        gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "memory.out",
                     "a retained message was lost: out of memory", NULL, 0);
        gw_blob_unref(&event->blob); /* a new topic: what is replaced needs no memory */
        return;
    }
    count(shard, event->blob, 1);
    want_sweep(shard);
}

/* -- start-up -- */

enum gw_status gw_keeper_restore(struct gw_shard *shard, struct gw_blob *blob)
{
    struct gw_message message;
    gw_message_open(blob, &message);
    if (gw_retained_put(shard->retained.set, message.topic_name, blob) != GW_OK) {
        gw_blob_unref(&blob);
        return GW_NO_MEMORY;
    }
    count(shard, blob, 1);
    want_sweep(shard);
    return GW_OK;
}

void gw_keeper_redo(struct gw_shard *shard, struct gw_blob *blob)
{
    struct gw_relay_event event = {.kind = GW_RELAY_RETAIN, .blob = gw_blob_ref(blob)};
    gw_keeper_on_retain(shard, &event, gw_loop_now(shard->loop));
}
