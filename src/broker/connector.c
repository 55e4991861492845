#include "broker/connector.h"

#include <stdlib.h>

#include "broker/admission.h"
#include "broker/login.h"
#include "wire/connect.h"
#include "wire/disconnect.h"

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

/* -- enhanced authentication -- */

void gw_connector_drop_auth(struct gw_guest *client)
{
    struct gw_guest_auth *auth = client->auth;
    if (!auth)
        return;
    if (auth->method->end)
        auth->method->end(auth->state);
    free(auth->state);
    gw_buf_fini(&auth->connect);
    free(auth);
    client->auth = NULL;
}

static enum gw_status auth_begin(struct gw_guest *client, const struct gw_method *method)
{
    struct gw_guest_auth *auth = calloc(1, sizeof(*auth));
    if (!auth)
        return GW_NO_MEMORY;
    auth->method = method;
    auth->state = calloc(1, method->state_size);
    gw_buf_init(&auth->connect, client->assembler.packet_max);
    client->auth = auth;
    return auth->state ? GW_OK : GW_NO_MEMORY;
}

/* Runs a step of the method over again from its beginning (re-authentication). */
static void auth_restart(struct gw_guest_auth *auth)
{
    if (auth->method->end)
        auth->method->end(auth->state);
    memset(auth->state, 0, auth->method->state_size);
}

static void send_auth(struct gw_guest *client, uint8_t reason, struct gw_span data)
{
    struct gw_disconnect packet = {.type = GW_PACKET_AUTH, .reason = reason};
    packet.props.present = GW_PROP_BIT(AUTH_METHOD);
    packet.props.auth_method = gw_span_str(client->auth->method->name);
    if (data.size > 0) {
        packet.props.present |= GW_PROP_BIT(AUTH_DATA);
        packet.props.auth_data = data;
    }
    size_t room = 64 + packet.props.auth_method.size + data.size;
    uint8_t *memory = gw_guest_reserve(client, room);
    if (!memory)
        return;
    struct gw_writer w = gw_writer_of(memory, room);
    size_t size = gw_disconnect_encode(&w, GW_VERSION_5, &packet);
    if (size > client->peer.packet_max) {
        gw_conn_commit(client->conn, 0);
        gw_guest_end(client, GW_REASON_PACKET_TOO_LARGE,
                     "AUTH does not fit the client's maximum packet size", "MQTT-3.1.2-24");
        return;
    }
    gw_guest_commit(client, size);
}

static void admit(struct gw_guest *client, const struct gw_connect *connect,
                  struct gw_span auth_data, gw_mono_ns now)
{
    if (!gw_admission_admit(client, connect, auth_data, now))
        return;
    const struct gw_config_limits *limits = &gw_shard_settings(client->shard)->limits;
    gw_assembler_set(&client->assembler, connect->version, (uint32_t)limits->packet);
}

/* A step of the exchange that a CONNECT began. */
static void authenticate(struct gw_guest *client, struct gw_span data, gw_mono_ns now)
{
    struct gw_guest_auth *auth = client->auth;
    struct gw_buf answer;
    gw_buf_init(&answer, UINT16_MAX);
    switch (auth->method->step(auth->state, data, &answer)) {
    case GW_METHOD_CONTINUE:
        client->state = GW_GUEST_AUTHENTICATING;
        send_auth(client, GW_REASON_CONTINUE_AUTHENTICATION, gw_buf_span(&answer));
        break;
    case GW_METHOD_DONE: {
        struct gw_connect connect;
        struct gw_fault fault;
        if (gw_connect_decode(gw_buf_span(&auth->connect), user_properties_max(client), &connect,
                              &fault) == GW_OK)
            admit(client, &connect, gw_buf_span(&answer), now);
        else /* limits.user_properties was lowered meanwhile */
            gw_admission_refuse(client, fault.reason, fault.what, fault.clause);
        gw_buf_fini(&auth->connect);
        break;
    }
    case GW_METHOD_FAILED:
        gw_admission_refuse(client, GW_REASON_NOT_AUTHORIZED, "authentication failed", NULL);
        break;
    }
    gw_buf_fini(&answer);
}

/* Judges an authentication method in CONNECT; true if an exchange goes on from here. */
static bool begin_exchange(struct gw_guest *client, const struct gw_connect *connect,
                           struct gw_span body, gw_mono_ns now)
{
    if (connect->version != GW_VERSION_5 || !gw_props_has(&connect->props, AUTH_METHOD))
        return false;
    struct gw_method_set offered = {
        .echo = gw_shard_settings(client->shard)->debug.auth_echo,
    };
    const struct gw_method *method = gw_method_find(&offered, connect->props.auth_method);
    if (!method) {
        gw_admission_refuse(client, GW_REASON_BAD_AUTHENTICATION_METHOD,
                            "authentication method not offered", NULL);
        return true;
    }
    if (auth_begin(client, method) != GW_OK ||
        gw_buf_append(&client->auth->connect, body) != GW_OK) {
        gw_admission_refuse(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
        return true;
    }
    bool has_data = gw_props_has(&connect->props, AUTH_DATA);
    authenticate(client, has_data ? connect->props.auth_data : GW_SPAN_NONE, now);
    return true;
}

static void go_on(struct gw_guest *client, const struct gw_connect *connect, struct gw_span body,
                  gw_mono_ns now)
{
    if (!begin_exchange(client, connect, body, now))
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
    if (gw_login_begin(client, &connect, frame->body, now) == GW_LOGIN_PASSED)
        go_on(client, &connect, frame->body, now);
}

/* Re-authentication of a connected client (MQTT 5.0 section 4.12.1). */
static void re_authenticate(struct gw_guest *client, const struct gw_disconnect *packet)
{
    struct gw_guest_auth *auth = client->auth;
    bool begins = packet->reason == GW_REASON_RE_AUTHENTICATE;
    if (begins)
        auth_restart(auth);
    if (begins == auth->again) {
        gw_guest_end(client, GW_REASON_PROTOCOL_ERROR, "AUTH out of order", "4.12.1");
        return;
    }
    auth->again = true;
    struct gw_buf answer;
    gw_buf_init(&answer, UINT16_MAX);
    bool has_data = gw_props_has(&packet->props, AUTH_DATA);
    switch (auth->method->step(auth->state, has_data ? packet->props.auth_data : GW_SPAN_NONE,
                               &answer)) {
    case GW_METHOD_CONTINUE:
        send_auth(client, GW_REASON_CONTINUE_AUTHENTICATION, gw_buf_span(&answer));
        break;
    case GW_METHOD_DONE:
        auth->again = false;
        send_auth(client, GW_REASON_SUCCESS, gw_buf_span(&answer));
        break;
    case GW_METHOD_FAILED:
        gw_guest_end(client, GW_REASON_NOT_AUTHORIZED, "re-authentication failed", "MQTT-4.12.1-2");
        break;
    }
    gw_buf_fini(&answer);
}

static void auth_fault(struct gw_guest *client, const struct gw_fault *fault)
{
    if (client->state == GW_GUEST_AUTHENTICATING)
        gw_admission_refuse(client, fault->reason, fault->what, fault->clause);
    else
        gw_guest_end_fault(client, fault);
}

void gw_connector_on_auth(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    struct gw_disconnect packet;
    struct gw_fault fault;
    if (gw_disconnect_decode(GW_PACKET_AUTH, frame->body, (enum gw_version)client->peer.version,
                             false, &packet, &fault) != GW_OK) {
        auth_fault(client, &fault);
        return;
    }
    bool has_method = gw_props_has(&packet.props, AUTH_METHOD);
    if (!client->auth || !has_method ||
        !gw_span_equal(packet.props.auth_method, gw_span_str(client->auth->method->name))) {
        fault = (struct gw_fault){GW_REASON_PROTOCOL_ERROR, "AUTH with another method than CONNECT",
                                  "MQTT-4.12.0-5"};
        auth_fault(client, &fault);
        return;
    }
    if (client->state == GW_GUEST_CONNECTED) {
        re_authenticate(client, &packet);
        return;
    }
    if (packet.reason != GW_REASON_CONTINUE_AUTHENTICATION) {
        fault =
            (struct gw_fault){GW_REASON_PROTOCOL_ERROR, "AUTH does not continue", "MQTT-4.12.0-3"};
        auth_fault(client, &fault);
        return;
    }
    bool has_data = gw_props_has(&packet.props, AUTH_DATA);
    authenticate(client, has_data ? packet.props.auth_data : GW_SPAN_NONE, now);
}
