#include "bench/player.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/ack.h"
#include "wire/connect.h"
#include "wire/disconnect.h"
#include "wire/publish.h"
#include "wire/reason.h"
#include "wire/subscribe.h"

#define HEAD_MAX    256u /* of a PUBLISH with a topic of ours */
#define ANSWER_MAX  16u  /* PUBACK and its like without properties */
#define CONNECT_MAX ((size_t)4096)
#define USER_PROPS  64u
#define FLUSH_TIME  (2 * GW_NS_PER_S)

/* -- ends -- */

GW_PRINTF(2, 3) static void give_up(struct gw_player *player, const char *format, ...)
{
    char text[sizeof player->trouble];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (player->trouble[0] == '\0')
        memcpy(player->trouble, text, sizeof text);
    gw_conn_close(player->conn, false, 0);
}

static void on_closed(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now)
{
    struct gw_player *player = user;
    if (player->trouble[0] == '\0' && player->state != GW_PLAYER_LEAVING)
        snprintf(player->trouble, sizeof player->trouble, "%s",
                 os_errno != 0                   ? strerror(os_errno)
                 : end == GW_CONN_END_PEER       ? "the broker closed the connection"
                 : gw_conn_trouble(player->conn) ? gw_conn_trouble(player->conn)
                                                 : "the connection ended");
    player->conn = NULL;
    player->state = GW_PLAYER_ENDED;
    player->events->on_end(player, now);
}

/* -- to the broker -- */

static void write_out(struct gw_player *player, const void *bytes, size_t size)
{
    if (gw_conn_write(player->conn, gw_span_of(bytes, size)) != GW_OK)
        give_up(player, "out of memory");
}

static void send_ack(struct gw_player *player, enum gw_packet_type type, uint16_t id)
{
    uint8_t bytes[ANSWER_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof bytes);
    const struct gw_ack ack = {.type = type, .packet_id = id};
    write_out(player, bytes, gw_ack_encode(&w, player->plan->version, &ack));
}

static void send_connect(struct gw_player *player, const char *client_id)
{
    const struct gw_player_plan *plan = player->plan;
    uint8_t bytes[CONNECT_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof bytes);
    const struct gw_connect connect = {
        .version = plan->version,
        .clean_start = true,
        .has_user_name = plan->user_name.data != NULL,
        .has_password = plan->password.data != NULL,
        .keep_alive = plan->keep_alive,
        .client_id = gw_span_str(client_id),
        .user_name = plan->user_name,
        .password = plan->password,
    };
    size_t size = gw_connect_encode(&w, &connect);
    if (size == 0)
        give_up(player, "user name and password are too long");
    else
        write_out(player, bytes, size);
}

static void send_subscribe(struct gw_player *player)
{
    uint8_t bytes[HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof bytes);
    const struct gw_filter_request request = {
        .filter = gw_span_str(player->filter),
        .qos = player->plan->qos,
    };
    write_out(
        player, bytes,
        gw_subscribe_encode(&w, player->plan->version, GW_PACKET_SUBSCRIBE, 1, NULL, &request, 1));
}

static gw_mono_ns *sent_at(struct gw_player *player, uint16_t id)
{
    return &player->sent_at[id & player->sent_mask];
}

/* The identifiers go round; whoever answers out of order for so long that one would be taken again
 * holds the window up. */
static bool take_id(struct gw_player *player, gw_mono_ns at)
{
    if (player->in_flight >= player->quota)
        return false;
    uint16_t id = (uint16_t)(player->last_id + 1);
    id = id == 0 ? 1 : id;
    if (*sent_at(player, id) != 0)
        return false;
    player->last_id = id;
    *sent_at(player, id) = at;
    player->in_flight++;
    uint8_t *bytes = player->packet.data + player->packet_id_at;
    bytes[0] = (uint8_t)(id >> 8);
    bytes[1] = (uint8_t)id;
    return true;
}

bool gw_player_publish(struct gw_player *player, gw_mono_ns at)
{
    const struct gw_witness_mark mark = {player->index, player->counter, at};
    if (player->state != GW_PLAYER_READY)
        return false;
    bool full = gw_conn_output_size(player->conn) >= GW_PLAYER_OUTPUT_MAX;
    if (full || (player->sent_at && !take_id(player, at))) {
        player->wants_room = true;
        if (full)
            gw_conn_want_drained(player->conn, GW_PLAYER_OUTPUT_MAX / 2);
        return false;
    }
    gw_witness_write(player->packet.data + player->mark_at, &mark);
    player->counter++;
    write_out(player, player->packet.data, player->packet.size);
    return true;
}

static void tell_room(struct gw_player *player, gw_mono_ns now)
{
    if (!player->wants_room || player->state != GW_PLAYER_READY)
        return;
    player->wants_room = false;
    player->events->on_room(player, now);
}

static void on_drained(void *user, gw_mono_ns now)
{
    tell_room(user, now);
}

/* -- from the broker -- */

static void become_ready(struct gw_player *player, gw_mono_ns now)
{
    player->state = GW_PLAYER_READY;
    player->events->on_ready(player, now);
}

static enum gw_status on_connack(struct gw_player *player, const struct gw_frame *frame,
                                 struct gw_fault *fault, gw_mono_ns now)
{
    struct gw_connack connack;
    GW_TRY(gw_connack_decode(frame->body, player->plan->version, &connack, fault));
    player->quota = player->plan->unacknowledged;
    if (gw_props_has(&connack.props, RECEIVE_MAXIMUM) &&
        connack.props.receive_maximum < player->quota)
        player->quota = connack.props.receive_maximum;
    if (connack.reason != 0) {
        give_up(player, "refused: %s (%u)%s%.*s",
                player->plan->version == GW_VERSION_5
                    ? gw_reason_name(connack.reason, GW_PACKET_CONNACK)
                    : "return code",
                connack.reason, connack.props.reason_string.size > 0 ? ": " : "",
                GW_SPAN_FMT(connack.props.reason_string));
    } else if (player->filter[0] == '\0') {
        become_ready(player, now);
    } else {
        player->state = GW_PLAYER_SUBSCRIBING;
        send_subscribe(player);
    }
    return GW_OK;
}

static enum gw_status on_suback(struct gw_player *player, const struct gw_frame *frame,
                                struct gw_fault *fault, gw_mono_ns now)
{
    struct gw_suback suback;
    GW_TRY(gw_suback_decode(GW_PACKET_SUBACK, frame->body, player->plan->version, &suback, fault));
    if (suback.reasons.size != 1 || suback.reasons.data[0] > GW_QOS_MAX)
        give_up(player, "the subscription to %s was refused", player->filter);
    else
        become_ready(player, now);
    return GW_OK;
}

static enum gw_status on_publish(struct gw_player *player, const struct gw_frame *frame,
                                 struct gw_fault *fault, gw_mono_ns now)
{
    struct gw_publish publish;
    struct gw_witness_mark mark;
    GW_TRY(gw_publish_decode(&frame->header, frame->body, player->plan->version, true, USER_PROPS,
                             &publish, fault));
    if (gw_witness_read(publish.payload, &mark) == GW_OK)
        player->events->on_message(player, &mark, now);
    if (publish.qos > 0)
        send_ack(player, publish.qos == 1 ? GW_PACKET_PUBACK : GW_PACKET_PUBREC, publish.packet_id);
    return GW_OK;
}

static enum gw_status on_ack(struct gw_player *player, const struct gw_frame *frame,
                             struct gw_fault *fault, gw_mono_ns now)
{
    enum gw_packet_type type = frame->header.type;
    struct gw_ack ack;
    GW_TRY(gw_ack_decode(type, frame->body, player->plan->version, true, &ack, fault));
    if (type == GW_PACKET_PUBREL) {
        send_ack(player, GW_PACKET_PUBCOMP, ack.packet_id);
    } else if (type == GW_PACKET_PUBREC && ack.reason < 0x80) {
        send_ack(player, GW_PACKET_PUBREL, ack.packet_id);
    } else if (player->sent_at && *sent_at(player, ack.packet_id) != 0) {
        gw_mono_ns at = *sent_at(player, ack.packet_id);
        *sent_at(player, ack.packet_id) = 0;
        player->in_flight--;
        if (ack.reason >= 0x80)
            give_up(player, "a message was refused: %s (%u)", gw_reason_name(ack.reason, type),
                    ack.reason);
        else
            player->events->on_acknowledged(player, at, now);
        tell_room(player, now);
    }
    return GW_OK;
}

static enum gw_status on_disconnect(struct gw_player *player, const struct gw_frame *frame,
                                    struct gw_fault *fault)
{
    struct gw_disconnect packet;
    GW_TRY(gw_disconnect_decode(GW_PACKET_DISCONNECT, frame->body, player->plan->version, true,
                                &packet, fault));
    give_up(player, "the broker ended the connection: %s (%u)",
            gw_reason_name(packet.reason, GW_PACKET_DISCONNECT), packet.reason);
    return GW_OK;
}

static enum gw_status on_frame(struct gw_player *player, const struct gw_frame *frame,
                               struct gw_fault *fault, gw_mono_ns now)
{
    switch (frame->header.type) {
    case GW_PACKET_CONNACK: return on_connack(player, frame, fault, now);
    case GW_PACKET_SUBACK: return on_suback(player, frame, fault, now);
    case GW_PACKET_PUBLISH: return on_publish(player, frame, fault, now);
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP: return on_ack(player, frame, fault, now);
    case GW_PACKET_DISCONNECT: return on_disconnect(player, frame, fault);
    default: return GW_OK; /* PINGRESP */
    }
}

static void on_bytes(void *user, struct gw_span bytes, gw_mono_ns now)
{
    struct gw_player *player = user;
    struct gw_fault fault = {.what = "not MQTT"};
    struct gw_frame frame;
    enum gw_status status = GW_OK;
    while (status == GW_OK && !gw_conn_closing(player->conn)) {
        status = gw_assembler_next(&player->assembler, &bytes, &frame, &fault);
        if (status == GW_OK)
            status = on_frame(player, &frame, &fault, now);
    }
    if (status != GW_OK && status != GW_MORE)
        give_up(player, "the broker sent what is wrong: %s", fault.what ? fault.what : "no memory");
}

/* -- life -- */

static const struct gw_conn_events conn_events = {on_bytes, on_drained, on_closed};

/* The whole PUBLISH once: only its identifier and its mark change. */
static enum gw_status make_packet(struct gw_player *player, const char *topic)
{
    const struct gw_player_plan *plan = player->plan;
    struct gw_buf payload;
    gw_buf_init(&payload, plan->payload_size);
    GW_TRY(gw_buf_reserve(&payload, plan->payload_size));
    memset(payload.data, 'g', plan->payload_size);
    const struct gw_publish publish = {
        .qos = plan->qos,
        .packet_id = plan->qos > 0 ? 1 : 0,
        .topic_name = gw_span_str(topic),
        .payload = gw_span_of(payload.data, plan->payload_size),
    };
    gw_buf_init(&player->packet, HEAD_MAX + plan->payload_size);
    enum gw_status status = gw_buf_reserve(&player->packet, HEAD_MAX + plan->payload_size);
    if (status == GW_OK) {
        struct gw_writer w = gw_writer_of(player->packet.data, HEAD_MAX);
        player->packet.size = gw_publish_encode_head(&w, &publish, plan->version);
        player->mark_at = player->packet.size;
        player->packet_id_at = player->mark_at - (plan->version == GW_VERSION_5 ? 3 : 2);
        status = gw_buf_append(&player->packet, publish.payload);
    }
    gw_buf_fini(&payload);
    return status;
}

enum gw_status gw_player_init(struct gw_player *player, const struct gw_player_plan *plan,
                              uint32_t index, const char *topic, const char *filter)
{
    *player = (struct gw_player){.plan = plan, .index = index};
    gw_assembler_init(&player->assembler, plan->packet_max);
    gw_assembler_set(&player->assembler, plan->version, plan->packet_max);
    if (filter)
        snprintf(player->filter, sizeof player->filter, "%s", filter);
    if (!topic)
        return GW_OK;
    GW_TRY(make_packet(player, topic));
    if (plan->qos == 0)
        return GW_OK;
    uint32_t room = 1;
    while (room < plan->unacknowledged)
        room *= 2;
    player->sent_mask = room - 1;
    player->sent_at = calloc(room, sizeof *player->sent_at);
    return player->sent_at ? GW_OK : GW_NO_MEMORY;
}

void gw_player_fini(struct gw_player *player)
{
    gw_assembler_fini(&player->assembler);
    gw_buf_fini(&player->packet);
    free(player->sent_at);
    player->sent_at = NULL;
}

enum gw_status gw_player_open(struct gw_player *player, struct gw_loop *loop, const char *client_id)
{
    const struct gw_sockets *sockets = gw_loop_sockets(loop);
    gw_socket socket = -1;
    int os_errno = 0;
    enum gw_status status =
        sockets->ops->connect(sockets->ctx, &player->plan->address, &socket, &os_errno);
    if (status != GW_OK) {
        snprintf(player->trouble, sizeof player->trouble, "%s", strerror(os_errno));
        return status;
    }
    player->conn = gw_conn_new(sockets, socket, &player->plan->address);
    if (!player->conn) {
        sockets->ops->close(sockets->ctx, socket);
        return GW_NO_MEMORY;
    }
    gw_conn_set_events(player->conn, &conn_events, player);
    player->state = GW_PLAYER_CONNECTING;
    player->trouble[0] = '\0';
    status = gw_conn_attach(player->conn, loop);
    send_connect(player, client_id);
    return status;
}

void gw_player_close(struct gw_player *player)
{
    uint8_t bytes[ANSWER_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof bytes);
    if (!player->conn || player->state == GW_PLAYER_LEAVING)
        return;
    if (player->state != GW_PLAYER_CONNECTING)
        write_out(player, bytes,
                  gw_disconnect_encode(&w, player->plan->version,
                                       &(struct gw_disconnect){.type = GW_PACKET_DISCONNECT}));
    player->state = GW_PLAYER_LEAVING;
    gw_conn_close(player->conn, true, FLUSH_TIME);
}
