#include "broker/arrival.h"

#include "broker/guest.h"
#include "broker/quota.h"

const char *gw_arrival_judge(void *ctx, struct gw_conn *conn)
{
    struct gw_guest *client = gw_conn_user(conn);
    (void)ctx;
    return gw_quota_enter(client, gw_loop_now(client->shard->loop));
}
