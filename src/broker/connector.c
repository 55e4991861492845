#include "broker/connector.h"

#include "broker/admission.h"
#include "broker/exchange.h"
#include "broker/login.h"
#include "wire/connect.h"

static uint32_t user_properties_max(const struct gw_guest *client)
{
    return gw_shard_settings(client->shard)->limits.user_properties;
}

struct gw_span gw_connector_client_id(struct gw_guest *client, const struct gw_frame *frame)
{
    struct gw_connect connect;
    struct gw_fault fault;
    if (frame->header.flags != 0 ||
        gw_connect_decode(frame->body, user_properties_max(client), &connect, &fault) != GW_OK)
        return GW_SPAN_NONE;
    return connect.client_id;
}

static void admit(struct gw_guest *client, const struct gw_connect *connect,
                  struct gw_span auth_data, gw_mono_ns now)
{
    if (!gw_admission_admit(client, connect, auth_data, now))
        return;
    const struct gw_config_limits *limits = &gw_shard_settings(client->shard)->limits;
    gw_assembler_set(&client->assembler, connect->version, (uint32_t)limits->packet);
}

void gw_connector_admit(struct gw_guest *client, struct gw_span body, struct gw_span auth_data,
                        gw_mono_ns now)
{
    struct gw_connect connect;
    struct gw_fault fault;
    if (gw_connect_decode(body, user_properties_max(client), &connect, &fault) == GW_OK)
        admit(client, &connect, auth_data, now);
    else /* limits.user_properties was lowered meanwhile */
        gw_admission_refuse(client, fault.reason, fault.what, fault.clause);
}

static void go_on(struct gw_guest *client, const struct gw_connect *connect, struct gw_span body,
                  gw_mono_ns now)
{
    if (!gw_exchange_begin(client, connect, body, now))
        admit(client, connect, GW_SPAN_NONE, now);
}

void gw_connector_go_on(struct gw_guest *client, struct gw_span body, gw_mono_ns now)
{
    struct gw_connect connect;
    struct gw_fault fault;
    if (gw_connect_decode(body, user_properties_max(client), &connect, &fault) == GW_OK)
        go_on(client, &connect, body, now);
    else /* limits.user_properties was lowered meanwhile */
        gw_admission_refuse(client, fault.reason, fault.what, fault.clause);
}

void gw_connector_on_connect(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    struct gw_connect connect = {0};
    struct gw_fault fault;
    enum gw_status status =
        gw_connect_decode(frame->body, user_properties_max(client), &connect, &fault);
    client->peer.version = (uint8_t)connect.version;
    gw_assembler_set(&client->assembler, connect.version, client->assembler.packet_max);
    /* The header was read before its version was known. */
    if (status == GW_OK && connect.version == GW_VERSION_5 &&
        frame->header.size != 1 + gw_varint_size(frame->header.remaining_length))
        status = gw_fault_set(&fault, GW_REASON_MALFORMED_PACKET,
                              "remaining length is not in its shortest form", "MQTT-1.5.5-1");
    if (status != GW_OK) {
        gw_admission_refuse(client, fault.reason, fault.what, fault.clause);
        return;
    }
    if (!gw_admission_check(client, &connect))
        return;
    if (gw_props_has(&connect.props, AUTH_METHOD) && !gw_exchange_wants_login(client, &connect))
        gw_exchange_begin(client, &connect, frame->body, now);
    else if (gw_login_begin(client, &connect, frame->body, now) == GW_LOGIN_PASSED)
        go_on(client, &connect, frame->body, now);
}
