#include "client/core/delivery.h"

#include "client/core/emit.h"
#include "topic/name.h"
#include "wire/reason.h"

#define IDS_MAX UINT16_MAX

static struct gw_client_send *send_of(struct gw_list *node)
{
    return GW_CONTAINER(node, struct gw_client_send, link);
}

static bool request_uses(const struct gw_client *client, gw_packet_id id)
{
    for (const struct gw_list *at = client->requests.next; at != &client->requests; at = at->next) {
        const struct gw_client_request *request =
            (const struct gw_client_request *)(const void *)((const char *)at -
                                                             offsetof(struct gw_client_request,
                                                                      link));
        if (request->packet_id == id)
            return true;
    }
    return false;
}

/* Unfinished messages stand in the order of their ids (first in flight, then queued), so the next
 * id can only meet the oldest; where it does, it moves on together with that. */
gw_packet_id gw_delivery_next_id(struct gw_client *client)
{
    if (client->inflight_count + client->queued_count >= GW_CLIENT_UNFINISHED_MAX)
        return 0;
    struct gw_list *heads[] = {&client->inflight, &client->queued};
    struct gw_list *oldest = client->inflight.next;
    size_t which = 0;
    gw_packet_id id = client->last_id;
    for (;;) {
        id = id == IDS_MAX ? 1 : (gw_packet_id)(id + 1);
        while (which < 2 && oldest == heads[which])
            oldest = ++which < 2 ? heads[which]->next : NULL;
        if (which < 2 && send_of(oldest)->publish.packet_id == id)
            oldest = oldest->next;
        else if (!request_uses(client, id))
            break;
    }
    client->last_id = id;
    return id;
}

static size_t inflight_max(const struct gw_client *client)
{
    uint16_t ours = client->options->inflight_max;
    uint16_t theirs = client->server.receive_maximum;
    return ours > 0 && ours < theirs ? ours : theirs;
}

/* Refuses what the server would not take (MQTT-3.2.2-11, -14, -15). */
static enum gw_status check(const struct gw_client *client, const struct gw_publish *publish)
{
    if (publish->qos > GW_QOS_MAX)
        return GW_INVALID;
    bool by_alias = gw_props_has(&publish->props, TOPIC_ALIAS);
    if (!(publish->topic_name.size == 0 && by_alias))
        GW_TRY(gw_name_validate(publish->topic_name, 0));
    size_t size = gw_publish_size(publish, client->options->connect.version);
    if (size > (size_t)GW_VARINT_MAX + GW_HEADER_SIZE_MAX)
        return GW_LIMIT;
    if (client->state != GW_CLIENT_CONNECTED)
        return GW_OK;
    if (publish->qos > client->server.qos_max)
        return GW_REFUSED;
    if (publish->retain && !client->server.retain_available)
        return GW_REFUSED;
    return size > client->server.packet_max ? GW_LIMIT : GW_OK;
}

static void finish(struct gw_client *client, struct gw_client_send *send, uint8_t reason)
{
    if (send->phase == GW_PHASE_QUEUED)
        client->queued_count--;
    else if (send->phase != GW_PHASE_NONE)
        client->inflight_count--;
    gw_list_remove(&send->link);
    send->phase = GW_PHASE_NONE;
    if (client->events->on_sent)
        client->events->on_sent(client->user, send, reason);
}

static enum gw_status emit_pubrel(struct gw_client *client, gw_packet_id id, uint8_t reason,
                                  gw_mono_ns now)
{
    struct gw_ack pubrel = {.type = GW_PACKET_PUBREL, .packet_id = id, .reason = reason};
    return gw_emit_ack(client, &pubrel, now);
}

/* Writes again what an earlier connection left in flight; false when the transport is full. */
static bool repeat(struct gw_client *client, gw_mono_ns now)
{
    GW_LIST_FOREACH (node, &client->inflight) {
        struct gw_client_send *send = send_of(node);
        if (!send->repeat)
            continue;
        enum gw_status status;
        if (send->phase == GW_PHASE_PUBCOMP) {
            status = emit_pubrel(client, send->publish.packet_id, GW_REASON_SUCCESS, now);
        } else {
            send->publish.dup = true;
            status = gw_emit_publish(client, &send->publish, now);
        }
        if (status != GW_OK)
            return false;
        send->repeat = false;
    }
    return true;
}

void gw_delivery_pump(struct gw_client *client, gw_mono_ns now)
{
    if (client->state != GW_CLIENT_CONNECTED || !repeat(client, now))
        return;
    while (client->state == GW_CLIENT_CONNECTED && !gw_list_empty(&client->queued) &&
           client->inflight_count < inflight_max(client)) {
        struct gw_client_send *send = send_of(client->queued.next);
        enum gw_status status = check(client, &send->publish);
        if (status != GW_OK) { /* queued before the server told its limits */
            finish(client, send,
                   status == GW_LIMIT ? GW_REASON_PACKET_TOO_LARGE : GW_REASON_QOS_NOT_SUPPORTED);
            continue;
        }
        if (gw_emit_publish(client, &send->publish, now) != GW_OK)
            return;
        gw_list_remove(&send->link);
        gw_list_push_back(&client->inflight, &send->link);
        client->queued_count--;
        client->inflight_count++;
        send->phase = send->publish.qos == 1 ? GW_PHASE_PUBACK : GW_PHASE_PUBREC;
    }
}

enum gw_status gw_client_publish(struct gw_client *client, struct gw_client_send *send,
                                 gw_mono_ns now)
{
    GW_TRY(check(client, &send->publish));
    send->phase = GW_PHASE_NONE;
    send->repeat = false;
    gw_list_init(&send->link);
    if (send->publish.qos == 0 && client->state != GW_CLIENT_CONNECTED)
        return GW_AGAIN;
    gw_packet_id before = client->last_id;
    send->publish.packet_id = gw_delivery_next_id(client);
    if (send->publish.packet_id == 0)
        return GW_AGAIN;
    if (send->publish.qos == 0) {
        enum gw_status status = gw_emit_publish(client, &send->publish, now);
        if (status != GW_OK) {
            client->last_id = before;
            return status;
        }
        finish(client, send, GW_REASON_SUCCESS);
        return GW_OK;
    }
    send->publish.dup = false;
    send->phase = GW_PHASE_QUEUED;
    gw_list_push_back(&client->queued, &send->link);
    client->queued_count++;
    gw_delivery_pump(client, now);
    return GW_OK;
}

/* All that was in flight goes back in front of the queue as if it had never left. */
static void requeue(struct gw_client *client)
{
    gw_list_splice_back(&client->inflight, &client->queued);
    gw_list_splice_back(&client->queued, &client->inflight);
    client->queued_count += client->inflight_count;
    client->inflight_count = 0;
    GW_LIST_FOREACH (node, &client->queued) {
        send_of(node)->phase = GW_PHASE_QUEUED;
        send_of(node)->publish.dup = false;
    }
}

void gw_delivery_resume(struct gw_client *client, bool session_present, gw_mono_ns now)
{
    if (!session_present) {
        requeue(client);
        client->incoming_count = 0;
    }
    GW_LIST_FOREACH (node, &client->inflight) {
        send_of(node)->repeat = true;
    }
    gw_delivery_pump(client, now);
}

static struct gw_client_send *find(struct gw_client *client, gw_packet_id id)
{
    GW_LIST_FOREACH (node, &client->inflight) {
        if (send_of(node)->publish.packet_id == id)
            return send_of(node);
    }
    return NULL;
}

enum gw_status gw_delivery_on_ack(struct gw_client *client, const struct gw_ack *ack,
                                  gw_mono_ns now)
{
    struct gw_client_send *send = find(client, ack->packet_id);
    bool failed = ack->reason >= GW_REASON_UNSPECIFIED;
    if (ack->type == GW_PACKET_PUBREC) {
        bool ours = send && (send->phase == GW_PHASE_PUBREC || send->phase == GW_PHASE_PUBCOMP);
        if (!failed)
            GW_TRY(emit_pubrel(client, ack->packet_id,
                               ours ? GW_REASON_SUCCESS : GW_REASON_PACKET_ID_NOT_FOUND, now));
        if (!ours)
            return GW_OK;
        send->phase = GW_PHASE_PUBCOMP;
        if (!failed)
            return GW_OK;
    } else if (!send || send->phase !=
                            (ack->type == GW_PACKET_PUBACK ? GW_PHASE_PUBACK : GW_PHASE_PUBCOMP)) {
        return GW_OK; /* of an earlier connection */
    }
    if (gw_props_has(&ack->props, REASON_STRING))
        send->words = ack->props.reason_string;
    finish(client, send, ack->reason);
    gw_delivery_pump(client, now);
    return GW_OK;
}
