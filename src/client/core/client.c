#include "client/core/client.h"

#include "client/core/delivery.h"
#include "client/core/emit.h"
#include "client/core/receipt.h"
#include "wire/reason.h"

static enum gw_version version_of(const struct gw_client *client)
{
    return client->options->connect.version;
}

void gw_client_init(struct gw_client *client, const struct gw_client_options *options,
                    const struct gw_client_io *io, const struct gw_client_events *events,
                    void *user)
{
    *client = (struct gw_client){.options = options, .io = io, .events = events, .user = user};
    client->ping_sent = GW_NEVER;
    gw_list_init(&client->inflight);
    gw_list_init(&client->queued);
    gw_list_init(&client->requests);
}

enum gw_status gw_client_connect(struct gw_client *client, gw_mono_ns now)
{
    if (client->state != GW_CLIENT_IDLE)
        return GW_INVALID;
    const struct gw_connect *connect = &client->options->connect;
    client->fault = (struct gw_fault){0};
    client->draining = false;
    client->reply.type = GW_PACKET_RESERVED;
    client->ping_sent = GW_NEVER;
    client->last_received = now;
    client->server = (struct gw_client_server){.receive_maximum = UINT16_MAX,
                                               .keep_alive = connect->keep_alive,
                                               .packet_max = UINT32_MAX,
                                               .qos_max = GW_QOS_MAX,
                                               .retain_available = true};
    struct gw_writer w = gw_emit_begin(client);
    size_t size = gw_connect_encode(&w, connect);
    GW_TRY(gw_emit_end(client, size, GW_SPAN_NONE, now));
    client->state = GW_CLIENT_CONNECTING;
    gw_emit_trace(client, &(struct gw_client_trace){.type = GW_PACKET_CONNECT, .sent = true});
    return GW_OK;
}

/* Takes over the limits that a CONNACK of MQTT 5 may carry. */
static void learn(struct gw_client *client, const struct gw_connack *connack)
{
    const struct gw_props *props = &connack->props;
    struct gw_client_server *server = &client->server;
    server->session_present = connack->session_present;
    if (gw_props_has(props, RECEIVE_MAXIMUM))
        server->receive_maximum = props->receive_maximum;
    if (gw_props_has(props, SERVER_KEEP_ALIVE))
        server->keep_alive = props->server_keep_alive;
    if (gw_props_has(props, MAXIMUM_PACKET_SIZE))
        server->packet_max = props->maximum_packet_size;
    if (gw_props_has(props, MAXIMUM_QOS))
        server->qos_max = props->maximum_qos;
    if (gw_props_has(props, RETAIN_AVAILABLE))
        server->retain_available = props->retain_available != 0;
}

static enum gw_status on_connack(struct gw_client *client, struct gw_span body, gw_mono_ns now,
                                 struct gw_fault *fault)
{
    struct gw_connack connack;
    GW_TRY(gw_connack_decode(body, version_of(client), &connack, fault));
    gw_emit_trace(client,
                  &(struct gw_client_trace){.type = GW_PACKET_CONNACK, .connack = &connack});
    bool accepted = connack.reason == GW_REASON_SUCCESS;
    client->state = accepted ? GW_CLIENT_CONNECTED : GW_CLIENT_ENDED;
    if (accepted && client->events->trusts && !client->events->trusts(client->user, &connack)) {
        client->state = GW_CLIENT_ENDED;
        return GW_OK;
    }
    if (accepted) {
        learn(client, &connack);
        gw_delivery_resume(client, connack.session_present, now);
    }
    client->events->on_connack(client->user, &connack);
    return GW_OK;
}

static enum gw_status on_reply(struct gw_client *client, enum gw_packet_type type,
                               struct gw_span body, struct gw_fault *fault)
{
    struct gw_suback suback;
    GW_TRY(gw_suback_decode(type, body, version_of(client), &suback, fault));
    enum gw_packet_type asked =
        type == GW_PACKET_SUBACK ? GW_PACKET_SUBSCRIBE : GW_PACKET_UNSUBSCRIBE;
    gw_emit_trace(client, &(struct gw_client_trace){.type = type});
    GW_LIST_FOREACH (node, &client->requests) {
        struct gw_client_request *request = GW_CONTAINER(node, struct gw_client_request, link);
        if (request->packet_id != suback.packet_id || request->type != asked)
            continue;
        gw_list_remove(node);
        if (client->events->on_reply)
            client->events->on_reply(client->user, request, &suback);
        return GW_OK;
    }
    return GW_OK; /* nobody asked: of no consequence */
}

static enum gw_status on_ack(struct gw_client *client, enum gw_packet_type type,
                             struct gw_span body, gw_mono_ns now, struct gw_fault *fault)
{
    struct gw_ack ack;
    GW_TRY(gw_ack_decode(type, body, version_of(client), true, &ack, fault));
    gw_emit_trace(client, &(struct gw_client_trace){.type = type, .ack = &ack});
    if (type != GW_PACKET_PUBREL)
        return gw_delivery_on_ack(client, &ack, now);
    gw_receipt_on_pubrel(client, &ack, now);
    return GW_OK;
}

/* DISCONNECT and AUTH, which only MQTT 5 servers send. */
static enum gw_status on_order(struct gw_client *client, enum gw_packet_type type,
                               struct gw_span body, struct gw_fault *fault)
{
    struct gw_disconnect order;
    GW_TRY(gw_disconnect_decode(type, body, version_of(client), true, &order, fault));
    gw_emit_trace(client, &(struct gw_client_trace){.type = type, .disconnect = &order});
    if (type == GW_PACKET_AUTH) {
        if (!client->events->on_auth)
            return gw_fault_set(fault, GW_REASON_BAD_AUTHENTICATION_METHOD,
                                "AUTH without an authentication method", "MQTT-4.12.0-6");
        client->events->on_auth(client->user, &order);
        return GW_OK;
    }
    client->state = GW_CLIENT_ENDED;
    if (client->events->on_disconnect)
        client->events->on_disconnect(client->user, &order);
    return GW_OK;
}

static enum gw_status on_publish(struct gw_client *client, const struct gw_header *header,
                                 struct gw_span body, gw_mono_ns now, struct gw_fault *fault)
{
    struct gw_publish publish;
    GW_TRY(gw_publish_decode(header, body, version_of(client), true,
                             GW_USER_PROPERTIES_MAX_DEFAULT * 64u, &publish, fault));
    return gw_receipt_on_publish(client, &publish, now, fault);
}

static enum gw_status unexpected(struct gw_fault *fault)
{
    return gw_fault_set(fault, GW_REASON_PROTOCOL_ERROR, "packet not expected from a server", NULL);
}

static enum gw_status on_packet(struct gw_client *client, const struct gw_header *header,
                                struct gw_span body, gw_mono_ns now, struct gw_fault *fault)
{
    bool connecting = client->state == GW_CLIENT_CONNECTING;
    if (connecting && header->type == GW_PACKET_CONNACK)
        return on_connack(client, body, now, fault);
    if (connecting && header->type != GW_PACKET_AUTH && header->type != GW_PACKET_DISCONNECT)
        return unexpected(fault);
    switch (header->type) {
    case GW_PACKET_PUBLISH: return on_publish(client, header, body, now, fault);
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP: return on_ack(client, header->type, body, now, fault);
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK: return on_reply(client, header->type, body, fault);
    case GW_PACKET_PINGRESP:
        client->ping_sent = GW_NEVER;
        gw_emit_trace(client, &(struct gw_client_trace){.type = GW_PACKET_PINGRESP});
        return GW_OK;
    case GW_PACKET_DISCONNECT:
    case GW_PACKET_AUTH:
        if (version_of(client) == GW_VERSION_5)
            return on_order(client, header->type, body, fault);
        return unexpected(fault);
    default: return unexpected(fault);
    }
}

/* Ends a connection that the server broke, telling it why where it can hear it. */
static enum gw_status fail(struct gw_client *client, enum gw_status status,
                           const struct gw_fault *fault, gw_mono_ns now)
{
    if (status != GW_MALFORMED && status != GW_PROTOCOL)
        return status;
    client->fault = *fault;
    if (client->state == GW_CLIENT_CONNECTED && version_of(client) == GW_VERSION_5) {
        struct gw_disconnect bye = {.type = GW_PACKET_DISCONNECT, .reason = fault->reason};
        enum gw_status best_effort = gw_emit_disconnect(client, &bye, now);
        (void)best_effort;
    }
    client->state = GW_CLIENT_ENDED;
    return status;
}

/* Finds the packet at the front: GW_OK with its header when it is complete. */
static enum gw_status frame(const struct gw_client *client, struct gw_span bytes,
                            struct gw_header *ret_header, struct gw_fault *fault)
{
    GW_TRY(gw_header_decode(bytes, version_of(client), ret_header, fault));
    GW_TRY(gw_header_check(ret_header, version_of(client), fault));
    size_t size = (size_t)ret_header->size + ret_header->remaining_length;
    if (client->options->packet_max > 0 && size > client->options->packet_max)
        return gw_fault_set(fault, GW_REASON_PACKET_TOO_LARGE, "packet larger than we take",
                            "MQTT-3.1.2-24");
    return bytes.size < size ? GW_MORE : GW_OK;
}

enum gw_status gw_client_on_bytes(struct gw_client *client, struct gw_span bytes, gw_mono_ns now,
                                  size_t *ret_used)
{
    *ret_used = 0;
    if (bytes.size > 0)
        client->last_received = now;
    for (;;) {
        if (client->state != GW_CLIENT_CONNECTED && client->state != GW_CLIENT_CONNECTING)
            return GW_CLOSED;
        GW_TRY(gw_receipt_flush(client, now));
        struct gw_header header;
        struct gw_fault fault = {0};
        struct gw_span rest = gw_span_from(bytes, *ret_used);
        if (rest.size == 0)
            return GW_MORE;
        enum gw_status status = frame(client, rest, &header, &fault);
        if (status == GW_OK)
            status = on_packet(client, &header,
                               gw_span_of(rest.data + header.size, header.remaining_length), now,
                               &fault);
        if (status != GW_OK)
            return fail(client, status, &fault, now);
        *ret_used += (size_t)header.size + header.remaining_length;
    }
}

size_t gw_client_wanted(const struct gw_client *client, struct gw_span bytes)
{
    struct gw_header header;
    struct gw_fault fault;
    if (gw_header_decode(bytes, version_of(client), &header, &fault) != GW_OK)
        return 0;
    return (size_t)header.size + header.remaining_length;
}

void gw_client_on_closed(struct gw_client *client)
{
    client->state = GW_CLIENT_IDLE;
    client->ping_sent = GW_NEVER;
    client->reply.type = GW_PACKET_RESERVED;
    struct gw_list orphans;
    gw_list_init(&orphans);
    gw_list_splice_back(&orphans, &client->requests);
    for (struct gw_list *node; (node = gw_list_pop_front(&orphans)) != NULL;) {
        if (client->events->on_reply)
            client->events->on_reply(client->user,
                                     GW_CONTAINER(node, struct gw_client_request, link), NULL);
    }
}

static gw_mono_ns earlier(gw_mono_ns a, gw_mono_ns b)
{
    return a < b ? a : b;
}

/* When a PINGREQ is due: either direction was silent for the keep-alive. */
static gw_mono_ns ping_due(const struct gw_client *client)
{
    return gw_time_add_s(earlier(client->last_sent, client->last_received),
                         client->server.keep_alive);
}

gw_mono_ns gw_client_next_deadline(const struct gw_client *client)
{
    if (client->state == GW_CLIENT_CONNECTING) {
        uint32_t wait_s = client->options->connack_timeout_s;
        if (wait_s == 0)
            wait_s = client->server.keep_alive;
        return wait_s > 0 ? gw_time_add_s(client->last_sent, wait_s) : GW_NEVER;
    }
    if (client->state != GW_CLIENT_CONNECTED || client->server.keep_alive == 0)
        return GW_NEVER;
    if (client->ping_sent != GW_NEVER)
        return gw_time_add_s(client->ping_sent, client->server.keep_alive);
    return ping_due(client);
}

enum gw_status gw_client_on_time(struct gw_client *client, gw_mono_ns now)
{
    if (client->state == GW_CLIENT_CONNECTED)
        gw_delivery_pump(client, now);
    if (now < gw_client_next_deadline(client))
        return GW_OK;
    if (client->state != GW_CLIENT_CONNECTED || client->ping_sent != GW_NEVER) {
        client->state = GW_CLIENT_ENDED;
        return GW_TIMEOUT;
    }
    struct gw_writer w = gw_emit_begin(client);
    gw_ack_encode_ping(&w, GW_PACKET_PINGREQ);
    enum gw_status status = gw_emit_end(client, gw_writer_size(&w), GW_SPAN_NONE, now);
    /* A transport without room is a silent server too: the wait for the answer begins anyway. */
    client->ping_sent = now;
    if (status == GW_OK)
        gw_emit_trace(client, &(struct gw_client_trace){.type = GW_PACKET_PINGREQ, .sent = true});
    return status == GW_AGAIN ? GW_OK : status;
}

enum gw_status gw_client_request(struct gw_client *client, struct gw_client_request *request,
                                 const struct gw_props *props,
                                 const struct gw_filter_request *filters, size_t filter_count,
                                 gw_mono_ns now)
{
    if (client->state != GW_CLIENT_CONNECTED)
        return GW_CLOSED;
    request->packet_id = gw_delivery_next_id(client);
    if (request->packet_id == 0)
        return GW_AGAIN;
    struct gw_writer w = gw_emit_begin(client);
    size_t size = gw_subscribe_encode(&w, version_of(client), request->type, request->packet_id,
                                      props, filters, filter_count);
    GW_TRY(gw_emit_end(client, size, GW_SPAN_NONE, now));
    gw_list_push_back(&client->requests, &request->link);
    struct gw_client_trace trace = {.type = request->type, .sent = true};
    trace.request = request;
    trace.filters = filters;
    trace.filter_count = filter_count;
    gw_emit_trace(client, &trace);
    return GW_OK;
}

enum gw_status gw_client_auth(struct gw_client *client, uint8_t reason,
                              const struct gw_props *props, gw_mono_ns now)
{
    if (client->state != GW_CLIENT_CONNECTED && client->state != GW_CLIENT_CONNECTING)
        return GW_CLOSED;
    struct gw_disconnect auth = {.type = GW_PACKET_AUTH, .reason = reason, .props = *props};
    return gw_emit_disconnect(client, &auth, now);
}

enum gw_status gw_client_disconnect(struct gw_client *client, uint8_t reason,
                                    const struct gw_props *props, gw_mono_ns now)
{
    if (client->state != GW_CLIENT_CONNECTED)
        return GW_CLOSED;
    struct gw_disconnect bye = {.type = GW_PACKET_DISCONNECT, .reason = reason};
    if (props)
        bye.props = *props;
    GW_TRY(gw_emit_disconnect(client, &bye, now));
    client->state = GW_CLIENT_DISCONNECTING;
    return GW_OK;
}

void gw_client_drain(struct gw_client *client)
{
    client->draining = true;
}

bool gw_client_settled(const struct gw_client *client)
{
    return client->incoming_count == 0;
}
