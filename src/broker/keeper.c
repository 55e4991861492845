#include "broker/keeper.h"

#include "base/assert.h"

#define SWEEP_PERIOD (GW_NS_PER_S)
#define SWEEP_VISITS 1024u

static size_t cost_of(const struct gw_blob *blob)
{
    return sizeof(*blob) + blob->size;
}

static void release(void *value)
{
    struct gw_blob *blob = value;
    gw_blob_unref(&blob);
}

static void remove_topic(struct gw_shard *shard, struct gw_span name)
{
    struct gw_blob *old = gw_retained_get(shard->retained.set, name);
    if (!old)
        return;
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED, -1);
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED_BYTES, -(int64_t)cost_of(old));
    (void)gw_retained_remove(shard->retained.set, name);
}

/* -- expired ones are looked for now and then, a slice at a time -- */

struct sweep {
    gw_mono_ns now;
    struct gw_blob *expired;
};

static bool sweep_visit(void *user, struct gw_span name, void *value)
{
    struct sweep *sweep = user;
    struct gw_message message;
    (void)name;
    gw_message_open(value, &message);
    if (!gw_message_expired(&message, sweep->now))
        return true;
    sweep->expired = gw_blob_ref(value);
    return false;
}

static void on_sweep(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_shard *shard = GW_CONTAINER(timer, struct gw_shard, retained.sweeper);
    struct gw_shard_retained *retained = &shard->retained;
    struct sweep sweep = {.now = now};
    enum gw_status status;
    for (unsigned budget = 64; budget > 0; budget--) {
        status =
            gw_retained_walk(retained->set, &retained->sweep, SWEEP_VISITS, sweep_visit, &sweep);
        if (!sweep.expired)
            break;
        struct gw_message message;
        gw_message_open(sweep.expired, &message);
        remove_topic(shard, message.topic_name);
        gw_blob_unref(&sweep.expired);
        if (status != GW_MORE)
            break;
    }
    if (status != GW_MORE) {
        gw_retained_cursor_fini(&retained->sweep);
        if (gw_retained_cursor_init(&retained->sweep, GW_SPAN_LIT("#")) != GW_OK)
            return;
    }
    gw_wheel_arm(gw_loop_wheel(shard->loop), timer, now + SWEEP_PERIOD);
}

static void want_sweep(struct gw_shard *shard)
{
    if (!gw_timer_armed(&shard->retained.sweeper))
        gw_wheel_arm(gw_loop_wheel(shard->loop), &shard->retained.sweeper,
                     gw_loop_now(shard->loop) + SWEEP_PERIOD);
}

enum gw_status gw_keeper_init(struct gw_shard *shard)
{
    gw_timer_init(&shard->retained.sweeper, on_sweep);
    shard->retained.set = gw_retained_new(shard->world->services.seed, release);
    if (!shard->retained.set)
        return GW_NO_MEMORY;
    return gw_retained_cursor_init(&shard->retained.sweep, GW_SPAN_LIT("#"));
}

void gw_keeper_fini(struct gw_shard *shard)
{
    gw_retained_cursor_fini(&shard->retained.sweep);
    gw_retained_free(shard->retained.set);
    shard->retained.set = NULL;
}

/* -- keeping -- */

bool gw_keeper_has_room(const struct gw_shard *shard, struct gw_span topic_name,
                        uint64_t topic_hash, size_t payload_size)
{
    const struct gw_config_bound *limit = &gw_shard_settings(shard)->limits.retained;
    int64_t bytes = gw_shard_total(shard, GW_METRIC_RETAINED_BYTES);
    if (bytes + (int64_t)payload_size > (int64_t)limit->bytes)
        return false;
    if (gw_shard_total(shard, GW_METRIC_RETAINED) < (int64_t)limit->messages)
        return true;
    return gw_shard_owner(shard, topic_hash) == shard->index &&
           gw_retained_get(shard->retained.set, topic_name) != NULL;
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
    remove_topic(shard, message.topic_name);
    if (message.payload.size == 0) {
        gw_blob_unref(&event->blob);
        return;
    }
    if (gw_retained_put(shard->retained.set, message.topic_name, event->blob) != GW_OK) {
        gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "memory.out",
                     "a retained message was lost: out of memory", NULL, 0);
        gw_blob_unref(&event->blob);
        return;
    }
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED, 1);
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED_BYTES, (int64_t)cost_of(event->blob));
    if (message.has_expiry)
        want_sweep(shard);
}
