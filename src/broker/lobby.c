#include "broker/lobby.h"

#include "broker/guest.h"
#include "broker/shard.h"

void gw_lobby_init(struct gw_lobby *lobby)
{
    gw_list_init(&lobby->guests);
    lobby->count = 0;
}

void gw_lobby_enter(struct gw_guest *client)
{
    struct gw_lobby *lobby = &client->shard->clients.lobby;
    if (!gw_conn_is_opening(client->conn))
        return;
    gw_list_push_back(&lobby->guests, &client->opening);
    lobby->count++;
}

void gw_lobby_leave(struct gw_guest *client)
{
    if (gw_list_empty(&client->opening)) /* it is in no list */
        return;
    gw_list_remove(&client->opening);
    client->shard->clients.lobby.count--;
}

static size_t share_of(const struct gw_shard *shard)
{
    unsigned shards = shard->world->shard_count;
    return (gw_shard_settings(shard)->limits.login.handshakes + shards - 1) / shards;
}

bool gw_lobby_look(struct gw_shard *shard, gw_mono_ns now)
{
    struct gw_lobby *lobby = &shard->clients.lobby;
    size_t share = share_of(shard);
    while (lobby->count >= share && lobby->count > 0) {
        struct gw_guest *oldest = GW_CONTAINER(lobby->guests.next, struct gw_guest, opening);
        bool opening = gw_conn_is_opening(oldest->conn);
        if (opening && now - oldest->since < GW_LOBBY_PATIENCE)
            return true;
        gw_lobby_leave(oldest);
        if (!opening) /* it is through, and has said nothing yet */
            continue;
        gw_metrics_add(&shard->metrics, GW_METRIC_HANDSHAKES_CUT, 1);
        gw_guest_end(oldest, GW_REASON_SERVER_BUSY,
                     "limits.login.handshakes is reached, and this one took longest", NULL);
    }
    return false;
}
