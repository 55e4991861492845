#include "broker/sysinfo.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/journal.h"
#include "broker/router.h"

#define TOPIC_PREFIX   "$SYS/broker/"
#define TOPIC_SIZE_MAX 64
#define VALUE_SIZE_MAX 64
#define WINDOW_COUNT   3

/* A topic and what it said last. */
struct value {
    const char *topic;
    int64_t last;
    bool told;
};

/* Exponential moving averages, per minute. */
struct rate {
    const char *stem;
    enum gw_metric metric;
    int64_t count; /* of the metric, when last looked at */
    double average[WINDOW_COUNT];
    double told[WINDOW_COUNT];
    bool told_once; /* monitors look for a topic even while nothing happens */
};

#define VALUE(topic, expression) +1
#define RATE(stem, metric)
enum {
    VALUE_COUNT = 0
#include "broker/sysinfo.def"
};
#undef VALUE
#undef RATE

#define VALUE(topic, expression)
#define RATE(stem, metric) +1
enum {
    RATE_COUNT = 0
#include "broker/sysinfo.def"
};
#undef VALUE
#undef RATE

struct gw_sysinfo {
    struct gw_timer timer;
    struct gw_shard *shard;
    gw_mono_ns last;
    int64_t clients_maximum;
    int64_t heap_maximum;
    bool told_version;
    struct value values[VALUE_COUNT];
    struct rate rates[RATE_COUNT];
};

const char *gw_sysinfo_version(void)
{
    return "godwit " GW_VERSION_TEXT;
}

static void publish(struct gw_sysinfo *sysinfo, const char *topic, const char *text)
{
    struct gw_shard *shard = sysinfo->shard;
    char name[TOPIC_SIZE_MAX];
    int size = snprintf(name, sizeof(name), TOPIC_PREFIX "%s", topic);
    struct gw_message message = {
        .topic_name = gw_span_of(name, (size_t)size),
        .payload = gw_span_str(text),
        .received_at = gw_loop_now(shard->loop),
        .retain = true,
    };
    message.topic_hash = gw_shard_hash(shard, message.topic_name);
    struct gw_router_job job = {.volatile_only = true};
    enum gw_status status = gw_router_publish(shard, &message, &job);
    (void)status; /* out of memory: the next one will do */
    gw_message_drop(&message);
}

static int64_t heap_now(void)
{
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}

static void publish_value(struct gw_sysinfo *sysinfo, struct value *value, const char *topic,
                          int64_t number)
{
    char text[VALUE_SIZE_MAX];
    if (value->told && value->last == number)
        return;
    value->told = true;
    value->last = number;
    snprintf(text, sizeof(text), "%lld", (long long)number);
    publish(sysinfo, topic, text);
}

/* What the store says of itself; all 0 but its state if there is none. */
struct store_view {
    int64_t state; /* enum gw_store_state, -1: there is none */
    struct gw_store_figures figures;
};

static struct store_view view_store(const struct gw_shard *shard)
{
    struct store_view view = {.state = -1};
    if (!shard->journal)
        return view;
    view.state = (int64_t)gw_store_state(shard->journal->world->store);
    gw_store_get_figures(shard->journal->world->store, &view.figures);
    return view;
}

static void publish_values(struct gw_sysinfo *sysinfo)
{
    struct store_view store = view_store(sysinfo->shard);
    const struct gw_shard *shard = sysinfo->shard;
    size_t i = 0;
#define total(metric) gw_shard_total(shard, GW_METRIC_##metric)
    int64_t connected = total(CLIENTS_CONNECTED);
    int64_t heap = heap_now();
    if (connected > sysinfo->clients_maximum)
        sysinfo->clients_maximum = connected;
    if (heap > sysinfo->heap_maximum)
        sysinfo->heap_maximum = heap;
#define VALUE(topic, expression)                                                                   \
    publish_value(sysinfo, &sysinfo->values[i++], topic, (int64_t)(expression));
#define RATE(stem, metric)
#include "broker/sysinfo.def"
#undef VALUE
#undef RATE
#undef total
}

/* e^-x for small x >= 0, to what a monitor can see; spares the mathematics library. */
static double decay(double x)
{
    double squared = 1.0 + x / 64.0;
    for (int i = 0; i < 6; i++)
        squared *= squared;
    return 1.0 / squared;
}

static void publish_rate(struct gw_sysinfo *sysinfo, struct rate *rate, double seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } windows[WINDOW_COUNT] = {{"1min", 60}, {"5min", 300}, {"15min", 900}};
    int64_t count = gw_shard_total(sysinfo->shard, rate->metric);
    double per_minute = (double)(count - rate->count) * 60.0 / seconds;
    rate->count = count;
    for (size_t i = 0; i < WINDOW_COUNT; i++) {
        double keep = decay(seconds / windows[i].seconds);
        rate->average[i] = rate->average[i] * keep + per_minute * (1.0 - keep);
        char topic[TOPIC_SIZE_MAX], text[VALUE_SIZE_MAX];
        double change = rate->average[i] - rate->told[i];
        if (rate->told_once && change < 0.01 && change > -0.01)
            continue;
        rate->told[i] = rate->average[i];
        snprintf(topic, sizeof(topic), "load/%s/%s", rate->stem, windows[i].name);
        snprintf(text, sizeof(text), "%.2f", rate->average[i]);
        publish(sysinfo, topic, text);
    }
    rate->told_once = true;
}

/* The next time that is a whole number of intervals on the wall clock. */
static gw_mono_ns next_time(const struct gw_sysinfo *sysinfo, gw_mono_ns now)
{
    uint64_t interval = gw_shard_settings(sysinfo->shard)->sys.interval;
    if (interval == 0)
        return GW_NEVER;
    uint64_t wall = (uint64_t)gw_clock_wall(sysinfo->shard->world->services.clock);
    return now + interval - wall % interval;
}

static void tell(struct gw_sysinfo *sysinfo, gw_mono_ns now)
{
    char text[VALUE_SIZE_MAX];
    double seconds = (double)(now - sysinfo->last) / (double)GW_NS_PER_S;
    sysinfo->last = now;
    if (!sysinfo->told_version)
        publish(sysinfo, "version", gw_sysinfo_version());
    sysinfo->told_version = true;
    snprintf(text, sizeof(text), "%llu seconds",
             (unsigned long long)((now - sysinfo->shard->world->started_at) / GW_NS_PER_S));
    publish(sysinfo, "uptime", text);
    publish_values(sysinfo);
    for (size_t i = 0; i < RATE_COUNT && seconds > 0; i++)
        publish_rate(sysinfo, &sysinfo->rates[i], seconds);
}

static void on_timer(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_sysinfo *sysinfo = GW_CONTAINER(timer, struct gw_sysinfo, timer);
    tell(sysinfo, now);
    gw_wheel_arm(gw_loop_wheel(sysinfo->shard->loop), timer, next_time(sysinfo, now));
}

struct gw_sysinfo *gw_sysinfo_new(struct gw_shard *shard)
{
    static const struct rate rates[RATE_COUNT] = {
#define VALUE(topic, expression)
#define RATE(stem, metric) {stem, GW_METRIC_##metric, 0, {0}, {0}, false},
#include "broker/sysinfo.def"
#undef VALUE
#undef RATE
    };
    struct gw_sysinfo *sysinfo = calloc(1, sizeof(*sysinfo));
    if (!sysinfo)
        return NULL;
    memcpy(sysinfo->rates, rates, sizeof(rates));
    sysinfo->shard = shard;
    sysinfo->last = shard->world->started_at;
    gw_timer_init(&sysinfo->timer, on_timer);
    if (gw_shard_settings(shard)->sys.interval > 0)
        gw_wheel_arm(gw_loop_wheel(shard->loop), &sysinfo->timer, 0);
    return sysinfo;
}

void gw_sysinfo_on_config(struct gw_sysinfo *sysinfo, gw_mono_ns now)
{
    gw_wheel_arm(gw_loop_wheel(sysinfo->shard->loop), &sysinfo->timer, next_time(sysinfo, now));
}

void gw_sysinfo_free(struct gw_sysinfo *sysinfo)
{
    if (!sysinfo)
        return;
    gw_wheel_cancel(gw_loop_wheel(sysinfo->shard->loop), &sysinfo->timer);
    free(sysinfo);
}
