#include "client/core/receipt.h"

#include "client/core/emit.h"
#include "wire/reason.h"

/* Index of an id among the unfinished ones, or incoming_count. */
static size_t find_id(const struct gw_client *client, gw_packet_id id)
{
    size_t at = 0;
    while (at < client->incoming_count && client->options->incoming[at] != id)
        at++;
    return at;
}

/* Puts the topic name in place of an alias, or remembers one (MQTT-3.3.2-8 and following). */
static enum gw_status resolve_alias(struct gw_client *client, struct gw_publish *publish,
                                    struct gw_fault *ret_fault)
{
    const struct gw_client_io *io = client->io;
    const struct gw_props *offered = &client->options->connect.props;
    uint16_t alias = publish->props.topic_alias;
    uint16_t alias_max =
        gw_props_has(offered, TOPIC_ALIAS_MAXIMUM) ? offered->topic_alias_maximum : 0;
    enum gw_status status = GW_NOT_FOUND;
    if (alias > 0 && alias <= alias_max && io->alias_set)
        status = publish->topic_name.size > 0
                     ? io->alias_set(io->user, alias, publish->topic_name)
                     : io->alias_get(io->user, alias, &publish->topic_name);
    if (status == GW_OK)
        return GW_OK;
    return gw_fault_set(ret_fault, GW_REASON_TOPIC_ALIAS_INVALID, "unknown topic alias",
                        "MQTT-3.3.2-8");
}

enum gw_status gw_receipt_flush(struct gw_client *client, gw_mono_ns now)
{
    if (client->reply.type == GW_PACKET_RESERVED)
        return GW_OK;
    GW_TRY(gw_emit_ack(client, &client->reply, now));
    client->reply.type = GW_PACKET_RESERVED;
    return GW_OK;
}

/* Answers now, or keeps the answer until the transport has room. */
static void answer(struct gw_client *client, enum gw_packet_type type, gw_packet_id id,
                   uint8_t reason, gw_mono_ns now)
{
    if (client->state != GW_CLIENT_CONNECTED)
        return;
    client->reply = (struct gw_ack){.type = type, .packet_id = id, .reason = reason};
    enum gw_status kept_if_not_ok = gw_receipt_flush(client, now);
    (void)kept_if_not_ok;
}

static void show(struct gw_client *client, const struct gw_publish *publish)
{
    if (client->events->on_message)
        client->events->on_message(client->user, publish);
}

enum gw_status gw_receipt_on_publish(struct gw_client *client, struct gw_publish *publish,
                                     gw_mono_ns now, struct gw_fault *ret_fault)
{
    if (gw_props_has(&publish->props, TOPIC_ALIAS))
        GW_TRY(resolve_alias(client, publish, ret_fault));
    gw_emit_trace(client, &(struct gw_client_trace){.type = GW_PACKET_PUBLISH, .publish = publish});
    bool known = publish->qos == 2 && find_id(client, publish->packet_id) < client->incoming_count;
    if (client->draining && !known)
        return GW_OK;
    if (publish->qos == 2 && !known) {
        if (client->incoming_count == client->options->incoming_max)
            return gw_fault_set(ret_fault, GW_REASON_RECEIVE_MAXIMUM_EXCEEDED,
                                "too many unfinished QoS 2 messages", "MQTT-3.3.4-9");
        client->options->incoming[client->incoming_count++] = publish->packet_id;
    }
    if (!known)
        show(client, publish);
    if (publish->qos > 0)
        answer(client, publish->qos == 1 ? GW_PACKET_PUBACK : GW_PACKET_PUBREC, publish->packet_id,
               GW_REASON_SUCCESS, now);
    return GW_OK;
}

void gw_receipt_on_pubrel(struct gw_client *client, const struct gw_ack *pubrel, gw_mono_ns now)
{
    size_t at = find_id(client, pubrel->packet_id);
    bool known = at < client->incoming_count;
    if (known)
        client->options->incoming[at] = client->options->incoming[--client->incoming_count];
    answer(client, GW_PACKET_PUBCOMP, pubrel->packet_id,
           known ? GW_REASON_SUCCESS : GW_REASON_PACKET_ID_NOT_FOUND, now);
}
