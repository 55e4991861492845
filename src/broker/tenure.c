#include "broker/tenure.h"

gw_mono_ns gw_tenure_look(uint64_t expires, gw_wall_ns wall, gw_mono_ns now)
{
    uint64_t since_1970 = wall > 0 ? (uint64_t)wall : 0;
    if (expires == 0)
        return GW_NEVER;
    if (expires <= since_1970 / GW_NS_PER_S)
        return now;
    if (expires - since_1970 / GW_NS_PER_S > GW_TENURE_LOOK / GW_NS_PER_S)
        return now + GW_TENURE_LOOK;
    uint64_t left = expires * GW_NS_PER_S - since_1970; /* less than a look and a second */
    return now + (left < GW_TENURE_LOOK ? left : GW_TENURE_LOOK);
}

static gw_mono_ns look(const struct gw_guest *client, gw_mono_ns now)
{
    if (client->user.expires == 0) /* most clients: no need to ask what time it is */
        return GW_NEVER;
    gw_wall_ns wall = gw_clock_wall(gw_loop_clock(client->shard->loop));
    return gw_tenure_look(client->user.expires, wall, now);
}

gw_mono_ns gw_tenure_bound(const struct gw_guest *client, gw_mono_ns deadline, gw_mono_ns now)
{
    gw_mono_ns next = look(client, now);
    return next < deadline ? next : deadline;
}

bool gw_tenure_end(struct gw_guest *client, gw_mono_ns now)
{
    if (look(client, now) > now)
        return false;
    gw_metrics_add(&client->shard->metrics, GW_METRIC_LOGINS_EXPIRED, 1);
    gw_guest_end(client, GW_REASON_MAXIMUM_CONNECT_TIME,
                 "what it was let in by has expired: it may come back with a new one", NULL);
    return true;
}

void gw_tenure_arm(struct gw_guest *client)
{
    gw_mono_ns now = gw_loop_now(client->shard->loop);
    if (client->state != GW_GUEST_CONNECTED)
        return;
    gw_mono_ns deadline = gw_keepalive_next_deadline(&client->keepalive);
    gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer,
                 gw_tenure_bound(client, deadline, now));
}
