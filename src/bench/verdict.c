#include "bench/verdict.h"

#include "cli/jsonout.h"

#define BUSY 0.9 /* of a core: the generator itself may be what is measured */

static const struct {
    const char *name;
    double share;
} points[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999},
};

const char *gw_verdict_scene(enum gw_drill_scene scene)
{
    static const char *const names[] = {
        [GW_DRILL_CONNECT] = "conn", [GW_DRILL_PUBLISH] = "pub",   [GW_DRILL_PAIRS] = "pubsub",
        [GW_DRILL_FAN] = "fan",      [GW_DRILL_SHARED] = "shared",
    };
    _Static_assert(GW_COUNT_OF(names) == GW_DRILL_SCENE_COUNT, "each scene has a name");
    return names[scene];
}

bool gw_verdict_good(const struct gw_drill_plan *plan, const struct gw_drill_result *result)
{
    (void)plan;
    return result->received == result->expected && result->doubled == 0 &&
           result->disordered == 0 && result->foreign == 0 && result->unacknowledged == 0 &&
           result->lost_connections == 0 && !result->stalled && result->trouble[0] == '\0';
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)GW_NS_PER_S;
}

static double per_second(uint64_t count, gw_mono_ns time)
{
    return time > 0 ? (double)count / seconds(time) : 0;
}

static uint64_t total(const struct gw_usage *usage)
{
    return usage->user_ns + usage->system_ns;
}

/* Of a core. */
static double busy(const struct gw_usage *usage, gw_mono_ns time)
{
    return time > 0 ? (double)total(usage) / (double)time : 0;
}

/* Messages that the processor time is shared among: deliveries, or what was sent where there are
 * none. */
static uint64_t counted(const struct gw_drill_plan *plan, const struct gw_drill_result *result)
{
    return gw_drill_fan(plan) > 0 ? result->measured_received : result->measured_sent;
}

/* -- for people -- */

/* With as many digits as say something: 0.35, 12.4, 1204. */
static enum gw_status put_ms(struct gw_buf *out, const char *name, uint64_t ns)
{
    double ms = (double)ns / (double)GW_NS_PER_MS;
    return gw_buf_printf(out, "  %s %.*f", name, ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0, ms);
}

static enum gw_status put_histogram(struct gw_buf *out, const char *title,
                                    const struct gw_histogram *histogram)
{
    if (histogram->count == 0)
        return GW_OK;
    GW_TRY(gw_buf_printf(out, "%-9s", title));
    GW_TRY(put_ms(out, "min", histogram->min));
    for (size_t i = 0; i < GW_COUNT_OF(points); i++)
        GW_TRY(put_ms(out, points[i].name, gw_histogram_quantile(histogram, points[i].share)));
    GW_TRY(put_ms(out, "max", histogram->max));
    return gw_buf_printf(out, " ms\n");
}

static enum gw_status put_messages(const struct gw_drill_plan *plan,
                                   const struct gw_drill_result *result, struct gw_buf *out)
{
    GW_TRY(gw_buf_printf(out, "%-9s  %llu sent", "result", (unsigned long long)result->sent));
    if (gw_drill_fan(plan) > 0)
        GW_TRY(gw_buf_printf(out, ", %llu received, %llu lost, %llu duplicate, %llu out of order",
                             (unsigned long long)result->received,
                             (unsigned long long)(result->expected - result->received),
                             (unsigned long long)result->doubled,
                             (unsigned long long)result->disordered));
    if (plan->player.qos > 0)
        GW_TRY(gw_buf_printf(out, ", %llu not acknowledged",
                             (unsigned long long)result->unacknowledged));
    double rate = per_second(counted(plan, result), result->measured);
    return gw_buf_printf(out, "\n%-9s  %.0f msg/s  %.1f MB/s\n", "rate", rate,
                         rate * plan->player.payload_size / 1e6);
}

static enum gw_status put_cost(const struct gw_drill_plan *plan,
                               const struct gw_drill_result *result, struct gw_buf *out)
{
    uint64_t count = counted(plan, result);
    GW_TRY(gw_buf_printf(out, "%-9s  bench %.0f %%", "cpu",
                         100 * busy(&result->own, result->measured)));
    if (plan->pid > 0 && count > 0)
        GW_TRY(gw_buf_printf(
            out,
            "   broker %.0f %%, %.2f us a message (%.2f user + %.2f system)"
            "   memory %.1f MB (%+.1f MB)",
            100 * busy(&result->broker, result->measured),
            (double)total(&result->broker) / 1e3 / (double)count,
            (double)result->broker.user_ns / 1e3 / (double)count,
            (double)result->broker.system_ns / 1e3 / (double)count,
            (double)result->broker_memory_after / 1e6,
            ((double)result->broker_memory_after - (double)result->broker_memory_before) / 1e6));
    GW_TRY(gw_buf_printf(out, "\n"));
    if (busy(&result->own, result->measured) < BUSY)
        return GW_OK;
    return gw_buf_printf(out, "bench used %.0f %% of a core: the results are a lower bound\n",
                         100 * busy(&result->own, result->measured));
}

enum gw_status gw_verdict_text(const struct gw_drill_plan *plan,
                               const struct gw_drill_result *result, struct gw_buf *out)
{
    uint32_t clients =
        plan->scene == GW_DRILL_CONNECT ? plan->clients : plan->publishers + plan->subscribers;
    GW_TRY(gw_buf_printf(out, "%-9s  %u of %u clients in %.2f s (%.0f/s)\n", "connect",
                         result->connected, clients, seconds(result->connect_time),
                         per_second(result->connected, result->connect_time)));
    GW_TRY(put_histogram(out, "", &result->connects));
    if (plan->scene != GW_DRILL_CONNECT) {
        GW_TRY(put_messages(plan, result, out));
        GW_TRY(put_histogram(out, "latency", &result->latencies));
        GW_TRY(put_cost(plan, result, out));
    }
    if (result->stalled)
        GW_TRY(gw_buf_printf(out, "nothing came any more: it was ended before its time\n"));
    return GW_OK;
}

/* -- for programs -- */

static void put_integer(struct gw_jsonout *out, const char *key, uint64_t value)
{
    gw_jsonout_key(out, gw_span_str(key));
    gw_jsonout_integer(out, (int64_t)value);
}

static void put_number(struct gw_jsonout *out, const char *key, double value)
{
    gw_jsonout_key(out, gw_span_str(key));
    gw_jsonout_number(out, value);
}

static void put_plan(struct gw_jsonout *out, const struct gw_drill_plan *plan)
{
    gw_jsonout_key(out, GW_SPAN_LIT("scenario"));
    gw_jsonout_string(out, gw_span_str(gw_verdict_scene(plan->scene)));
    put_integer(out, "mqtt", (uint64_t)plan->player.version);
    put_integer(out, "qos", plan->player.qos);
    put_integer(out, "payload", plan->player.payload_size);
    put_integer(out, "clients", plan->clients);
    put_integer(out, "publishers", plan->publishers);
    put_integer(out, "subscribers", plan->subscribers);
    put_number(out, "rate_wanted", plan->rate);
    put_integer(out, "window", plan->window);
}

static void put_distribution(struct gw_jsonout *out, const char *key,
                             const struct gw_histogram *histogram)
{
    gw_jsonout_key(out, gw_span_str(key));
    gw_jsonout_open(out, true);
    put_integer(out, "count", histogram->count);
    if (histogram->count > 0) {
        put_number(out, "min", (double)histogram->min / 1e3);
        put_number(out, "mean", gw_histogram_mean(histogram) / 1e3);
        for (size_t i = 0; i < GW_COUNT_OF(points); i++)
            put_number(out, points[i].name,
                       (double)gw_histogram_quantile(histogram, points[i].share) / 1e3);
        put_number(out, "max", (double)histogram->max / 1e3);
    }
    gw_jsonout_close(out, true);
}

static void put_counts(struct gw_jsonout *out, const struct gw_drill_plan *plan,
                       const struct gw_drill_result *result)
{
    put_integer(out, "connected", result->connected);
    put_number(out, "connect_s", seconds(result->connect_time));
    put_integer(out, "sent", result->sent);
    put_integer(out, "received", result->received);
    put_integer(out, "lost", result->expected - result->received);
    put_integer(out, "duplicate", result->doubled);
    put_integer(out, "out_of_order", result->disordered);
    put_integer(out, "foreign", result->foreign);
    put_integer(out, "unacknowledged", result->unacknowledged);
    put_integer(out, "lost_connections", result->lost_connections);
    put_number(out, "measured_s", seconds(result->measured));
    put_integer(out, "measured_messages", counted(plan, result));
    put_number(out, "rate", per_second(counted(plan, result), result->measured));
}

enum gw_status gw_verdict_json(const struct gw_drill_plan *plan,
                               const struct gw_drill_result *result, struct gw_buf *out)
{
    struct gw_jsonout json;
    gw_jsonout_init(&json, out, false);
    gw_jsonout_open(&json, true);
    put_plan(&json, plan);
    put_counts(&json, plan, result);
    put_distribution(&json, "connect_us", &result->connects);
    put_distribution(&json, "latency_us", &result->latencies);
    put_number(&json, "bench_cpu", busy(&result->own, result->measured));
    if (plan->pid > 0) {
        uint64_t count = counted(plan, result);
        put_number(&json, "broker_cpu", busy(&result->broker, result->measured));
        put_number(&json, "broker_us_per_message",
                   count > 0 ? (double)total(&result->broker) / 1e3 / (double)count : 0);
        put_number(&json, "broker_user_us_per_message",
                   count > 0 ? (double)result->broker.user_ns / 1e3 / (double)count : 0);
        put_integer(&json, "broker_memory", result->broker_memory_after);
    }
    gw_jsonout_key(&json, GW_SPAN_LIT("good"));
    gw_jsonout_word(&json, gw_verdict_good(plan, result) ? "true" : "false");
    if (result->trouble[0] != '\0') {
        gw_jsonout_key(&json, GW_SPAN_LIT("trouble"));
        gw_jsonout_string(&json, gw_span_str(result->trouble));
    }
    gw_jsonout_close(&json, true);
    if (json.failed)
        return GW_NO_MEMORY;
    return gw_buf_append(out, GW_SPAN_LIT("\n"));
}
