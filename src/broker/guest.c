#include "broker/guest.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/arrival.h"
#include "broker/connector.h"
#include "broker/deliverer.h"
#include "broker/exchange.h"
#include "broker/farewell.h"
#include "broker/foresight.h"
#include "broker/journal.h"
#include "broker/login.h"
#include "broker/publisher.h"
#include "broker/quota.h"
#include "broker/registry.h"
#include "broker/subscriber.h"
#include "broker/tenure.h"
#include "broker/throttle.h"
#include "wire/disconnect.h"

#define CLOSE_FLUSH_TIME (2 * GW_NS_PER_S)
#define SLICE_TIME       (2 * GW_NS_PER_MS) /* of one client in one turn */
#define FRAMES_A_LOOK    4u
#define OLDER_TURNS      4u /* for a turn may not have room for all that is ready */
#define ACK_SIZE_MAX     16u

typedef void packet_fn(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now);

static const struct gw_conn_events conn_events;

/* -- life -- */

static void arm(struct gw_guest *client, gw_mono_ns deadline)
{
    gw_wheel_arm(gw_loop_wheel(client->shard->loop), &client->timer, deadline);
}

static const char *what_is_late(const struct gw_guest *client)
{
    if (client->state == GW_GUEST_AUTHENTICATING)
        return "the authentication was not done in time";
    return gw_conn_is_opening(client->conn) ? "the handshake was not done in time"
                                            : "no CONNECT in time";
}

static void on_timer(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_guest *client = GW_CONTAINER(timer, struct gw_guest, timer);
    if (client->state == GW_GUEST_CLOSING)
        return;
    if (client->login) {
        gw_login_on_timer(client, now);
        return;
    }
    if (gw_exchange_on_timer(client, now))
        return;
    if (client->state != GW_GUEST_CONNECTED) {
        gw_guest_end(client, GW_REASON_MAXIMUM_CONNECT_TIME, what_is_late(client), NULL);
        return;
    }
    if (gw_tenure_end(client, now))
        return;
    if (!gw_list_empty(&client->paused) || gw_throttle_holds(client)) /* it is us: we do not read */
        gw_keepalive_on_packet(&client->keepalive, now);
    gw_mono_ns deadline = gw_keepalive_next_deadline(&client->keepalive);
    if (now < deadline)
        arm(client, gw_tenure_bound(client, deadline, now));
    else
        gw_guest_end(client, GW_REASON_KEEP_ALIVE_TIMEOUT,
                     "nothing came for one and a half times the keep alive", "MQTT-3.1.2-22");
}

static struct gw_guest *client_new(struct gw_shard *shard, struct gw_conn *conn)
{
    struct gw_guest *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    const struct gw_config_limits *limits = &gw_shard_settings(shard)->limits;
    client->conn = conn;
    client->shard = shard;
    gw_list_init(&client->link);
    gw_list_init(&client->paused);
    gw_list_init(&client->opening);
    gw_held_init(&client->held);
    gw_timer_init(&client->timer, on_timer);
    gw_assembler_init(&client->assembler, (uint32_t)limits->packet_before_connect);
    gw_buf_init(&client->stash, (size_t)limits->packet_before_connect + GW_LOOP_READ_SIZE);
    client->peer.request_problem = true;
    return client;
}

static void client_free(struct gw_guest *client)
{
    gw_list_remove(&client->link);
    gw_list_remove(&client->paused);
    gw_lobby_leave(client);
    gw_held_fini(&client->held);
    gw_wheel_cancel(gw_loop_wheel(client->shard->loop), &client->timer);
    gw_assembler_fini(&client->assembler);
    gw_alias_fini(&client->alias_in);
    gw_alias_fini(&client->alias_out);
    gw_buf_fini(&client->stash);
    gw_exchange_drop(client);
    gw_throttle_end(client);
    gw_login_drop(client);
    gw_blob_unref(&client->user.name);
    gw_blob_unref(&client->user.groups);
    gw_blob_unref(&client->user.attributes);
    free(client);
}

static void refuse_connection(struct gw_shard *shard, struct gw_conn *conn, const char *why)
{
    char text[GW_ADDRESS_TEXT_MAX];
    struct gw_log_field fields[] = {
        gw_log_str("from", gw_address_text(gw_conn_peer(conn), text)),
        gw_log_str("reason", why),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "connection.refused",
                 "a connection was closed at once", fields, GW_COUNT_OF(fields));
    gw_metrics_add(&shard->metrics, GW_METRIC_CONNECTIONS_REFUSED, 1);
    gw_conn_close(conn, false, 0);
}

void gw_guest_accept(struct gw_shard *shard, const struct gw_entrance *entrance,
                     struct gw_conn *conn, gw_mono_ns now)
{
    const struct gw_config_limits *limits = &gw_shard_settings(shard)->limits;
    gw_metrics_add(&shard->metrics, GW_METRIC_CONNECTIONS_OPENED, 1);
    if (shard->clients.draining) {
        refuse_connection(shard, conn, "the broker is shutting down");
        return;
    }
    if (gw_shard_total(shard, GW_METRIC_CONNECTIONS) >= (int64_t)limits->connections) {
        refuse_connection(shard, conn, "limits.connections is reached");
        return;
    }
    if (!gw_entrance_trusts(entrance, gw_conn_peer(conn))) {
        refuse_connection(shard, conn, "it is none of the listener's trusted_proxies");
        return;
    }
    struct gw_guest *client = client_new(shard, conn);
    if (!client) {
        refuse_connection(shard, conn, "out of memory");
        return;
    }
    client->entrance = entrance;
    client->since = now;
    gw_conn_set_events(conn, &conn_events, client);
    const char *why = entrance->trusted_count > 0 ? NULL : gw_arrival_judge(NULL, conn);
    if (why) {
        client_free(client);
        refuse_connection(shard, conn, why);
        return;
    }
    if (gw_conn_attach(conn, shard->loop) != GW_OK) {
        gw_quota_leave(client);
        client_free(client);
        gw_conn_close(conn, false, 0);
        return;
    }
    gw_list_push_back(&shard->clients.all, &client->link);
    gw_lobby_enter(client);
    gw_metrics_add(&shard->metrics, GW_METRIC_CONNECTIONS, 1);
    arm(client, now + limits->connect_time);
}

/* -- words for the log -- */

const char *gw_guest_version_name(const struct gw_guest *client)
{
    switch ((enum gw_version)client->peer.version) {
    case GW_VERSION_31: return "3.1";
    case GW_VERSION_311: return "3.1.1";
    case GW_VERSION_5: return "5";
    case GW_VERSION_NONE: break;
    }
    return "?";
}

struct gw_span gw_guest_id(const struct gw_guest *client)
{
    return client->session ? gw_session_client_id(client->session) : GW_SPAN_NONE;
}

struct gw_span gw_guest_user_name(const struct gw_guest *client)
{
    return gw_blob_span(client->user.name);
}

struct gw_identity gw_guest_identity(const struct gw_guest *client)
{
    bool proved = client->user.proved;
    return (struct gw_identity){
        .user = proved ? gw_blob_span(client->user.name) : GW_SPAN_NONE,
        .groups = proved ? gw_blob_span(client->user.groups) : GW_SPAN_NONE,
        .client_id = gw_guest_id(client),
        .address = gw_conn_peer(client->conn),
        .listener = gw_span_str(client->entrance->url),
        .attributes = gw_blob_span(client->user.attributes),
        .anonymous = !proved,
    };
}

/* -- the end -- */

static void set_cause(struct gw_guest *client, uint8_t by, uint8_t reason, const char *what,
                      const char *clause)
{
    if (client->cause.told)
        return;
    client->cause = (struct gw_guest_cause){
        .what = what, .clause = clause, .reason = reason, .by = by, .told = true};
}

void gw_guest_release_session(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_session *session = client->session;
    if (!session)
        return;
    gw_farewell_log(client, now);
    gw_metrics_add(&client->shard->metrics, GW_METRIC_CLIENTS_CONNECTED, -1);
    client->session = NULL;
    gw_quota_leave_user(client);
    gw_registry_on_closed(client->shard, session,
                          client->cause.clean ? GW_SESSION_CLOSE_CLEAN : GW_SESSION_CLOSE_OTHER,
                          now);
}

void gw_guest_close(struct gw_guest *client)
{
    if (client->state == GW_GUEST_CLOSING)
        return;
    client->state = GW_GUEST_CLOSING;
    gw_lobby_leave(client);
    gw_list_remove(&client->paused);
    if (client->session)
        gw_list_push_back(&client->shard->clients.ending, &client->paused);
    gw_wheel_cancel(gw_loop_wheel(client->shard->loop), &client->timer);
    gw_conn_close(client->conn, true, CLOSE_FLUSH_TIME);
}

void gw_guest_cut(struct gw_guest *client)
{
    set_cause(client, GW_GUEST_BY_BROKER, GW_REASON_SERVER_SHUTTING_DOWN, "cut by the broker's end",
              NULL);
    gw_guest_close(client);
    gw_conn_close(client->conn, false, 0);
}

static void send_disconnect(struct gw_guest *client, uint8_t reason, const char *what)
{
    struct gw_disconnect packet = {.type = GW_PACKET_DISCONNECT, .reason = reason};
    uint8_t bytes[320];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    if (what) {
        packet.props.present = GW_PROP_BIT(REASON_STRING);
        packet.props.reason_string = gw_span_str(what);
    }
    size_t size = gw_disconnect_encode(&w, GW_VERSION_5, &packet);
    if (what && (size == 0 || size > client->peer.packet_max)) {
        send_disconnect(client, reason, NULL);
        return;
    }
    if (size > client->peer.packet_max ||
        gw_conn_write(client->conn, gw_span_of(bytes, size)) != GW_OK)
        return;
    gw_metrics_add(&client->shard->metrics, GW_METRIC_PACKETS_SENT, 1);
}

void gw_guest_end(struct gw_guest *client, uint8_t reason, const char *what, const char *clause)
{
    if (client->state == GW_GUEST_CLOSING)
        return;
    set_cause(client, GW_GUEST_BY_BROKER, reason, what, clause);
    if (client->state == GW_GUEST_CONNECTED && client->peer.version == GW_VERSION_5)
        send_disconnect(client, reason, what);
    gw_guest_close(client);
}

void gw_guest_end_fault(struct gw_guest *client, const struct gw_fault *fault)
{
    gw_guest_end(client, fault->reason, fault->what, fault->clause);
}

void gw_guest_leave(struct gw_guest *client, uint8_t reason)
{
    set_cause(client, GW_GUEST_BY_CLIENT, reason, gw_reason_name(reason, GW_PACKET_DISCONNECT),
              NULL);
    client->cause.clean = reason == GW_REASON_SUCCESS;
    gw_guest_close(client);
}

static void on_closed(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now)
{
    struct gw_guest *client = user;
    set_cause(client, end == GW_CONN_END_TRANSPORT ? GW_GUEST_BY_BROKER : GW_GUEST_BY_NETWORK,
              GW_REASON_UNSPECIFIED, gw_farewell_words(client->conn, end, os_errno), NULL);
    if (end == GW_CONN_END_PEER && !client->session && client->last_packet == 0)
        client->cause.told = false; /* a port scan or a health check: not worth a line */
    client->state = GW_GUEST_CLOSING;
    gw_farewell_log(client, now);
    gw_guest_release_session(client, now);
    gw_quota_leave(client);
    gw_metrics_add(&client->shard->metrics, GW_METRIC_CONNECTIONS, -1);
    gw_shard_count_state(client->shard, -(int64_t)client->told_bytes);
    client_free(client);
}

/* -- bytes in -- */

static void on_pingreq(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    (void)now;
    if (frame->body.size > 0) {
        gw_guest_end(client, GW_REASON_MALFORMED_PACKET, "PINGREQ with a body", NULL);
        return;
    }
    uint8_t *memory = gw_guest_reserve(client, 2);
    if (!memory)
        return;
    struct gw_writer w = gw_writer_of(memory, 2);
    gw_ack_encode_ping(&w, GW_PACKET_PINGRESP);
    gw_guest_commit(client, 2);
}

static void on_disconnect(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    (void)now;
    struct gw_disconnect packet;
    struct gw_fault fault;
    if (gw_disconnect_decode(GW_PACKET_DISCONNECT, frame->body,
                             (enum gw_version)client->peer.version, false, &packet,
                             &fault) != GW_OK) {
        gw_guest_end_fault(client, &fault);
        return;
    }
    struct gw_session *session = client->session;
    if (session && client->peer.version == GW_VERSION_5 &&
        gw_props_has(&packet.props, SESSION_EXPIRY)) {
        uint32_t limit = gw_shard_settings(client->shard)->limits.session_expiry;
        uint32_t wanted = packet.props.session_expiry;
        if (session->expiry == 0 && wanted != 0) {
            gw_guest_end(client, GW_REASON_PROTOCOL_ERROR,
                         "DISCONNECT raises a session expiry interval of 0", "3.14.2.2.2");
            return;
        }
        session->expiry = wanted < limit ? wanted : limit;
    }
    gw_guest_leave(client, packet.reason);
}

static void on_unexpected(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    (void)now;
    bool again = frame->header.type == GW_PACKET_CONNECT;
    gw_guest_end(client, GW_REASON_PROTOCOL_ERROR,
                 again ? "a second CONNECT" : "a packet that has no place here",
                 again ? "MQTT-3.1.0-2" : NULL);
}

/* What may come in which state; everything else is on_unexpected. */
static packet_fn *const handlers[GW_GUEST_STATE_COUNT][16] = {
    [GW_GUEST_NEW] = {[GW_PACKET_CONNECT] = gw_connector_on_connect},
    [GW_GUEST_AUTHENTICATING] =
        {
            [GW_PACKET_AUTH] = gw_exchange_on_auth,
            [GW_PACKET_DISCONNECT] = on_disconnect,
        },
    [GW_GUEST_CONNECTED] =
        {
            [GW_PACKET_PUBLISH] = gw_publisher_on_publish,
            [GW_PACKET_PUBACK] = gw_deliverer_on_ack,
            [GW_PACKET_PUBREC] = gw_deliverer_on_ack,
            [GW_PACKET_PUBREL] = gw_publisher_on_pubrel,
            [GW_PACKET_PUBCOMP] = gw_deliverer_on_ack,
            [GW_PACKET_SUBSCRIBE] = gw_subscriber_on_subscribe,
            [GW_PACKET_UNSUBSCRIBE] = gw_subscriber_on_unsubscribe,
            [GW_PACKET_PINGREQ] = on_pingreq,
            [GW_PACKET_DISCONNECT] = on_disconnect,
            [GW_PACKET_AUTH] = gw_exchange_on_auth,
        },
};

/* What a TLS client says first (record 22, version 3.x) reads as a CONNECT with foreign flags. */
static bool is_tls(const struct gw_frame *frame)
{
    return frame->header.type == GW_PACKET_CONNECT && frame->header.flags == 6 &&
           frame->header.remaining_length == 3;
}

static void on_frame(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    struct gw_fault fault;
    enum gw_version version = (enum gw_version)client->peer.version;
    client->last_packet = (uint8_t)frame->header.type;
    gw_metrics_add(&client->shard->metrics, GW_METRIC_PACKETS_RECEIVED, 1);
    if (client->state == GW_GUEST_NEW && frame->header.type != GW_PACKET_CONNECT) {
        gw_guest_end(client, GW_REASON_PROTOCOL_ERROR, "the first packet is not CONNECT",
                     "MQTT-3.1.0-1");
        return;
    }
    if (gw_header_check(&frame->header, version, &fault) != GW_OK) {
        if (client->state == GW_GUEST_NEW && is_tls(frame))
            fault.what = "a TLS handshake: this listener speaks MQTT without TLS";
        gw_guest_end_fault(client, &fault);
        return;
    }
    gw_keepalive_on_packet(&client->keepalive, now);
    packet_fn *handler = handlers[client->state][frame->header.type];
    (handler ? handler : on_unexpected)(client, frame, now);
}

static struct gw_span whole_packet(const struct gw_frame *frame)
{
    return gw_span_of(frame->body.data - frame->header.size, frame->header.size + frame->body.size);
}

/* Copies a packet and what stands behind it; it may have been put together elsewhere. */
static enum gw_status copy_rest(struct gw_buf *buf, const struct gw_frame *frame,
                                struct gw_span rest)
{
    GW_TRY(gw_buf_append(buf, whole_packet(frame)));
    return gw_buf_append(buf, rest);
}

/* A client that says DISCONNECT and comes again at once may have its CONNECT read first: the two
 * connections are of different loops or their order in a turn is any. Then its will would go out
 * though it has left in order (MQTT-3.14.4-3). So a take-over waits for some turns, in which the
 * older connection is read. */
static bool waits_for_older(struct gw_guest *client, struct gw_span id)
{
    struct gw_shard *shard = client->shard;
    uint64_t turn = gw_loop_counters(shard->loop)->turns;
    const struct gw_session *session = gw_registry_find(shard, id);
    const struct gw_guest *older = session ? session->link : NULL;
    if (!older || older->state == GW_GUEST_CLOSING)
        return false;
    if (client->waits_until == 0)
        client->waits_until = turn + OLDER_TURNS;
    return turn < client->waits_until;
}

static void move_with_rest(struct gw_guest *client, const struct gw_frame *frame,
                           struct gw_span rest, unsigned owner)
{
    if (copy_rest(&client->stash, frame, rest) == GW_OK)
        gw_guest_move(client, owner);
    else /* never here: two shards would each have a session of this identifier */
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
}

static void put_back(struct gw_guest *client, const struct gw_frame *frame, struct gw_span rest)
{
    struct gw_buf bytes;
    gw_buf_init(&bytes, whole_packet(frame).size + rest.size);
    if (copy_rest(&bytes, frame, rest) != GW_OK ||
        gw_conn_unread(client->conn, gw_buf_span(&bytes)) != GW_OK)
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    gw_buf_fini(&bytes);
}

/* A CONNECT whose place is on another shard goes there with all bytes; one whose time has not come
 * is put back. True: that is all for now. */
static bool goes_elsewhere(struct gw_guest *client, const struct gw_frame *frame,
                           struct gw_span rest)
{
    struct gw_shard *shard = client->shard;
    if (client->state != GW_GUEST_NEW || frame->header.type != GW_PACKET_CONNECT)
        return false;
    struct gw_span id = gw_connector_client_id(client, frame);
    if (id.size == 0)
        return false;
    unsigned owner = gw_shard_owner(shard, gw_shard_hash(shard, id));
    if (owner != shard->index)
        move_with_rest(client, frame, rest, owner);
    else if (waits_for_older(client, id))
        put_back(client, frame, rest);
    else
        return false;
    return true;
}

/* MQTT 3.x has no word for a full disk: what would have to be written waits, unread, for room. */
static bool waits_for_room(const struct gw_guest *client, const struct gw_frame *frame)
{
    return frame->header.type == GW_PACKET_PUBLISH && (frame->header.flags & 6u) != 0 &&
           client->state == GW_GUEST_CONNECTED && client->peer.version != GW_VERSION_5 &&
           gw_journal_state(client->shard) == GW_STORE_FULL;
}

/* Stops reading from a peer that does not read what we answer. */
static void choke(struct gw_guest *client)
{
    size_t output_max = (size_t)gw_shard_settings(client->shard)->limits.output;
    if (client->choked || client->state == GW_GUEST_CLOSING ||
        gw_conn_output_size(client->conn) <= output_max * 2)
        return;
    client->choked = true;
    gw_conn_pause(client->conn);
    gw_conn_want_drained(client->conn, output_max / 2);
}

/* Holds a client back while other shards are behind with what it published. */
static void hold_back(struct gw_guest *client)
{
    struct gw_shard *shard = client->shard;
    if (client->state != GW_GUEST_CONNECTED || !gw_list_empty(&client->paused))
        return;
    gw_conn_pause(client->conn);
    gw_list_push_back(&shard->clients.paused, &client->paused);
    if (!gw_timer_armed(&shard->clients.pressure))
        gw_wheel_arm(gw_loop_wheel(shard->loop), &shard->clients.pressure,
                     gw_loop_now(shard->loop) + GW_WHEEL_TICK_NS);
}

void gw_guest_read_on(struct gw_guest *client)
{
    if (!client->choked && gw_list_empty(&client->paused) && !gw_throttle_holds(client))
        gw_conn_resume(client->conn);
}

/* The first byte of a connection says enough about peers that speak something else: they hear at
 * once that this is no place for them, and the log names it. */
static bool is_foreign(struct gw_guest *client, struct gw_span bytes)
{
    const char *what = "the first packet is not CONNECT";
    if (client->last_packet != 0 || client->assembler.tail.size > 0 || bytes.size == 0 ||
        bytes.data[0] >> 4 == GW_PACKET_CONNECT)
        return false;
    if (gw_span_starts_with(bytes, GW_SPAN_LIT("GET ")))
        what = "an HTTP request: this listener speaks MQTT without WebSocket";
    gw_guest_end(client, GW_REASON_PROTOCOL_ERROR, what, "MQTT-3.1.0-1");
    return true;
}

/* Memory held by the connection, beside its output. */
static size_t held_bytes(const struct gw_guest *client)
{
    return gw_assembler_bytes(&client->assembler) + client->alias_in.bytes +
           client->alias_out.bytes + gw_exchange_bytes(client) + gw_guest_user_name(client).size +
           gw_login_bytes(client);
}

/* Brings the figures up to date. Where limits.memory is used up, whoever is in the middle of a
 * large packet has to go: it could hold what it sent so far for as long as it likes. */
static void count(struct gw_guest *client)
{
    struct gw_shard *shard = client->shard;
    size_t bytes = held_bytes(client);
    if (bytes != client->told_bytes)
        gw_shard_count_state(shard, (int64_t)bytes - (int64_t)client->told_bytes);
    client->told_bytes = bytes;
    if (client->session)
        gw_shard_count_session(shard, client->session);
    if (gw_assembler_pending(&client->assembler) >
            gw_shard_settings(shard)->limits.packet_before_connect &&
        gw_shard_memory_full(shard))
        gw_guest_end(client, GW_REASON_QUOTA_EXCEEDED, "limits.memory is used up", NULL);
}

/* True if a client has had its share of this turn, by the work that its packets made here or on
 * other shards; after the dear first ones looked at now and then, since it costs a look at the
 * clock. */
static bool had_its_share(struct gw_guest *client, unsigned frames, gw_mono_ns began)
{
    const struct gw_shard *shard = client->shard;
    if (frames > 2 && frames % FRAMES_A_LOOK != 0)
        return false;
    if (gw_clock_mono(gw_loop_clock(shard->loop)) - began > SLICE_TIME)
        return true;
    return client->last_packet == GW_PACKET_PUBLISH && gw_relay_congested(shard);
}

/* True if others are behind with what this client sends: shards, the disk. */
static bool is_ahead(const struct gw_guest *client)
{
    const struct gw_shard *shard = client->shard;
    if (gw_held_many(&client->held) || gw_journal_congested(shard))
        return true;
    return client->last_packet == GW_PACKET_PUBLISH ? gw_relay_congested(shard)
                                                    : gw_relay_full(shard);
}

static void feed(struct gw_guest *client, struct gw_span bytes, gw_mono_ns now)
{
    gw_mono_ns began = gw_clock_mono(gw_loop_clock(client->shard->loop));
    const uint8_t *foreseen = bytes.data;
    if (client->state == GW_GUEST_NEW && is_foreign(client, bytes))
        return;
    for (unsigned frames = 1; client->state != GW_GUEST_CLOSING; frames++) {
        struct gw_frame frame;
        struct gw_fault fault = {GW_REASON_SERVER_BUSY, "out of memory", NULL};
        if (bytes.data >= foreseen && client->state == GW_GUEST_CONNECTED &&
            gw_assembler_pending(&client->assembler) == 0)
            foreseen = gw_foresight_on_bytes(client, bytes);
        enum gw_status status = gw_assembler_next(&client->assembler, &bytes, &frame, &fault);
        if (status == GW_MORE)
            break;
        if (status != GW_OK) {
            if (fault.reason == GW_REASON_PACKET_TOO_LARGE)
                fault.what = client->state == GW_GUEST_CONNECTED
                                 ? "packet larger than limits.packet"
                                 : "packet larger than limits.packet_before_connect";
            gw_guest_end_fault(client, &fault);
            break;
        }
        if (goes_elsewhere(client, &frame, bytes))
            return;
        if (waits_for_room(client, &frame)) {
            hold_back(client);
            put_back(client, &frame, bytes);
            return;
        }
        on_frame(client, &frame, now);
        gw_journal_breathe(client->shard);
        if (client->login ||
            gw_exchange_holds(client)) /* the rest comes when it is known who it is */
            break;
        if (frame.header.type == GW_PACKET_PUBLISH &&
            gw_throttle_on_publish(client, whole_packet(&frame).size, now))
            break;
        if (bytes.size > 0 && had_its_share(client, frames, began))
            break;
    }
    count(client);
    choke(client);
    if (is_ahead(client))
        hold_back(client);
    if (gw_conn_unread(client->conn, bytes) != GW_OK)
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
}

static void on_bytes(void *user, struct gw_span bytes, gw_mono_ns now)
{
    gw_lobby_leave(user);
    feed(user, bytes, now);
}

static void on_drained(void *user, gw_mono_ns now)
{
    struct gw_guest *client = user;
    if (client->state == GW_GUEST_CLOSING)
        return;
    if (client->choked) {
        client->choked = false;
        gw_guest_read_on(client);
    }
    if (client->session)
        gw_deliverer_pump(client, now);
}

static const struct gw_conn_events conn_events = {on_bytes, on_drained, on_closed};

/* -- between shards -- */

void gw_guest_move(struct gw_guest *client, unsigned to)
{
    struct gw_shard *shard = client->shard;
    gw_wheel_cancel(gw_loop_wheel(shard->loop), &client->timer);
    gw_list_remove(&client->link);
    gw_conn_detach(client->conn);
    gw_assembler_fini(&client->assembler);
    gw_metrics_add(&shard->metrics, GW_METRIC_CONNECTIONS, -1);
    gw_shard_count_state(shard, -(int64_t)client->told_bytes);
    client->told_bytes = 0;
    gw_relay_post(shard, to, &(struct gw_relay_event){.kind = GW_RELAY_CLIENT, .object = client});
}

void gw_guest_arrive(struct gw_shard *shard, struct gw_guest *client, gw_mono_ns now)
{
    const struct gw_config_limits *limits = &gw_shard_settings(shard)->limits;
    client->shard = shard;
    gw_assembler_init(&client->assembler, (uint32_t)limits->packet_before_connect);
    gw_list_push_back(&shard->clients.all, &client->link);
    gw_metrics_add(&shard->metrics, GW_METRIC_CONNECTIONS, 1);
    if (gw_conn_attach(client->conn, shard->loop) != GW_OK) {
        gw_guest_close(client);
        return;
    }
    arm(client, client->since + limits->connect_time);
    struct gw_buf stash = client->stash;
    gw_buf_init(&client->stash, stash.size_max);
    feed(client, gw_buf_span(&stash), now);
    gw_buf_fini(&stash);
    if (shard->clients.draining)
        gw_guest_end(client, GW_REASON_SERVER_SHUTTING_DOWN, "the broker is shutting down", NULL);
}

/* -- bytes out -- */

uint8_t *gw_guest_reserve(struct gw_guest *client, size_t size)
{
    uint8_t *memory = gw_conn_reserve(client->conn, size);
    if (!memory)
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    return memory;
}

void gw_guest_commit(struct gw_guest *client, size_t size)
{
    gw_conn_commit(client->conn, size);
    gw_metrics_add(&client->shard->metrics, GW_METRIC_PACKETS_SENT, 1);
}

void gw_guest_send_ack(struct gw_guest *client, const struct gw_ack *ack)
{
    size_t room = ACK_SIZE_MAX + ack->props.raw.size;
    uint8_t *memory = gw_guest_reserve(client, room);
    if (!memory)
        return;
    struct gw_writer w = gw_writer_of(memory, room);
    gw_guest_commit(client, gw_ack_encode_within(&w, (enum gw_version)client->peer.version, ack,
                                                 client->peer.packet_max));
}

bool gw_guest_has_room(const struct gw_guest *client)
{
    return gw_conn_output_size(client->conn) <
           (size_t)gw_shard_settings(client->shard)->limits.output;
}
