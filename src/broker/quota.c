#include "broker/quota.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/authors.h"
#include "broker/registry.h"
#include "broker/rights.h"
#include "broker/watchlist.h"

#define SLOTS 65536u

/* All relaxed and unpaired: nothing hangs on a count. */
struct gw_quota {
    struct gw_watchlist *comers;    /* by client identifier */
    atomic_uint connections[SLOTS]; /* by address */
    _Atomic gw_mono_ns paid[SLOTS]; /* by address: until when its rate is used up */
    atomic_uint users[GW_MESSAGE_AUTHORS];
};

struct gw_quota *gw_quota_new(uint64_t seed)
{
    struct gw_quota *quota = calloc(1, sizeof(*quota)); /* pages that are not used are not there */
    if (!quota)
        return NULL;
    quota->comers = gw_watchlist_new(seed);
    if (quota->comers)
        return quota;
    free(quota);
    return NULL;
}

void gw_quota_free(struct gw_quota *quota)
{
    if (!quota)
        return;
    gw_watchlist_free(quota->comers);
    free(quota);
}

static bool count_in(atomic_uint *count, uint32_t limit)
{
    if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) < limit || limit == 0)
        return true;
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
    return false;
}

static void count_out(atomic_uint *count)
{
    unsigned before = atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
    GW_ASSERT(before > 0);
}

/* -- addresses -- */

static size_t slot_of(const struct gw_guest *client)
{
    return gw_shard_hash(client->shard, gw_registry_host(gw_conn_peer(client->conn))) % SLOTS;
}

/* Each connection uses up a part of a second; so much may be used up ahead as the burst takes. */
static bool pay(_Atomic gw_mono_ns *paid, const struct gw_config_address *limits, gw_mono_ns now)
{
    if (limits->connect_rate == 0)
        return true;
    gw_mono_ns price = GW_NS_PER_S / limits->connect_rate;
    gw_mono_ns ahead = price * limits->connect_burst;
    gw_mono_ns before = atomic_load_explicit(paid, memory_order_relaxed);
    gw_mono_ns after;
    do {
        after = (before > now ? before : now) + price;
        if (after > now + ahead)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(paid, &before, after, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

const char *gw_quota_enter(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    struct gw_quota *quota = shard->world->quota;
    const struct gw_config_address *limits = &gw_shard_settings(shard)->limits.address;
    size_t slot = slot_of(client);
    if (!pay(&quota->paid[slot], limits, now))
        return "limits.address.connect_rate is reached";
    if (!count_in(&quota->connections[slot], limits->connections))
        return "limits.address.connections is reached";
    client->counted_address = true;
    if (gw_registry_count_address(shard, gw_conn_peer(client->conn), 1) == GW_OK) {
        client->counted = true;
        return NULL;
    }
    gw_quota_leave(client);
    return "limits.connections_unauthenticated_per_address is reached";
}

void gw_quota_leave(struct gw_guest *client)
{
    if (client->counted)
        gw_registry_count_address(client->shard, gw_conn_peer(client->conn), -1);
    if (client->counted_address)
        count_out(&client->shard->world->quota->connections[slot_of(client)]);
    client->counted = false;
    client->counted_address = false;
}

/* -- users -- */

bool gw_quota_user_is_full(const struct gw_guest *client, const struct gw_guest *older)
{
    const struct gw_shard *shard = client->shard;
    uint32_t limit = gw_shard_settings(shard)->limits.login.connections;
    uint32_t author = client->user.proved ? gw_rights_author(client) : 0;
    if (limit == 0 || author == 0)
        return false;
    unsigned count =
        atomic_load_explicit(&shard->world->quota->users[author], memory_order_relaxed);
    return count >= limit + (older && older->counted_user == author);
}

void gw_quota_enter_user(struct gw_guest *client)
{
    uint32_t author = client->user.proved ? gw_rights_author(client) : 0;
    if (author != 0)
        (void)count_in(&client->shard->world->quota->users[author], 0);
    client->counted_user = author;
}

void gw_quota_leave_user(struct gw_guest *client)
{
    if (client->counted_user != 0)
        count_out(&client->shard->world->quota->users[client->counted_user]);
    client->counted_user = 0;
}

/* -- clients that come and go -- */

static void log_held(const struct gw_guest *client, struct gw_span client_id)
{
    const struct gw_config_flapping *limits = &gw_shard_settings(client->shard)->limits.flapping;
    char from[GW_ADDRESS_TEXT_MAX];
    struct gw_log_field fields[] = {
        gw_log_text("id", client_id),
        gw_log_text("user", gw_guest_user_name(client)),
        gw_log_str("from", gw_address_text(gw_conn_peer(client->conn), from)),
        gw_log_number("connects", limits->connects),
        gw_log_number("hold_s", (int64_t)(limits->hold / GW_NS_PER_S)),
    };
    gw_log_event(gw_shard_log(client->shard), GW_LOG_WARN, "client.held",
                 "a client that connects over and over is held off", fields, GW_COUNT_OF(fields));
}

/* With the same identifier another user is another client: nobody holds off others. */
static uint64_t comer_of(const struct gw_guest *client, struct gw_span client_id)
{
    uint64_t parts[] = {gw_shard_hash(client->shard, client_id), 0};
    if (client->user.proved)
        parts[1] = gw_shard_hash(client->shard, gw_guest_user_name(client));
    return gw_shard_hash(client->shard, gw_span_of(parts, sizeof(parts)));
}

bool gw_quota_may_come(struct gw_guest *client, struct gw_span client_id, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    const struct gw_config_flapping *limits = &gw_shard_settings(shard)->limits.flapping;
    struct gw_watchlist *comers = shard->world->quota->comers;
    uint64_t hash = comer_of(client, client_id);
    struct gw_span key = gw_span_of(&hash, sizeof(hash));
    if (limits->connects == 0 || client_id.size == 0)
        return true;
    if (gw_watchlist_banned(comers, key, now)) {
        gw_metrics_add(&shard->metrics, GW_METRIC_CLIENTS_HELD, 1);
        return false;
    }
    if (gw_watchlist_fail(comers, key, limits->connects, limits->hold, now))
        log_held(client, client_id);
    return true;
}
