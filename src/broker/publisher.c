#include "broker/publisher.h"

#include "base/utf8.h"
#include "broker/held.h"
#include "broker/journal.h"
#include "broker/keeper.h"
#include "broker/rights.h"
#include "broker/router.h"
#include "broker/whynot.h"
#include "topic/name.h"
#include "wire/ack.h"
#include "wire/publish.h"

static bool knows_alias(const struct gw_alias_table *table, const struct gw_publish *packet)
{
    struct gw_span name;
    return gw_alias_get(table, packet->props.topic_alias, &name) == GW_OK &&
           gw_span_equal(name, packet->topic_name);
}

/* Puts the topic name behind an alias in its place, or learns it. False: the client was ended. */
static bool resolve_alias(struct gw_guest *client, struct gw_publish *packet)
{
    enum gw_status status;
    uint16_t alias = packet->props.topic_alias;
    if (packet->topic_name.size > 0 && gw_shard_memory_full(client->shard) &&
        !knows_alias(&client->alias_in, packet))
        status = GW_NO_MEMORY;
    else if (packet->topic_name.size > 0)
        status = gw_alias_set(&client->alias_in, alias, packet->topic_name);
    else
        status = gw_alias_get(&client->alias_in, alias, &packet->topic_name);
    if (status == GW_OK)
        return true;
    if (status == GW_LIMIT)
        gw_guest_end(client, GW_REASON_TOPIC_ALIAS_INVALID,
                     "topic alias 0 or above the announced maximum", "MQTT-3.3.2-9");
    else if (status == GW_NOT_FOUND)
        gw_guest_end(client, GW_REASON_PROTOCOL_ERROR, "unknown topic alias", "3.3.4");
    else
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    return false;
}

/* Rules whose breach ends the connection. False: the client was ended. */
static bool check_connection_rules(struct gw_guest *client, const struct gw_publish *packet)
{
    const struct gw_guest_offer *offer = &client->offer;
    if (packet->qos > offer->max_qos) {
        gw_guest_end(client, GW_REASON_QOS_NOT_SUPPORTED, "QoS above mqtt.max_qos",
                     "MQTT-3.2.2-11");
        return false;
    }
    if (packet->retain && !offer->retain) {
        gw_guest_end(client, GW_REASON_RETAIN_NOT_SUPPORTED, "RETAIN set, but mqtt.retain is off",
                     "MQTT-3.2.2-14");
        return false;
    }
    if (packet->qos > 0 && client->peer.version == GW_VERSION_5 &&
        client->session->received.count >= offer->receive_max &&
        (packet->qos == 1 || !gw_idset_has(&client->session->received, packet->packet_id))) {
        gw_guest_end(client, GW_REASON_RECEIVE_MAXIMUM_EXCEEDED,
                     "more messages unfinished than the announced receive maximum", "MQTT-3.3.4-7");
        return false;
    }
    return true;
}

/* Rules whose breach refuses this message alone. */
static enum gw_reason judge(struct gw_guest *client, const struct gw_publish *packet,
                            uint64_t topic_hash)
{
    struct gw_shard *shard = client->shard;
    const struct gw_config *config = gw_shard_settings(shard);
    const struct gw_message message = {
        .topic_name = packet->topic_name,
        .props = packet->props.present ? packet->props.raw : GW_SPAN_NONE,
        .payload = packet->payload,
        .topic_hash = topic_hash,
        .qos = packet->qos,
        .retain = packet->retain,
    };
    if (packet->topic_name.size > config->limits.size.topic ||
        gw_name_levels(packet->topic_name) > config->limits.topic_levels)
        return GW_REASON_TOPIC_NAME_INVALID;
    if (!gw_rights_may_publish(client, &message))
        return GW_REASON_NOT_AUTHORIZED;
    if (config->mqtt.check_payload_format && client->peer.version == GW_VERSION_5 &&
        gw_props_has(&packet->props, PAYLOAD_FORMAT) && packet->props.payload_format == 1 &&
        !gw_utf8_payload_valid(packet->payload))
        return GW_REASON_PAYLOAD_FORMAT_INVALID;
    if (gw_shard_memory_full(shard))
        return GW_REASON_QUOTA_EXCEEDED;
    if (packet->retain && packet->payload.size > 0 && !gw_keeper_has_room(shard, &message))
        return GW_REASON_QUOTA_EXCEEDED;
    return GW_REASON_SUCCESS;
}

static const char *refusal_text(struct gw_shard *shard, enum gw_reason reason)
{
    switch (reason) {
    case GW_REASON_TOPIC_NAME_INVALID:
        return "topic name with more levels than limits.topic_levels, or bytes than "
               "limits.size.topic";
    case GW_REASON_NOT_AUTHORIZED: return "not authorized to publish to this topic";
    case GW_REASON_PAYLOAD_FORMAT_INVALID: return "payload marked as UTF-8 is not";
    case GW_REASON_QUOTA_EXCEEDED:
        if (gw_journal_state(shard) == GW_STORE_FULL)
            return "the store has no room: its disk is full";
        return gw_shard_memory_full(shard) ? "limits.memory is used up"
                                           : "limits.retained is reached";
    default: return "message refused";
    }
}

/* PUBACK or PUBREC with a code and, for who wants to hear it, why. */
static void tell_no(struct gw_guest *client, const struct gw_held_ack *no, struct gw_span topic,
                    const char *why)
{
    char text[GW_WHYNOT_MAX];
    uint8_t bytes[GW_WHYNOT_MAX + 32];
    struct gw_span words = no->reason == GW_REASON_NOT_AUTHORIZED
                               ? gw_whynot_access(client, true, topic, text)
                               : gw_whynot_words(client, why);
    struct gw_ack ack = {.type = no->type, .packet_id = no->packet_id, .reason = no->reason};
    if (words.size == 0) {
        gw_held_send(client, no);
        return;
    }
    ack.props.present = GW_PROP_BIT(REASON_STRING);
    ack.props.reason_string = words;
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    size_t size = gw_ack_encode_within(&w, GW_VERSION_5, &ack, client->peer.packet_max);
    gw_held_send_bytes(client, gw_span_of(bytes, size), GW_DURABILITY_MEMORY);
}

/* A message is refused. MQTT 5 hears why where it can; what 3.x clients must not believe to be
 * stored is not acknowledged, what they may not do is dropped as the standard has it. */
static void refuse(struct gw_guest *client, const struct gw_publish *packet, enum gw_reason reason)
{
    struct gw_shard *shard = client->shard;
    bool v5 = client->peer.version == GW_VERSION_5;
    enum gw_packet_type type = packet->qos == 1 ? GW_PACKET_PUBACK : GW_PACKET_PUBREC;
    const char *why = refusal_text(shard, reason);
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_guest_id(client)),
        gw_log_text("topic", packet->topic_name),
        gw_log_str("reason", why),
        gw_log_number("code", reason),
    };
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_REFUSED, 1);
    if (reason != GW_REASON_NOT_AUTHORIZED) /* acl.denied says it */
        gw_log_event(gw_shard_log(shard), GW_LOG_WARN, "publish.refused", "a message was refused",
                     fields, GW_COUNT_OF(fields));
    struct gw_held_ack ack = {.type = type, .packet_id = packet->packet_id};
    if (v5 && packet->qos > 0) {
        ack.reason = (uint8_t)reason;
        tell_no(client, &ack, packet->topic_name, why);
    } else if (reason == GW_REASON_TOPIC_NAME_INVALID ||
               reason == GW_REASON_PAYLOAD_FORMAT_INVALID ||
               (packet->qos > 0 && reason == GW_REASON_QUOTA_EXCEEDED)) {
        gw_guest_end(client, (uint8_t)reason, why, NULL);
    } else if (packet->qos == 1 ||
               (packet->qos == 2 &&
                gw_idset_add(&client->session->received, packet->packet_id) != GW_NO_MEMORY)) {
        gw_held_send(client, &ack);
    }
}

/* The properties to send on, in the shard's scratch if some have to be left out. */
static enum gw_status forwarded_props(struct gw_shard *shard, const struct gw_props *props,
                                      struct gw_span *ret_props)
{
    *ret_props = props->raw;
    if ((props->present & ~(uint32_t)GW_MESSAGE_PROPS) == 0)
        return GW_OK;
    gw_buf_clear(&shard->scratch_in);
    GW_TRY(gw_buf_reserve(&shard->scratch_in, props->raw.size));
    size_t size = gw_props_filter(props->raw, GW_MESSAGE_PROPS, shard->scratch_in.data);
    *ret_props = gw_span_of(shard->scratch_in.data, size);
    return GW_OK;
}

static enum gw_status publish(struct gw_guest *client, const struct gw_publish *packet,
                              uint64_t topic_hash, gw_mono_ns now, struct gw_router_job *job)
{
    struct gw_message message = {
        .topic_name = packet->topic_name,
        .payload = packet->payload,
        .received_at = now,
        .publisher = client->session->client_hash,
        .topic_hash = topic_hash,
        .author = client->session->access.author,
        .qos = packet->qos,
        .retain = packet->retain,
    };
    if (client->peer.version == GW_VERSION_5) {
        GW_TRY(forwarded_props(client->shard, &packet->props, &message.props));
        message.has_expiry = gw_props_has(&packet->props, MESSAGE_EXPIRY);
        message.expiry = message.has_expiry ? packet->props.message_expiry : 0;
    }
    enum gw_status status = gw_router_publish(client->shard, &message, job);
    gw_message_drop(&message);
    return status;
}

/* PUBACK or PUBREC, when what it promises is as durable as its class says. */
static void answer(struct gw_guest *client, const struct gw_publish *packet, bool wanted,
                   enum gw_durability durability)
{
    if (packet->qos == 0)
        return;
    struct gw_held_ack ack = {
        .type = packet->qos == 1 ? GW_PACKET_PUBACK : GW_PACKET_PUBREC,
        .packet_id = packet->packet_id,
        .reason = client->peer.version == GW_VERSION_5 && !wanted
                      ? GW_REASON_NO_MATCHING_SUBSCRIBERS
                      : GW_REASON_SUCCESS,
        .durability = durability,
    };
    gw_held_send(client, &ack);
}

/* A QoS 2 message that nobody had to write down leaves its identifier: the client may repeat it
 * after a crash (MQTT-4.3.3-10). Returns the class that PUBREC has to wait for. */
static enum gw_durability note_packet_id(struct gw_guest *client, const struct gw_publish *packet,
                                         enum gw_durability written)
{
    struct gw_shard *shard = client->shard;
    if (packet->qos != 2 || client->session->serial == 0 || written != GW_DURABILITY_MEMORY)
        return written;
    enum gw_durability class = gw_durability_of(gw_shard_settings(shard), packet->topic_name);
    if (class != GW_DURABILITY_MEMORY)
        gw_journal_packet_id(shard, GW_RECORD_RECEIVED, client->session, packet->packet_id);
    return class;
}

void gw_publisher_on_publish(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    struct gw_shard *shard = client->shard;
    struct gw_publish packet;
    struct gw_fault fault;
    if (gw_publish_decode(&frame->header, frame->body, (enum gw_version)client->peer.version, false,
                          gw_shard_settings(shard)->limits.user_properties, &packet,
                          &fault) != GW_OK) {
        gw_guest_end_fault(client, &fault);
        return;
    }
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_RECEIVED, 1);
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_BYTES_RECEIVED, (int64_t)packet.payload.size);
    if (client->peer.version == GW_VERSION_5 && gw_props_has(&packet.props, TOPIC_ALIAS) &&
        !resolve_alias(client, &packet))
        return;
    if (!check_connection_rules(client, &packet))
        return;
    if (packet.qos == 2 && gw_idset_has(&client->session->received, packet.packet_id)) {
        /* Delivered already (MQTT-4.3.3-10); perhaps not written yet. */
        answer(client, &packet, true, GW_DURABILITY_DISK);
        return;
    }
    uint64_t topic_hash = gw_shard_hash(shard, packet.topic_name);
    enum gw_reason reason = judge(client, &packet, topic_hash);
    if (reason != GW_REASON_SUCCESS) {
        refuse(client, &packet, reason);
        return;
    }
    struct gw_router_job job = {.publisher = client->session, .packet_id = packet.packet_id};
    struct gw_idset *received = &client->session->received;
    enum gw_status status = packet.qos == 2 ? gw_idset_add(received, packet.packet_id) : GW_OK;
    if (status == GW_OK) {
        status = publish(client, &packet, topic_hash, now, &job);
        if (status != GW_OK && packet.qos == 2) /* it comes again, as one not seen yet */
            gw_idset_remove(received, packet.packet_id);
    }
    if (status == GW_LIMIT)
        refuse(client, &packet, GW_REASON_QUOTA_EXCEEDED);
    else if (status == GW_CLOSED)
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "the store has failed", NULL);
    else if (status != GW_OK)
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    else
        answer(client, &packet, job.ret_wanted, note_packet_id(client, &packet, job.ret_written));
}

void gw_publisher_on_pubrel(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now)
{
    struct gw_ack ack;
    struct gw_fault fault;
    (void)now;
    bool v5 = client->peer.version == GW_VERSION_5;
    if (gw_ack_decode(GW_PACKET_PUBREL, frame->body, (enum gw_version)client->peer.version, false,
                      &ack, &fault) != GW_OK) {
        gw_guest_end_fault(client, &fault);
        return;
    }
    bool known = gw_idset_remove(&client->session->received, ack.packet_id) == GW_OK;
    if (known)
        gw_journal_packet_id(client->shard, GW_RECORD_RELEASED, client->session, ack.packet_id);
    /* The client may use the identifier for another message as soon as it has PUBCOMP. */
    struct gw_held_ack answer = {
        .type = GW_PACKET_PUBCOMP,
        .packet_id = ack.packet_id,
        .reason = v5 && !known ? GW_REASON_PACKET_ID_NOT_FOUND : GW_REASON_SUCCESS,
        .durability = client->session->serial != 0 ? GW_DURABILITY_DISK : GW_DURABILITY_MEMORY,
    };
    gw_held_send(client, &answer);
}
