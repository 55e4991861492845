#include "broker/farewell.h"

#include <errno.h>
#include <stdio.h>

/* How the system lost a connection; constant words, as a cause needs them. */
static const char *loss_words(int os_errno)
{
    switch (os_errno) {
    case ECONNRESET:
    case EPIPE: return "connection reset by the peer without DISCONNECT";
    case ETIMEDOUT: return "connection lost: the peer's machine does not answer";
    case EHOSTUNREACH:
    case ENETUNREACH: return "connection lost: no route to the peer";
    case ENOMEM:
    case ENOBUFS: return "connection lost: the system is out of memory";
    default: return "connection lost";
    }
}

const char *gw_farewell_words(const struct gw_conn *conn, enum gw_conn_end end, int os_errno)
{
    switch (end) {
    case GW_CONN_END_LOCAL: return "closed";
    case GW_CONN_END_PEER: return "connection closed by the peer without DISCONNECT";
    case GW_CONN_END_TIMEOUT: return "the peer did not take the last bytes";
    case GW_CONN_END_TRANSPORT: return gw_conn_trouble(conn);
    case GW_CONN_END_ERROR: break;
    }
    return loss_words(os_errno);
}

static const char *by_name(uint8_t by)
{
    static const char *const names[] = {"network", "client", "broker"};
    return names[by];
}

static const char *cause_text(const struct gw_guest_cause *cause, char *text, size_t size)
{
    const char *what = cause->what ? cause->what : "connection closed";
    if (cause->clause)
        snprintf(text, size, "%s (%s)", what, cause->clause);
    else
        snprintf(text, size, "%s", what);
    return text;
}

void gw_farewell_log(struct gw_guest *client, gw_mono_ns now)
{
    if (client->cause.logged)
        return;
    client->cause.logged = true;
    bool connected = client->session != NULL;
    bool expected = client->cause.clean || (!connected && !client->cause.told);
    enum gw_log_level level = !connected && expected ? GW_LOG_DEBUG : GW_LOG_INFO;
    if (!gw_log_wants(gw_shard_log(client->shard), level))
        return;
    char from[GW_ADDRESS_TEXT_MAX], why[256];
    struct gw_transport_story story;
    gw_conn_describe(client->conn, &story);
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_guest_id(client)),
        gw_log_text("user", gw_guest_user_name(client)),
        gw_log_str("from", gw_address_text(gw_conn_peer(client->conn), from)),
        gw_log_str("reason", cause_text(&client->cause, why, sizeof(why))),
        gw_log_number("code", client->cause.reason),
        gw_log_str("by", by_name(client->cause.by)),
        gw_log_str("last", client->last_packet
                               ? gw_packet_name((enum gw_packet_type)client->last_packet)
                               : NULL),
        gw_log_number("after_ms", (int64_t)((now - client->since) / GW_NS_PER_MS)),
        gw_log_number("in_bytes", (int64_t)gw_conn_bytes_in(client->conn)),
        gw_log_number("out_bytes", (int64_t)gw_conn_bytes_out(client->conn)),
        gw_log_str("path", story.path),
        gw_log_str("origin", story.origin),
    };
    size_t skip = connected ? 0 : 2;
    gw_log_event(gw_shard_log(client->shard), level,
                 connected ? "client.disconnected" : "connection.closed",
                 connected ? "disconnected" : "closed before it was let in", fields + skip,
                 GW_COUNT_OF(fields) - skip);
}
