#include "broker/deliverer.h"

#include "broker/held.h"
#include "broker/ledger.h"
#include "broker/replay.h"
#include "broker/rights.h"
#include "wire/ack.h"
#include "wire/publish.h"

#define PAYLOAD_COPY_MAX 1024u /* larger ones leave from the message itself */
#define ALIAS_SIZE_MAX   5u    /* the topic alias property, and two lengths longer by one */

/* One PUBLISH about to be encoded. */
struct outgoing {
    const struct gw_message *message;
    const uint32_t *ids;
    uint32_t id_count;
    gw_packet_id packet_id;
    uint8_t qos;
    bool retain;
    bool dup;
};

/* -- encoding -- */

/* Properties for an MQTT 5 client: what the message carries, what is this delivery's own. */
static enum gw_status set_props(struct gw_guest *client, const struct outgoing *out, gw_mono_ns now,
                                struct gw_props *props)
{
    const struct gw_message *message = out->message;
    props->present = 0;
    props->raw = message->props;
    if (message->has_expiry) {
        props->present |= GW_PROP_BIT(MESSAGE_EXPIRY);
        props->message_expiry = gw_message_expiry_left(message, now);
    }
    if (out->id_count == 1) {
        props->present |= GW_PROP_BIT(SUBSCRIPTION_ID);
        props->subscription_id = out->ids[0];
    }
    if (out->id_count <= 1)
        return GW_OK;
    struct gw_buf *scratch = &client->shard->scratch;
    size_t room = out->id_count * (size_t)5 + message->props.size;
    gw_buf_clear(scratch);
    GW_TRY(gw_buf_reserve(scratch, room));
    struct gw_writer w = gw_writer_of(scratch->data, room);
    for (uint32_t i = 0; i < out->id_count; i++) {
        gw_writer_u8(&w, 0x0B);
        gw_varint_write(&w, out->ids[i]);
    }
    gw_writer_bytes(&w, message->props);
    props->raw = gw_span_of(scratch->data, gw_writer_size(&w));
    return GW_OK;
}

static void set_alias(struct gw_guest *client, struct gw_publish *packet, uint64_t topic_hash)
{
    bool known;
    uint16_t alias = gw_alias_assign(&client->alias_out, packet->topic_name, topic_hash, &known);
    if (alias == 0)
        return;
    packet->props.present |= GW_PROP_BIT(TOPIC_ALIAS);
    packet->props.topic_alias = alias;
    if (known)
        packet->topic_name = GW_SPAN_NONE;
}

static enum gw_status write_packet(struct gw_guest *client, const struct gw_publish *packet,
                                   struct gw_blob *blob)
{
    enum gw_version version = (enum gw_version)client->peer.version;
    size_t head_max = gw_publish_size(packet, version) - packet->payload.size;
    bool copied = packet->payload.size <= PAYLOAD_COPY_MAX || !blob;
    size_t room = head_max + (copied ? packet->payload.size : 0);
    uint8_t *memory = gw_conn_reserve(client->conn, room);
    if (!memory)
        return GW_NO_MEMORY;
    struct gw_writer w = gw_writer_of(memory, room);
    size_t size = gw_publish_encode_head(&w, packet, version);
    if (copied && packet->payload.size > 0) {
        memcpy(memory + size, packet->payload.data, packet->payload.size);
        size += packet->payload.size;
    }
    gw_guest_commit(client, size);
    return copied ? GW_OK : gw_conn_write_blob(client->conn, blob, packet->payload);
}

/* Writes a PUBLISH to the client. GW_LIMIT: larger than it takes; GW_NO_MEMORY: nothing is left to
 * do but to end the connection. */
static enum gw_status send_publish(struct gw_guest *client, const struct outgoing *out,
                                   gw_mono_ns now)
{
    const struct gw_message *message = out->message;
    struct gw_publish packet;
    packet.dup = out->dup;
    packet.retain = out->retain;
    packet.qos = out->qos;
    packet.packet_id = out->packet_id;
    packet.topic_name = message->topic_name;
    packet.payload = message->payload;
    packet.props.present = 0;
    if (client->peer.version == GW_VERSION_5) {
        GW_TRY(set_props(client, out, now, &packet.props));
        size_t size = gw_publish_size(&packet, GW_VERSION_5);
        if (size > client->peer.packet_max)
            return GW_LIMIT;
        if (client->peer.packet_max - size >= ALIAS_SIZE_MAX &&
            !gw_shard_memory_full(client->shard))
            set_alias(client, &packet, message->topic_hash);
    }
    GW_TRY(write_packet(client, &packet, message->blob));
    struct gw_metrics *metrics = &client->shard->metrics;
    gw_metrics_add(metrics, GW_METRIC_PUBLISH_SENT, 1);
    gw_metrics_add(metrics, GW_METRIC_PUBLISH_BYTES_SENT, (int64_t)message->payload.size);
    return GW_OK;
}

static void out_of_memory(struct gw_guest *client)
{
    gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
}

/* -- the queue -- */

static enum gw_status send_delivery(struct gw_guest *client, struct gw_delivery *delivery,
                                    gw_mono_ns now)
{
    struct gw_outbox *outbox = &client->session->outbox;
    struct gw_outbox_host *host = &client->shard->sessions.host;
    struct gw_message message;
    bool dup;
    gw_message_open(delivery->message, &message);
    uint8_t qos = delivery->qos; /* stays what it was queued with */
    if (!gw_rights_may_go_out(client->shard, &message) ||
        (!gw_rights_are_free(client->shard, client->session) &&
         !gw_rights_may_receive(client->shard, client->session, &message, &qos))) {
        gw_outbox_skip(outbox, host, delivery);
        return GW_OK;
    }
    GW_TRY(gw_outbox_begin(outbox, host, delivery, &dup));
    struct outgoing out = {
        .message = &message,
        .ids = &delivery->id,
        .id_count = delivery->id != 0 ? 1 : 0,
        .packet_id = delivery->packet_id,
        .qos = delivery->qos,
        .retain = delivery->retain,
        .dup = dup,
    };
    if (delivery->ids) {
        out.ids = (const uint32_t *)(const void *)delivery->ids->data;
        out.id_count = (uint32_t)(delivery->ids->size / sizeof(uint32_t));
    }
    enum gw_status status = send_publish(client, &out, now);
    if (status == GW_OK) {
        gw_outbox_sent(outbox, host, delivery);
        return GW_OK;
    }
    if (status != GW_LIMIT)
        return status;
    gw_outbox_skip(outbox, host, delivery); /* the caller counts what was dropped */
    return GW_OK;
}

/* What comes next may have to wait until the log has its packet identifier. */
static void wait_for_log(struct gw_shard *shard, struct gw_session *session)
{
    const struct gw_outbox *outbox = &session->outbox;
    if (!shard->journal || gw_list_empty(&outbox->queued))
        return;
    const struct gw_delivery *head =
        GW_CONTAINER_CONST(outbox->queued.next, struct gw_delivery, link);
    if (head->ready > shard->journal->ledger.reached)
        gw_ledger_on_wait(shard, session);
}

void gw_deliverer_pump(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_session *session = client->session;
    struct gw_shard *shard = client->shard;
    if (client->state != GW_GUEST_CONNECTED || !session)
        return;
    struct gw_outbox *outbox = &session->outbox;
    uint64_t dropped = outbox->dropped;
    enum gw_status status = GW_OK;
    while (status == GW_OK) {
        if (!gw_guest_has_room(client)) {
            gw_conn_want_drained(client->conn, (size_t)gw_shard_settings(shard)->limits.output / 2);
            break;
        }
        struct gw_delivery *next = gw_outbox_next(outbox, &shard->sessions.host, now);
        if (!next) {
            wait_for_log(shard, session);
            break;
        }
        status = send_delivery(client, next, now);
    }
    if (outbox->dropped > dropped)
        gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED,
                       (int64_t)(outbox->dropped - dropped));
    gw_shard_count_outbox(shard, outbox);
    if (status == GW_NO_MEMORY)
        out_of_memory(client);
    else
        gw_replay_on_room(shard, session);
}

/* QoS 0 with nothing before it goes straight out: no queue, no allocation. */
static bool send_directly(struct gw_guest *client, struct gw_message *message,
                          const struct gw_delivery_options *options)
{
    if (!client || client->state != GW_GUEST_CONNECTED || options->qos != 0 ||
        client->session->outbox.queued_count > 0 || !gw_guest_has_room(client))
        return false;
    if (message->payload.size > PAYLOAD_COPY_MAX && gw_message_keep(message) != GW_OK)
        return false;
    struct outgoing out = {
        .message = message,
        .ids = options->ids,
        .id_count = options->id_count,
        .retain = options->retain,
    };
    gw_mono_ns now = gw_loop_now(client->shard->loop);
    enum gw_status status = send_publish(client, &out, now);
    if (status == GW_LIMIT)
        gw_metrics_add(&client->shard->metrics, GW_METRIC_PUBLISH_DROPPED, 1);
    else if (status != GW_OK)
        out_of_memory(client);
    return true;
}

/* The queue is full and the configuration says that the client has to go. */
static bool ends_when_full(const struct gw_shard *shard, const struct gw_outbox *outbox)
{
    const struct gw_config_queue *queue = &gw_shard_settings(shard)->limits.queue;
    return queue->policy == GW_CONFIG_DISCONNECT &&
           (outbox->queued_count >= queue->messages || outbox->queued_bytes >= queue->bytes);
}

static bool enqueue(struct gw_shard *shard, struct gw_session *session, struct gw_message *message,
                    const struct gw_delivery_options *options, bool unbounded)
{
    const struct gw_config_queue *queue = &gw_shard_settings(shard)->limits.queue;
    struct gw_guest *client = session->link;
    struct gw_outbox_limits limits = {
        .bytes_max = (size_t)queue->bytes,
        .messages_max = queue->messages,
        .policy =
            queue->policy == GW_CONFIG_DROP_OLDEST ? GW_OUTBOX_DROP_OLDEST : GW_OUTBOX_DROP_NEWEST,
        .now = gw_loop_now(shard->loop),
    };
    uint32_t evicted = 0;
    enum gw_status status = gw_outbox_push(&session->outbox, &shard->sessions.host, message,
                                           options, unbounded ? NULL : &limits, &evicted);
    gw_shard_count_outbox(shard, &session->outbox);
    gw_ledger_on_push(shard, session);
    if (evicted > 0 || status != GW_OK) {
        gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED, evicted + (status != GW_OK));
        gw_shard_log_full(shard, session, evicted + (status != GW_OK));
        if (client && ends_when_full(shard, &session->outbox))
            gw_guest_end(client, GW_REASON_QUOTA_EXCEEDED, "its queue is full", NULL);
    }
    return status == GW_OK;
}

static bool give(struct gw_shard *shard, struct gw_session *session, struct gw_message *message,
                 const struct gw_delivery_options *options, bool unbounded)
{
    struct gw_guest *client = session->link;
    if (send_directly(client, message, options))
        return true;
    if (!client && options->qos == 0 && !gw_shard_settings(shard)->limits.queue.qos0)
        return false;
    /* What the log has does not stay in memory, and somebody relies on it. */
    bool is_kept = session->outbox.durable && message->blob && gw_blob_position(message->blob) != 0;
    if (!unbounded && !is_kept && gw_shard_memory_full(shard)) {
        gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED, 1);
        return false;
    }
    if (!enqueue(shard, session, message, options, unbounded))
        return false;
    if (client)
        gw_deliverer_pump(client, gw_loop_now(shard->loop));
    return true;
}

/* Gives what may be received. */
static bool give_allowed(struct gw_shard *shard, struct gw_session *session,
                         struct gw_message *message, const struct gw_delivery_options *options,
                         bool unbounded)
{
    uint64_t topic_hash = message->topic_hash;
    bool live = message->retain && !gw_list_empty(&session->replays);
    bool given = give(shard, session, message, options, unbounded);
    if (given && live)
        gw_replay_on_live(session, topic_hash);
    return given;
}

bool gw_deliverer_give(struct gw_shard *shard, struct gw_session *session,
                       struct gw_message *message, const struct gw_delivery_options *options,
                       bool unbounded)
{
    if (!gw_rights_may_go_out(shard, message))
        return false;
    if (gw_rights_are_free(shard, session))
        return give_allowed(shard, session, message, options, unbounded);
    struct gw_delivery_options allowed = *options;
    return gw_rights_may_receive(shard, session, message, &allowed.qos) &&
           give_allowed(shard, session, message, &allowed, unbounded);
}

/* PUBREL says that PUBREC will not be forgotten: it goes out when the log has it. */
static void send_pubrel(struct gw_guest *client, gw_packet_id packet_id, enum gw_reason reason)
{
    struct gw_held_ack ack = {
        .type = GW_PACKET_PUBREL,
        .packet_id = packet_id,
        .reason = (uint8_t)reason,
        .durability = client->session->serial != 0 && reason == GW_REASON_SUCCESS
                          ? GW_DURABILITY_DISK
                          : GW_DURABILITY_MEMORY,
    };
    gw_held_send(client, &ack);
}

void gw_deliverer_release(struct gw_guest *client, uint32_t count)
{
    const struct gw_list *link = &client->session->outbox.releasing;
    if (client->state != GW_GUEST_CONNECTED)
        return; /* it hears of them when it resumes */
    for (uint32_t i = 0; i < count; i++)
        link = link->prev;
    for (uint32_t i = 0; i < count; i++, link = link->next)
        send_pubrel(client, GW_CONTAINER_CONST(link, struct gw_delivery, link)->packet_id,
                    GW_REASON_SUCCESS);
}

void gw_deliverer_resume(struct gw_guest *client, gw_mono_ns now)
{
    struct gw_outbox *outbox = &client->session->outbox;
    gw_outbox_on_resume(outbox, client->peer.receive_max);
    GW_LIST_FOREACH (link, &outbox->releasing) {
        const struct gw_delivery *delivery = GW_CONTAINER(link, struct gw_delivery, link);
        send_pubrel(client, delivery->packet_id, GW_REASON_SUCCESS);
    }
    gw_deliverer_pump(client, now);
}

/* -- answers -- */

static void on_pubrec(struct gw_guest *client, const struct gw_ack *ack, enum gw_status status)
{
    bool v5 = client->peer.version == GW_VERSION_5;
    if (v5 && ack->reason >= GW_REASON_UNSPECIFIED)
        return;
    if (status == GW_OK || status == GW_NOT_FOUND)
        send_pubrel(client, ack->packet_id,
                    v5 && status == GW_NOT_FOUND ? GW_REASON_PACKET_ID_NOT_FOUND
                                                 : GW_REASON_SUCCESS);
}

static enum gw_status settle(struct gw_guest *client, const struct gw_ack *ack)
{
    struct gw_outbox *outbox = &client->session->outbox;
    struct gw_outbox_host *host = &client->shard->sessions.host;
    bool refused = ack->reason >= GW_REASON_UNSPECIFIED;
    if (ack->type == GW_PACKET_PUBACK)
        return gw_outbox_on_puback(outbox, host, ack->packet_id);
    if (ack->type == GW_PACKET_PUBREC)
        return gw_outbox_on_pubrec(outbox, host, ack->packet_id, refused);
    return gw_outbox_on_pubcomp(outbox, host, ack->packet_id);
}

void gw_deliverer_on_ack(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    struct gw_outbox *outbox = &client->session->outbox;
    struct gw_ack ack;
    struct gw_fault fault;
    if (gw_ack_decode(frame->header.type, frame->body, (enum gw_version)client->peer.version, false,
                      &ack, &fault) != GW_OK) {
        gw_guest_end_fault(client, &fault);
        return;
    }
    enum gw_status status = settle(client, &ack);
    gw_shard_count_outbox(client->shard, outbox);
    if (status == GW_PROTOCOL) {
        gw_guest_end(client, GW_REASON_PROTOCOL_ERROR,
                     "an acknowledgement that does not fit the QoS of its message", "4.3");
        return;
    }
    if (ack.type == GW_PACKET_PUBREC)
        on_pubrec(client, &ack, status);
    gw_deliverer_pump(client, now);
}
