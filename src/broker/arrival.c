#include "broker/arrival.h"

#include "broker/guest.h"
#include "broker/registry.h"

const char *gw_arrival_judge(void *ctx, struct gw_conn *conn)
{
    struct gw_guest *client = gw_conn_user(conn);
    (void)ctx;
    if (gw_registry_count_address(client->shard, gw_conn_peer(conn), 1) != GW_OK)
        return "limits.connections_unauthenticated_per_address is reached";
    client->counted = true;
    return NULL;
}
