#include "broker/penalty.h"

#include "broker/registry.h"
#include "broker/watchlist.h"

static const struct gw_config_login *limits_of(const struct gw_guest *client)
{
    return &gw_shard_settings(client->shard)->limits.login;
}

bool gw_penalty_banned(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    if (!gw_watchlist_banned(shard->world->watchlist, gw_registry_host(gw_conn_peer(client->conn)),
                             now))
        return false;
    gw_metrics_add(&shard->metrics, GW_METRIC_LOGINS_BANNED, 1);
    return true;
}

#define CASE_FIELDS 5u

static void fill_fields(const struct gw_guest *client, const struct gw_penalty_case *tried,
                        char from[GW_ADDRESS_TEXT_MAX], struct gw_log_field fields[CASE_FIELDS])
{
    fields[0] = gw_log_text("id", tried->client_id);
    fields[1] = gw_log_text("user", tried->user);
    fields[2] = gw_log_str("from", gw_address_text(gw_conn_peer(client->conn), from));
    fields[3] = gw_log_str("method", tried->method);
    fields[4] = gw_log_str("reason", tried->why);
}

static void log_failed(const struct gw_guest *client, const struct gw_penalty_case *tried)
{
    struct gw_log_field fields[CASE_FIELDS];
    char from[GW_ADDRESS_TEXT_MAX];
    fill_fields(client, tried, from, fields);
    gw_log_event(gw_shard_log(client->shard), GW_LOG_WARN, "auth.failed", "a login failed", fields,
                 CASE_FIELDS);
}

void gw_penalty_trouble(struct gw_guest *client, const struct gw_penalty_case *tried)
{
    struct gw_log_field fields[CASE_FIELDS];
    char from[GW_ADDRESS_TEXT_MAX];
    gw_metrics_add(&client->shard->metrics, GW_METRIC_LOGINS_TROUBLED, 1);
    fill_fields(client, tried, from, fields);
    gw_log_event(gw_shard_log(client->shard), GW_LOG_ERROR, "auth.trouble",
                 "a login cannot be judged", fields, CASE_FIELDS);
}

void gw_penalty_note(struct gw_guest *client, const struct gw_penalty_case *tried, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    const struct gw_config_login *limits = limits_of(client);
    const struct gw_address *peer = gw_conn_peer(client->conn);
    log_failed(client, tried);
    gw_metrics_add(&shard->metrics, GW_METRIC_LOGINS_FAILED, 1);
    if (!gw_watchlist_fail(shard->world->watchlist, gw_registry_host(peer), limits->failures,
                           limits->ban, now))
        return;
    char from[GW_ADDRESS_TEXT_MAX];
    struct gw_log_field fields[] = {
        gw_log_str("from", gw_address_text(peer, from)),
        gw_log_number("failures", limits->failures),
        gw_log_number("ban_s", (int64_t)(limits->ban / GW_NS_PER_S)),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "auth.banned",
                 "an address is banned for wrong logins", fields, GW_COUNT_OF(fields));
}

gw_mono_ns gw_penalty_until(const struct gw_guest *client, gw_mono_ns now)
{
    gw_mono_ns delay = limits_of(client)->delay;
    gw_mono_ns latest = client->since + gw_shard_settings(client->shard)->limits.connect_time;
    if (delay == 0 || latest < now)
        return now;
    return now + delay < latest ? now + delay : latest;
}
