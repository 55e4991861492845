#include "broker/keeper.h"

#include "base/assert.h"
#include "broker/journal.h"

#define SWEEP_PERIOD (50 * GW_NS_PER_MS)
#define SWEEP_VISITS 1024u /* topics a slice: a million is gone through in less than a minute */
#define COOL_VISITS  4096u /* topics looked at in a turn for some to make cold */
#define DOOMED_BYTES ((size_t)128 * 1024)
#define HOT_SHARE    4u /* of limits.memory, at most */

_Static_assert(sizeof(uintptr_t) <= sizeof(uint64_t), "an address is a word");

/* -- values -- */

/* Rounded up to whole seconds; what is too far away never comes. */
static uint32_t deadline_of(gw_mono_ns deadline)
{
    if (deadline == GW_NEVER || deadline / GW_NS_PER_S >= UINT32_MAX)
        return 0;
    uint32_t seconds = (uint32_t)((deadline + GW_NS_PER_S - 1) / GW_NS_PER_S);
    return seconds > 0 ? seconds : 1;
}

uint64_t gw_keeper_expires_ms(const struct gw_shard *shard, const struct gw_retained_value *value)
{
    gw_mono_ns now = gw_loop_now(shard->loop);
    gw_mono_ns deadline = gw_keeper_deadline(value);
    if (deadline == GW_NEVER)
        return 0;
    uint64_t wall = (uint64_t)gw_clock_wall(gw_loop_clock(shard->loop)) / GW_NS_PER_MS;
    return wall + (deadline > now ? (deadline - now) / GW_NS_PER_MS : 0);
}

static bool is_in_log(const struct gw_retained_value *value)
{
    return gw_keeper_position(value) != 0;
}

static void count_hot(struct gw_shard *shard, const struct gw_retained_value *value, int sign)
{
    int64_t bytes = sign > 0 ? (int64_t)value->size : -(int64_t)value->size;
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED_HOT, sign);
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED_MEMORY, bytes);
    if (is_in_log(value))
        shard->retained.hot_bytes += bytes;
}

/* Counts a topic in (1) or out (-1). */
static void count(struct gw_shard *shard, struct gw_span name,
                  const struct gw_retained_value *value, int sign)
{
    int64_t cost = (int64_t)gw_retained_cost(name) * sign;
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED, sign);
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED_BYTES, cost + (int64_t)value->size * sign);
    gw_metrics_add(&shard->metrics, GW_METRIC_RETAINED_MEMORY, cost);
    if (value->deadline != 0)
        shard->retained.expiring += (uint64_t)(int64_t)sign;
    if (!gw_keeper_is_cold(value))
        count_hot(shard, value, sign);
}

static void let_go(struct gw_shard *shard, const struct gw_retained_value *value)
{
    struct gw_blob *blob = gw_keeper_blob(value);
    if (gw_keeper_is_cold(value))
        gw_store_drop(shard->journal->world->store, gw_keeper_position(value));
    else
        gw_blob_unref(&blob);
}

static void remove_topic(struct gw_shard *shard, struct gw_span name,
                         const struct gw_retained_value *value)
{
    struct gw_retained_value removed = *value;
    count(shard, name, &removed, -1);
    (void)gw_retained_remove(shard->retained.set, name);
    let_go(shard, &removed);
}

/* -- hot and cold -- */

void gw_keeper_warm(struct gw_shard *shard, struct gw_retained_value *value, struct gw_blob *blob)
{
    let_go(shard, value);
    value->word = (uintptr_t)blob;
    count_hot(shard, value, 1);
    shard->retained.fruitless = 0;
}

static void cool(struct gw_shard *shard, struct gw_retained_value *value)
{
    gw_position position = gw_keeper_position(value);
    gw_store_hold(shard->journal->world->store, position);
    count_hot(shard, value, -1);
    let_go(shard, value);
    value->word = GW_KEEPER_COLD | position;
    shard->retained.fruitless = 0;
}

int64_t gw_keeper_excess(const struct gw_shard *shard)
{
    const struct gw_config *config = gw_shard_settings(shard);
    uint64_t share = config->limits.memory / HOT_SHARE;
    if (share > config->limits.retained.hot)
        share = config->limits.retained.hot;
    return shard->retained.hot_bytes - (int64_t)(share / shard->world->shard_count);
}

/* Once round for everybody who was asked for since the last time; who was not goes. */
static enum gw_retained_step cool_visit(void *user, struct gw_span name,
                                        struct gw_retained_value *value)
{
    struct gw_shard *shard = user;
    bool spared = value->used;
    (void)name;
    value->used = false;
    shard->retained.fruitless++;
    if (gw_keeper_is_cold(value))
        return GW_RETAINED_ON;
    gw_position position = gw_keeper_position(value);
    if (spared || position == 0 || position > shard->journal->ledger.written)
        return GW_RETAINED_ON; /* what is pending is above everything that is written */
    cool(shard, value);
    return gw_keeper_excess(shard) > 0 ? GW_RETAINED_ON : GW_RETAINED_ENOUGH;
}

void gw_keeper_run(struct gw_shard *shard)
{
    struct gw_shard_retained *retained = &shard->retained;
    if (!shard->journal || gw_keeper_excess(shard) <= 0)
        return;
    /* Twice round and nothing found: all of them wait for the log. */
    gw_position written = shard->journal->ledger.written;
    bool is_stuck = retained->fruitless > 2 * gw_retained_count(retained->set) + COOL_VISITS;
    if (is_stuck && retained->stuck_at == written)
        return;
    if (is_stuck)
        retained->fruitless = 0;
    retained->stuck_at = written;
    if (gw_retained_walk(retained->set, &retained->hand, COOL_VISITS, cool_visit, shard) ==
        GW_END) {
        gw_retained_cursor_fini(&retained->hand);
        gw_retained_cursor_init_all(&retained->hand);
    }
    if (gw_keeper_excess(shard) > 0)
        gw_shard_want_turn(shard);
}

/* -- what ends -- */

void gw_keeper_doomed_init(struct gw_keeper_doomed *doomed)
{
    gw_buf_init(&doomed->names, DOOMED_BYTES);
}

bool gw_keeper_doom(struct gw_keeper_doomed *doomed, struct gw_span name)
{
    uint16_t size = (uint16_t)name.size;
    if (gw_buf_reserve(&doomed->names, sizeof(size) + name.size) != GW_OK)
        return false;
    enum gw_status status = gw_buf_append(&doomed->names, gw_span_of(&size, sizeof(size)));
    if (status == GW_OK)
        status = gw_buf_append(&doomed->names, name);
    GW_ASSERT(status == GW_OK); /* there is room */
    return true;
}

void gw_keeper_lose(const struct gw_shard *shard, struct gw_keeper_doomed *doomed,
                    struct gw_span name, gw_position position, enum gw_status why)
{
    if (!gw_keeper_doom(doomed, name))
        return;
    struct gw_log_field fields[] = {
        gw_log_str("what", "retained"),
        gw_log_text("topic", name),
        gw_log_number("segment", gw_position_segment(position)),
        gw_log_number("offset", gw_position_offset(position)),
        gw_log_str("why", gw_status_name(why)),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "store.unreadable",
                 "a retained message cannot be read back and is lost", fields, GW_COUNT_OF(fields));
}

void gw_keeper_bury(struct gw_shard *shard, struct gw_keeper_doomed *doomed)
{
    struct gw_span rest = gw_buf_span(&doomed->names);
    while (rest.size > 0) {
        uint16_t size;
        memcpy(&size, rest.data, sizeof(size));
        struct gw_span name = gw_span_of(rest.data + sizeof(size), size);
        rest = gw_span_from(rest, sizeof(size) + size);
        const struct gw_retained_value *value = gw_retained_find(shard->retained.set, name);
        if (!value)
            continue;
        if (is_in_log(value))
            gw_journal_not_retained(shard, name, NULL);
        remove_topic(shard, name, value);
    }
    gw_buf_fini(&doomed->names);
}

/* -- expired ones are looked for while there are any that may, a slice at a time -- */

struct sweep {
    struct gw_keeper_doomed doomed;
    gw_mono_ns now;
};

static enum gw_retained_step sweep_visit(void *user, struct gw_span name,
                                         struct gw_retained_value *value)
{
    struct sweep *sweep = user;
    if (!gw_keeper_expired(value, sweep->now) || gw_keeper_doom(&sweep->doomed, name))
        return GW_RETAINED_ON;
    return GW_RETAINED_LATER;
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
    gw_keeper_doomed_init(&sweep.doomed);
    if (gw_retained_walk(retained->set, &retained->sweep, SWEEP_VISITS, sweep_visit, &sweep) ==
        GW_END) {
        gw_retained_cursor_fini(&retained->sweep);
        gw_retained_cursor_init_all(&retained->sweep);
    }
    gw_keeper_bury(shard, &sweep.doomed);
    want_sweep(shard);
}

/* -- life -- */

enum gw_status gw_keeper_init(struct gw_shard *shard)
{
    gw_timer_init(&shard->retained.sweeper, on_sweep);
    gw_retained_cursor_init_all(&shard->retained.sweep);
    gw_retained_cursor_init_all(&shard->retained.hand);
    shard->retained.set = gw_retained_new(shard->world->services.seed);
    return shard->retained.set ? GW_OK : GW_NO_MEMORY;
}

static void release(void *user, struct gw_span name, struct gw_retained_value *value)
{
    struct gw_shard *shard = user;
    count(shard, name, value, -1);
    let_go(shard, value);
}

void gw_keeper_fini(struct gw_shard *shard)
{
    gw_retained_cursor_fini(&shard->retained.sweep);
    gw_retained_cursor_fini(&shard->retained.hand);
    gw_retained_free(shard->retained.set, release, shard);
    shard->retained.set = NULL;
    GW_ASSERT(shard->retained.hot_bytes == 0 && shard->retained.expiring == 0);
}

/* -- keeping -- */

bool gw_keeper_has_room(const struct gw_shard *shard, const struct gw_message *message)
{
    const struct gw_config_retained *limit = &gw_shard_settings(shard)->limits.retained;
    int64_t bytes = gw_shard_total(shard, GW_METRIC_RETAINED_BYTES);
    size_t cost = gw_message_footprint(message) + gw_retained_cost(message->topic_name);
    if (bytes + (int64_t)cost > (int64_t)limit->bytes)
        return false;
    if (gw_shard_total(shard, GW_METRIC_RETAINED) < (int64_t)limit->messages)
        return true;
    return gw_shard_owner(shard, message->topic_hash) == shard->index &&
           gw_retained_find(shard->retained.set, message->topic_name) != NULL;
}

void gw_keeper_keep(struct gw_shard *shard, const struct gw_message *message)
{
    gw_relay_post(
        shard, gw_shard_owner(shard, message->topic_hash),
        &(struct gw_relay_event){.kind = GW_RELAY_RETAIN, .blob = gw_blob_ref(message->blob)});
}

/* Puts a value in the place of `old`, or where there was none; takes over what it holds. */
static enum gw_status put(struct gw_shard *shard, struct gw_span name,
                          struct gw_retained_value *old, const struct gw_retained_value *value)
{
    if (old) {
        count(shard, name, old, -1);
        let_go(shard, old);
        *old = *value;
        old->used = true; /* who is kept often stays */
    } else {
        GW_TRY(gw_retained_add(shard->retained.set, name, value));
    }
    count(shard, name, value, 1);
    want_sweep(shard);
    return GW_OK;
}

static void delete (struct gw_shard *shard, struct gw_blob *deletion, struct gw_span name,
                    const struct gw_retained_value *old)
{
    if (gw_blob_position(deletion) != 0 || (old && is_in_log(old)))
        gw_journal_not_retained(shard, name, deletion);
    if (old)
        remove_topic(shard, name, old);
    gw_blob_unref(&deletion);
}

void gw_keeper_on_retain(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_message message;
    (void)now;
    gw_message_open(event->blob, &message);
    struct gw_span name = message.topic_name;
    struct gw_retained_value *old = gw_retained_find(shard->retained.set, name);
    if (message.payload.size == 0) {
        delete (shard, event->blob, name, old);
        return;
    }
    gw_position position = gw_blob_position(event->blob);
    struct gw_retained_value value = {
        .word = (uintptr_t)event->blob,
        .deadline = deadline_of(gw_message_deadline(&message)),
        .size = (uint32_t)gw_message_footprint(&message) & INT32_MAX,
    };
    if (position != 0)
        gw_journal_retained(shard, name, position, value.size, gw_keeper_expires_ms(shard, &value));
    else if (old && is_in_log(old)) /* what the log does not have must not leave an older one */
        gw_journal_not_retained(shard, name, NULL);
    if (put(shard, name, old, &value) != GW_OK) {
        gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "memory.out",
                     "a retained message was lost: out of memory", NULL, 0);
        gw_blob_unref(&event->blob); /* a new topic: what is replaced needs no memory */
    }
}

/* -- start-up -- */

enum gw_status gw_keeper_restore(struct gw_shard *shard, struct gw_span topic_name,
                                 gw_position position, uint32_t size, gw_mono_ns deadline)
{
    struct gw_retained_value value = {
        .word = GW_KEEPER_COLD | position,
        .deadline = deadline_of(deadline),
        .size = size & INT32_MAX,
    };
    GW_TRY(put(shard, topic_name, gw_retained_find(shard->retained.set, topic_name), &value));
    gw_store_hold(shard->journal->world->store, position);
    return GW_OK;
}

void gw_keeper_redo(struct gw_shard *shard, struct gw_blob *blob)
{
    struct gw_relay_event event = {.kind = GW_RELAY_RETAIN, .blob = gw_blob_ref(blob)};
    gw_keeper_on_retain(shard, &event, gw_loop_now(shard->loop));
}
