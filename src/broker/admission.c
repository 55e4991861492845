#include "broker/admission.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "broker/deliverer.h"
#include "broker/durability.h"
#include "broker/exchange.h"
#include "broker/group.h"
#include "broker/held.h"
#include "broker/journal.h"
#include "broker/quota.h"
#include "broker/registry.h"
#include "broker/replay.h"
#include "broker/rights.h"
#include "broker/tenure.h"
#include "topic/name.h"

#define CONNACK_ROOM        256u
#define ASSIGNED_ID_SIZE    26u
#define ASSIGN_ATTEMPTS_MAX 4096u

/* -- refusal -- */

static size_t encode_refusal(struct gw_guest *client, uint8_t reason, const char *what,
                             uint8_t *memory, size_t size)
{
    enum gw_version version = (enum gw_version)client->peer.version;
    struct gw_connack packet = {.reason = reason};
    struct gw_writer w = gw_writer_of(memory, size);
    if (version == GW_VERSION_NONE)
        return 0;
    if (version != GW_VERSION_5) {
        packet.reason = (uint8_t)gw_reason_to_return_code((enum gw_reason)reason);
        if (packet.reason == GW_RETURN_NONE)
            return 0;
    } else if (what) {
        packet.props.present = GW_PROP_BIT(REASON_STRING);
        packet.props.reason_string = gw_span_str(what);
    }
    size_t packet_size = gw_connack_encode(&w, version, &packet);
    uint32_t packet_max = client->peer.packet_max;
    if (version == GW_VERSION_5 && what &&
        (packet_size == 0 || (packet_max > 0 && packet_size > packet_max)))
        return encode_refusal(client, reason, NULL, memory, size);
    if (version == GW_VERSION_5 && packet_max > 0 && packet_size > packet_max)
        return 0; /* not even this fits (MQTT-3.1.2-24) */
    return packet_size;
}

void gw_admission_refuse(struct gw_guest *client, uint8_t reason, const char *what,
                         const char *clause)
{
    uint8_t bytes[CONNACK_ROOM];
    size_t size = encode_refusal(client, reason, what, bytes, sizeof(bytes));
    gw_metrics_add(&client->shard->metrics, GW_METRIC_CONNECTS_REFUSED, 1);
    if (size > 0 && gw_conn_write(client->conn, gw_span_of(bytes, size)) == GW_OK)
        gw_metrics_add(&client->shard->metrics, GW_METRIC_PACKETS_SENT, 1);
    gw_guest_end(client, reason, what, clause);
}

/* -- checks -- */

static bool refuse(struct gw_guest *client, enum gw_reason reason, const char *what,
                   const char *clause)
{
    gw_admission_refuse(client, (uint8_t)reason, what, clause);
    return false;
}

static bool check_client_id(struct gw_guest *client, const struct gw_connect *connect)
{
    size_t size = connect->client_id.size;
    if (size > gw_shard_settings(client->shard)->limits.client_id)
        return refuse(client, GW_REASON_CLIENT_ID_NOT_VALID,
                      "client identifier longer than limits.client_id", NULL);
    if (size > 0 || connect->version == GW_VERSION_5)
        return true;
    if (connect->version == GW_VERSION_31)
        return refuse(client, GW_REASON_CLIENT_ID_NOT_VALID, "empty client identifier in MQTT 3.1",
                      NULL);
    if (!connect->clean_start)
        return refuse(client, GW_REASON_CLIENT_ID_NOT_VALID,
                      "empty client identifier without clean session", "MQTT-3.1.3-8");
    return true;
}

static bool check_will(struct gw_guest *client, const struct gw_connect *connect)
{
    const struct gw_config *config = gw_shard_settings(client->shard);
    const struct gw_will_view *will = &connect->will;
    if (!connect->has_will)
        return true;
    if (will->qos > config->mqtt.max_qos)
        return refuse(client, GW_REASON_QOS_NOT_SUPPORTED, "will QoS above mqtt.max_qos",
                      "MQTT-3.2.2-12");
    if (will->retain && !config->mqtt.retain)
        return refuse(client, GW_REASON_RETAIN_NOT_SUPPORTED,
                      "retained will, but mqtt.retain is off", "MQTT-3.2.2-13");
    if (will->topic_name.size + will->props.raw.size + will->payload.size >
        config->limits.size.will)
        return refuse(client, GW_REASON_QUOTA_EXCEEDED, "will larger than limits.size.will", NULL);
    if (will->topic_name.size > config->limits.size.topic ||
        gw_name_validate(will->topic_name, config->limits.topic_levels) != GW_OK)
        return refuse(client, GW_REASON_TOPIC_NAME_INVALID, "will topic not valid", NULL);
    if (config->mqtt.check_payload_format && gw_props_has(&will->props, PAYLOAD_FORMAT) &&
        will->props.payload_format == 1 && !gw_utf8_payload_valid(will->payload))
        return refuse(client, GW_REASON_PAYLOAD_FORMAT_INVALID, "will payload is not UTF-8", NULL);
    return true;
}

/* May it publish the will? Asked once it is known who it is and under which identifier. */
static bool check_will_right(struct gw_guest *client, const struct gw_connect *connect,
                             struct gw_span id)
{
    struct gw_identity who = gw_guest_identity(client);
    who.client_id = id;
    const struct gw_message will = {
        .topic_name = connect->will.topic_name,
        .qos = connect->will.qos,
        .retain = connect->will.retain,
    };
    if (connect->has_will && !gw_rights_may_leave_will(client, &who, &will))
        return refuse(client, GW_REASON_NOT_AUTHORIZED, "not authorized to publish the will", NULL);
    return true;
}

/* Where memory is used up, only those are let in whose sessions hold some: to take what waits for
 * them, which is what will end the want, or to begin anew. */
static bool check_memory(struct gw_guest *client, const struct gw_connect *connect)
{
    gw_shard_measure(client->shard); /* many CONNECT may come in one turn */
    return !gw_shard_memory_full(client->shard) ||
           gw_registry_find(client->shard, connect->client_id) != NULL;
}

/* What it has proved besides its name. Part of it would not do: a rule might deny by the rest. */
static bool take_attributes(struct gw_guest *client)
{
    switch (gw_rights_set_attributes(client, GW_SPAN_NONE)) {
    case GW_OK: return true;
    case GW_LIMIT:
        return refuse(client, GW_REASON_NOT_AUTHORIZED, "its certificate says more than is kept",
                      NULL);
    default: return refuse(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    }
}

static bool take_user_name(struct gw_guest *client, const struct gw_connect *connect)
{
    const char *proved = gw_conn_peer_name(client->conn);
    struct gw_span name = proved ? gw_span_str(proved) : connect->user_name;
    if (!proved && !connect->has_user_name)
        return true;
    client->user.name = gw_blob_copy(name);
    return client->user.name || refuse(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
}

bool gw_admission_check(struct gw_guest *client, const struct gw_connect *connect)
{
    const struct gw_config *config = gw_shard_settings(client->shard);
    client->peer.packet_max = gw_props_has(&connect->props, MAXIMUM_PACKET_SIZE)
                                  ? connect->props.maximum_packet_size
                                  : UINT32_MAX;
    if ((config->mqtt.versions & (1u << connect->version)) == 0)
        return refuse(client, GW_REASON_UNSUPPORTED_PROTOCOL_VERSION,
                      "protocol version not among mqtt.versions", "MQTT-3.1.2-2");
    if (client->shard->clients.draining)
        return refuse(client, GW_REASON_SERVER_UNAVAILABLE, "the broker is shutting down", NULL);
    if (!check_memory(client, connect))
        return refuse(client, GW_REASON_SERVER_BUSY, "limits.memory is used up", NULL);
    return take_user_name(client, connect) && take_attributes(client) &&
           check_client_id(client, connect) && check_will(client, connect);
}

/* -- letting in -- */

/* Makes up an identifier that this shard owns and nobody uses. */
static struct gw_span assign_id(struct gw_shard *shard, char text[ASSIGNED_ID_SIZE])
{
    for (unsigned i = 0; i < ASSIGN_ATTEMPTS_MAX; i++) {
        uint64_t random = gw_random_next(&shard->random);
        int size = snprintf(text, ASSIGNED_ID_SIZE, "auto-%016llx", (unsigned long long)random);
        struct gw_span id = gw_span_of(text, (size_t)size);
        if (gw_shard_owner(shard, gw_shard_hash(shard, id)) == shard->index &&
            !gw_registry_find(shard, id))
            return id;
    }
    return GW_SPAN_NONE;
}

/* A session is its user's: whoever else comes with its identifier disturbs nobody. */
static bool check_owner(struct gw_guest *client, struct gw_span id)
{
    struct gw_shard *shard = client->shard;
    const struct gw_session *session = gw_registry_find(shard, id);
    if (!session || !session->access.user || !gw_shard_settings(shard)->mqtt.sessions_by_user)
        return true;
    struct gw_identity who = gw_guest_identity(client);
    if (!who.anonymous && gw_span_equal(who.user, gw_session_user(session)))
        return true;
    return refuse(client, GW_REASON_NOT_AUTHORIZED,
                  "the session of this client identifier belongs to another user", NULL);
}

static bool check_quota(struct gw_guest *client, struct gw_span id, gw_mono_ns now)
{
    const struct gw_session *session = gw_registry_find(client->shard, id);
    if (!gw_quota_may_come(client, id, now))
        return refuse(client, GW_REASON_CONNECTION_RATE_EXCEEDED,
                      "this client identifier connects too often (limits.flapping.connects): try "
                      "again later, and look whether two clients share it",
                      NULL);
    if (gw_quota_user_is_full(client, session ? session->link : NULL))
        return refuse(client, GW_REASON_QUOTA_EXCEEDED, "limits.login.connections is reached",
                      NULL);
    return true;
}

static uint32_t session_expiry(const struct gw_guest *client, const struct gw_connect *connect)
{
    uint32_t limit = gw_shard_settings(client->shard)->limits.session_expiry;
    uint32_t wanted = 0;
    if (connect->version != GW_VERSION_5)
        wanted = connect->clean_start ? 0 : GW_SESSION_EXPIRY_NEVER;
    else if (gw_props_has(&connect->props, SESSION_EXPIRY))
        wanted = connect->props.session_expiry;
    return wanted < limit ? wanted : limit;
}

static uint16_t keep_alive(const struct gw_guest *client, const struct gw_connect *connect)
{
    const struct gw_config *config = gw_shard_settings(client->shard);
    uint32_t limit = config->limits.keep_alive_max;
    if (connect->version != GW_VERSION_5) /* it cannot be told, so its own value holds */
        return connect->keep_alive;
    if (config->mqtt.server_keep_alive > 0)
        return (uint16_t)config->mqtt.server_keep_alive;
    if (limit > 0 && (connect->keep_alive == 0 || connect->keep_alive > limit))
        return (uint16_t)limit;
    return connect->keep_alive;
}

/* The older connection of this identifier goes; *session may have ended with it. */
static void take_over(struct gw_guest *client, struct gw_session **session, gw_mono_ns now)
{
    struct gw_guest *older = (*session)->link;
    struct gw_shard *shard = client->shard;
    struct gw_span id = gw_session_client_id(*session);
    char copy[UINT16_MAX];
    memcpy(copy, id.data, id.size);
    gw_guest_end(older, GW_REASON_SESSION_TAKEN_OVER, "another connection took the session over",
                 "MQTT-3.1.4-3");
    gw_guest_release_session(older, now);
    *session = gw_registry_find(shard, gw_span_of(copy, id.size));
}

static enum gw_status find_session(struct gw_guest *client, const struct gw_connect *connect,
                                   struct gw_span id, gw_mono_ns now, bool *ret_present)
{
    struct gw_shard *shard = client->shard;
    struct gw_session *session = gw_registry_find(shard, id);
    if (session && session->link)
        take_over(client, &session, now);
    if (session && connect->clean_start) {
        gw_registry_end(shard, session, now);
        session = NULL;
    }
    /* What was there must not rise again once CONNACK says that it is gone; an earlier CONNECT may
     * have ended it just before. */
    if (connect->clean_start)
        gw_held_cork(client);
    *ret_present = session != NULL;
    if (!session)
        GW_TRY(gw_registry_create(shard, id, &session));
    client->session = session;
    return GW_OK;
}

static enum gw_status set_will(struct gw_guest *client, const struct gw_connect *connect)
{
    struct gw_shard *shard = client->shard;
    const struct gw_will_view *view = &connect->will;
    if (!connect->has_will)
        return GW_OK;
    struct gw_message message = {
        .topic_name = view->topic_name,
        .payload = view->payload,
        .publisher = client->session->client_hash,
        .topic_hash = gw_shard_hash(shard, view->topic_name),
        .qos = view->qos,
        .retain = view->retain,
    };
    uint32_t delay = 0;
    if (connect->version == GW_VERSION_5) {
        uint32_t limit = gw_shard_settings(shard)->limits.will_delay;
        gw_buf_clear(&shard->scratch);
        GW_TRY(gw_buf_reserve(&shard->scratch, view->props.raw.size));
        size_t size = gw_props_filter(view->props.raw, GW_MESSAGE_PROPS, shard->scratch.data);
        message.props = gw_span_of(shard->scratch.data, size);
        message.has_expiry = gw_props_has(&view->props, MESSAGE_EXPIRY);
        message.expiry = message.has_expiry ? view->props.message_expiry : 0;
        delay = gw_props_has(&view->props, WILL_DELAY) ? view->props.will_delay : 0;
        delay = delay < limit ? delay : limit;
    }
    return gw_session_set_will(client->session, &message, delay);
}

static void set_capabilities(const struct gw_guest *client, struct gw_props *props)
{
    const struct gw_guest_offer *offer = &client->offer;
    const struct gw_config_limits *limits = &gw_shard_settings(client->shard)->limits;
    props->present |= GW_PROP_BIT(RECEIVE_MAXIMUM) | GW_PROP_BIT(TOPIC_ALIAS_MAXIMUM);
    props->receive_maximum = offer->receive_max;
    props->topic_alias_maximum = client->alias_in.maximum;
    if (limits->packet < GW_VARINT_MAX + (uint64_t)GW_HEADER_SIZE_MAX) {
        props->present |= GW_PROP_BIT(MAXIMUM_PACKET_SIZE);
        props->maximum_packet_size = (uint32_t)limits->packet;
    }
    if (offer->max_qos < GW_QOS_MAX) {
        props->present |= GW_PROP_BIT(MAXIMUM_QOS);
        props->maximum_qos = offer->max_qos;
    }
    if (!offer->retain)
        props->present |= GW_PROP_BIT(RETAIN_AVAILABLE);
    if (!offer->wildcard_subscriptions)
        props->present |= GW_PROP_BIT(WILDCARD_AVAILABLE);
    if (!offer->subscription_ids)
        props->present |= GW_PROP_BIT(SUBSCRIPTION_ID_AVAILABLE);
    if (!offer->shared_subscriptions)
        props->present |= GW_PROP_BIT(SHARED_AVAILABLE);
}

/* What CONNACK tells this client that it does not know yet. */
static void set_answers(const struct gw_guest *client, const struct gw_connect *connect,
                        struct gw_span auth_data, struct gw_props *props)
{
    const struct gw_config_mqtt *mqtt = &gw_shard_settings(client->shard)->mqtt;
    uint32_t wanted =
        gw_props_has(&connect->props, SESSION_EXPIRY) ? connect->props.session_expiry : 0;
    if (client->session->expiry != wanted) {
        props->present |= GW_PROP_BIT(SESSION_EXPIRY);
        props->session_expiry = client->session->expiry;
    }
    if (client->keepalive.seconds != connect->keep_alive) {
        props->present |= GW_PROP_BIT(SERVER_KEEP_ALIVE);
        props->server_keep_alive = client->keepalive.seconds;
    }
    if (connect->client_id.size == 0) {
        props->present |= GW_PROP_BIT(ASSIGNED_CLIENT_ID);
        props->assigned_client_id = gw_guest_id(client);
    }
    if (gw_props_has(&connect->props, REQUEST_RESPONSE) && connect->props.request_response == 1 &&
        mqtt->response_information[0] != '\0') {
        props->present |= GW_PROP_BIT(RESPONSE_INFO);
        props->response_info = gw_span_str(mqtt->response_information);
    }
    if (client->auth) {
        props->present |= GW_PROP_BIT(AUTH_METHOD);
        props->auth_method = gw_span_str(gw_exchange_method(client));
        if (auth_data.size > 0) {
            props->present |= GW_PROP_BIT(AUTH_DATA);
            props->auth_data = auth_data;
        }
    }
}

static bool send_connack(struct gw_guest *client, const struct gw_connect *connect,
                         struct gw_span auth_data, bool present)
{
    struct gw_connack packet = {.session_present = present};
    if (connect->version == GW_VERSION_5) {
        set_capabilities(client, &packet.props);
        set_answers(client, connect, auth_data, &packet.props);
    }
    size_t room = CONNACK_ROOM + auth_data.size + gw_props_size(&packet.props);
    uint8_t *memory = gw_guest_reserve(client, room);
    if (!memory)
        return false;
    struct gw_writer w = gw_writer_of(memory, room);
    size_t size = gw_connack_encode(&w, connect->version, &packet);
    if (size > client->peer.packet_max) {
        gw_conn_commit(client->conn, 0);
        gw_guest_end(client, GW_REASON_PACKET_TOO_LARGE,
                     "CONNACK does not fit the client's maximum packet size", NULL);
        return false;
    }
    gw_guest_commit(client, size);
    return true;
}

static void log_connected(const struct gw_guest *client, const struct gw_connect *connect,
                          bool present)
{
    if (!gw_log_wants(gw_shard_log(client->shard), GW_LOG_INFO))
        return;
    char from[GW_ADDRESS_TEXT_MAX];
    struct gw_transport_story story;
    gw_conn_describe(client->conn, &story);
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_guest_id(client)),
        gw_log_text("user", gw_guest_user_name(client)),
        gw_log_str("from", gw_address_text(gw_conn_peer(client->conn), from)),
        gw_log_str("proto", gw_guest_version_name(client)),
        gw_log_number("keep_alive_s", client->keepalive.seconds),
        gw_log_number("expiry_s", client->session->expiry),
        gw_log_bool("clean", connect->clean_start),
        gw_log_bool("session_present", present),
        gw_log_bool("will", connect->has_will),
        gw_log_str("tls", story.protocol),
        gw_log_str("cipher", story.cipher),
        gw_log_str("sni", story.server_name),
        gw_log_str("path", story.path),
        gw_log_str("origin", story.origin),
    };
    gw_log_event(gw_shard_log(client->shard), GW_LOG_INFO, "client.connected", "connected", fields,
                 GW_COUNT_OF(fields));
}

static void set_offer(struct gw_guest *client)
{
    const struct gw_config *config = gw_shard_settings(client->shard);
    client->offer = (struct gw_guest_offer){
        .receive_max = (uint16_t)config->limits.receive_maximum,
        .max_qos = (uint8_t)config->mqtt.max_qos,
        .retain = config->mqtt.retain,
        .wildcard_subscriptions = config->mqtt.wildcard_subscriptions,
        .subscription_ids = config->mqtt.subscription_ids,
        .shared_subscriptions = config->mqtt.shared_subscriptions,
    };
}

/* What this connection may do, from CONNECT and configuration. */
static void set_peer(struct gw_guest *client, const struct gw_connect *connect, gw_mono_ns now)
{
    const struct gw_config_limits *limits = &gw_shard_settings(client->shard)->limits;
    const struct gw_props *props = &connect->props;
    struct gw_guest_peer *peer = &client->peer;
    uint32_t receive_max = UINT16_MAX;
    uint32_t alias_max = 0;
    if (connect->version == GW_VERSION_5) {
        if (gw_props_has(props, RECEIVE_MAXIMUM))
            receive_max = props->receive_maximum;
        if (gw_props_has(props, TOPIC_ALIAS_MAXIMUM))
            alias_max = props->topic_alias_maximum;
        if (gw_props_has(props, REQUEST_PROBLEM))
            peer->request_problem = props->request_problem == 1;
        /* Who wants no problem information gets no user properties either (MQTT-3.1.2-29). */
        peer->tell_durability = peer->request_problem && gw_durability_asked(props);
    }
    if (receive_max > limits->inflight)
        receive_max = limits->inflight;
    if (alias_max > limits->topic_alias_out)
        alias_max = limits->topic_alias_out;
    peer->receive_max = (uint16_t)receive_max;
    peer->clean_start = connect->clean_start;
    peer->bridge = connect->bridge;
    gw_alias_init(&client->alias_in,
                  connect->version == GW_VERSION_5 ? (uint16_t)limits->topic_alias_in : 0);
    gw_alias_init(&client->alias_out, (uint16_t)alias_max);
    gw_keepalive_init(&client->keepalive, keep_alive(client, connect), now);
}

/* Ties client and session together; everything that can fail comes before CONNACK. */
static enum gw_status join(struct gw_guest *client, const struct gw_connect *connect,
                           struct gw_span id, gw_mono_ns now, bool *ret_present)
{
    struct gw_shard *shard = client->shard;
    if (id.size == 0)
        return GW_LIMIT;
    GW_TRY(find_session(client, connect, id, now, ret_present));
    struct gw_session *session = client->session;
    gw_session_on_connected(session, session_expiry(client, connect));
    gw_session_set_user(session, client->user.proved ? client->user.name : NULL);
    session->link = client;
    gw_rights_on_connected(client);
    gw_wheel_cancel(gw_loop_wheel(shard->loop), &session->timer);
    gw_metrics_add(&shard->metrics, GW_METRIC_CLIENTS_CONNECTED, 1);
    GW_TRY(set_will(client, connect));
    gw_journal_session(shard, session);
    /* CONNACK says that this session is as CONNECT has it, and that an older will is off. */
    if (session->serial != 0 && (!*ret_present || gw_journal_state(shard) != GW_STORE_FULL))
        gw_held_cork(client);
    return GW_OK;
}

bool gw_admission_admit(struct gw_guest *client, const struct gw_connect *connect,
                        struct gw_span auth_data, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    bool present = false;
    char assigned[ASSIGNED_ID_SIZE];
    struct gw_span id =
        connect->client_id.size > 0 ? connect->client_id : assign_id(shard, assigned);
    if (!check_owner(client, id) || !check_quota(client, connect->client_id, now) ||
        !check_will_right(client, connect, id))
        return false;
    set_peer(client, connect, now);
    set_offer(client);
    enum gw_status status = join(client, connect, id, now, &present);
    if (status != GW_OK) {
        if (client->session)
            client->cause.clean = true; /* a refused CONNECT leaves no will */
        return refuse(client, status == GW_LIMIT ? GW_REASON_QUOTA_EXCEEDED : GW_REASON_SERVER_BUSY,
                      status == GW_LIMIT ? "limits.sessions is reached" : "out of memory", NULL);
    }
    gw_quota_enter_user(client);
    if (client->counted) {
        gw_registry_count_address(shard, gw_conn_peer(client->conn), -1);
        client->counted = false;
    }
    if (!send_connack(client, connect, auth_data, present)) {
        client->cause.clean = true; /* never let in: no will */
        return false;
    }
    client->state = GW_GUEST_CONNECTED;
    client->since = now;
    log_connected(client, connect, present);
    gw_tenure_arm(client);
    gw_deliverer_resume(client, now);
    if (client->session->shared_count > 0)
        gw_group_on_online(shard, client->session);
    return true;
}
