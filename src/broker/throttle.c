#include "broker/throttle.h"

#include <stdlib.h>

#define LOOK_NS GW_NS_PER_S /* a reload of the limits is seen as soon */

struct gw_throttle {
    struct gw_timer timer; /* armed while the client is not read from */
    struct gw_guest *client;
    gw_mono_ns messages; /* when its messages would have come at the rate; 0: long ago */
    gw_mono_ns bytes;
    bool told; /* once a connection is enough */
};

static void tell(struct gw_throttle *throttle)
{
    struct gw_guest *client = throttle->client;
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_guest_id(client)),
        gw_log_text("user", gw_guest_user_name(client)),
    };
    if (!throttle->told)
        gw_log_event(gw_shard_log(client->shard), GW_LOG_INFO, "client.throttled",
                     "publishes faster than it may and is slowed down", fields,
                     GW_COUNT_OF(fields));
    throttle->told = true;
}

/* `amount` is a packet at most, so nothing overflows. */
static void advance(gw_mono_ns *due, uint64_t amount, uint64_t rate, gw_mono_ns now)
{
    if (rate == 0)
        return;
    if (*due < now)
        *due = now;
    *due += amount * GW_NS_PER_S / rate;
}

/* Pauses or goes on pausing for as long as it takes; false: the client is not ahead. */
static bool hold(struct gw_throttle *throttle, const struct gw_config_rate *rate, gw_mono_ns now)
{
    struct gw_guest *client = throttle->client;
    gw_mono_ns due = rate->messages != 0 ? throttle->messages : 0;
    if (rate->bytes != 0 && throttle->bytes > due)
        due = throttle->bytes;
    if (due <= now + rate->burst)
        return false;
    gw_mono_ns until = due - rate->burst;
    gw_wheel_arm(gw_loop_wheel(client->shard->loop), &throttle->timer,
                 until < now + LOOK_NS ? until : now + LOOK_NS);
    return true;
}

static void on_timer(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_throttle *throttle = GW_CONTAINER(timer, struct gw_throttle, timer);
    struct gw_guest *client = throttle->client;
    if (client->state != GW_GUEST_CONNECTED ||
        hold(throttle, &gw_shard_settings(client->shard)->limits.publish_rate, now))
        return;
    gw_keepalive_on_packet(&client->keepalive, now); /* it was us who did not read */
    gw_guest_read_on(client);
}

static struct gw_throttle *throttle_of(struct gw_guest *client)
{
    if (!client->throttle) {
        client->throttle = calloc(1, sizeof(*client->throttle));
        if (client->throttle) {
            client->throttle->client = client;
            gw_timer_init(&client->throttle->timer, on_timer);
        }
    }
    return client->throttle;
}

bool gw_throttle_on_publish(struct gw_guest *client, size_t bytes, gw_mono_ns now)
{
    const struct gw_config_rate *rate = &gw_shard_settings(client->shard)->limits.publish_rate;
    if ((rate->messages | rate->bytes) == 0 || client->state != GW_GUEST_CONNECTED)
        return false;
    struct gw_throttle *throttle = throttle_of(client);
    if (!throttle) { /* a bound that could be escaped from would be none */
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
        return false;
    }
    advance(&throttle->messages, 1, rate->messages, now);
    advance(&throttle->bytes, bytes, rate->bytes, now);
    if (!hold(throttle, rate, now))
        return false;
    gw_conn_pause(client->conn);
    gw_metrics_add(&client->shard->metrics, GW_METRIC_THROTTLED, 1);
    tell(throttle);
    return true;
}

bool gw_throttle_holds(const struct gw_guest *client)
{
    return client->throttle && gw_timer_armed(&client->throttle->timer);
}

void gw_throttle_end(struct gw_guest *client)
{
    if (!client->throttle)
        return;
    gw_wheel_cancel(gw_loop_wheel(client->shard->loop), &client->throttle->timer);
    free(client->throttle);
    client->throttle = NULL;
}
