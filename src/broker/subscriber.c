#include "broker/subscriber.h"

#include "broker/group.h"
#include "broker/held.h"
#include "broker/interest.h"
#include "broker/journal.h"
#include "broker/registry.h"
#include "broker/replay.h"
#include "broker/rights.h"
#include "broker/whynot.h"
#include "topic/name.h"
#include "wire/subscribe.h"

#define SUBACK_HEAD_MAX 16u

static bool is_shared(struct gw_span filter)
{
    return gw_span_starts_with(filter, GW_SPAN_LIT("$share/"));
}

/* What is wrong with the whole SUBSCRIBE; reason 0 if nothing is. */
static struct gw_fault check_filter(const struct gw_guest_offer *offer,
                                    const struct gw_filter_request *request)
{
    bool shared = is_shared(request->filter);
    if (shared && request->no_local)
        return (struct gw_fault){GW_REASON_PROTOCOL_ERROR, "No Local on a shared subscription",
                                 "MQTT-3.8.3-4"};
    if (shared && !offer->shared_subscriptions)
        return (struct gw_fault){GW_REASON_SHARED_NOT_SUPPORTED, "mqtt.shared_subscriptions is off",
                                 "3.2.2.3.13"};
    if (!offer->wildcard_subscriptions && gw_filter_has_wildcard(request->filter))
        return (struct gw_fault){GW_REASON_WILDCARDS_NOT_SUPPORTED,
                                 "mqtt.wildcard_subscriptions is off", "3.2.2.3.11"};
    return (struct gw_fault){0};
}

static bool check_packet(struct gw_guest *client, const struct gw_subscribe *packet)
{
    const struct gw_config *config = gw_shard_settings(client->shard);
    bool v5 = client->peer.version == GW_VERSION_5;
    struct gw_fault fault = {0};
    if (packet->filter_count > config->limits.filters_per_packet)
        fault = (struct gw_fault){GW_REASON_QUOTA_EXCEEDED,
                                  "more filters than limits.filters_per_packet", NULL};
    else if (v5 && gw_props_has(&packet->props, SUBSCRIPTION_ID) &&
             packet->type == GW_PACKET_SUBSCRIBE && !client->offer.subscription_ids)
        fault = (struct gw_fault){GW_REASON_SUBSCRIPTION_IDS_NOT_SUPPORTED,
                                  "mqtt.subscription_ids is off", "3.2.2.3.12"};
    struct gw_reader filters = gw_reader_of(packet->filters);
    struct gw_filter_request request;
    while (v5 && fault.reason == 0 && packet->type == GW_PACKET_SUBSCRIBE &&
           gw_subscribe_next(&filters, packet->type, &request) == GW_OK)
        fault = check_filter(&client->offer, &request);
    if (fault.reason == 0)
        return true;
    gw_guest_end_fault(client, &fault);
    return false;
}

/* Adds a subscription to a filter, cut into its parts, that the session does not have. */
static enum gw_status add(struct gw_shard *shard, struct gw_session *session, struct gw_span filter,
                          const struct gw_filter_parts *parts,
                          struct gw_subscription **ret_subscription)
{
    struct gw_subscription *subscription = gw_subscription_new(session, session->handle, filter);
    if (!subscription)
        return GW_NO_MEMORY;
    subscription->shared = parts->shared;
    enum gw_status status = gw_map_insert(&shard->sessions.subscriptions, &subscription->node);
    if (status == GW_OK && !parts->shared) {
        status = gw_subindex_add(shard->routes.index, parts->filter, &subscription->target.entry);
        if (status == GW_OK)
            gw_interest_add(shard, parts->filter, shard->index, session->serial != 0);
        else
            gw_map_remove(&shard->sessions.subscriptions, &subscription->node);
    }
    if (status != GW_OK) {
        gw_subscription_free(subscription);
        return status;
    }
    gw_list_push_back(&session->subscriptions, &subscription->link);
    session->subscription_count++;
    gw_metrics_add(&shard->metrics, GW_METRIC_SUBSCRIPTIONS, 1);
    gw_shard_count_state(shard, (int64_t)gw_subscription_bytes(subscription));
    if (parts->shared) {
        session->shared_count++;
        gw_metrics_add(&shard->metrics, GW_METRIC_SHARED_SUBSCRIPTIONS, 1);
    }
    *ret_subscription = subscription;
    return GW_OK;
}

static enum gw_status add_new(struct gw_guest *client, const struct gw_filter_request *request,
                              const struct gw_filter_parts *parts,
                              struct gw_subscription **ret_subscription)
{
    struct gw_shard *shard = client->shard;
    struct gw_session *session = client->session;
    if (session->subscription_count >= gw_shard_settings(shard)->limits.subscriptions ||
        gw_shard_memory_full(shard))
        return GW_LIMIT;
    return add(shard, session, request->filter, parts, ret_subscription);
}

enum gw_status gw_subscriber_restore(struct gw_shard *shard, struct gw_session *session,
                                     struct gw_span filter,
                                     const struct gw_subscription_options *options)
{
    struct gw_filter_parts parts;
    struct gw_subscription *subscription;
    GW_TRY(gw_filter_split(filter, 0, &parts));
    GW_TRY(add(shard, session, filter, &parts, &subscription));
    subscription->options = *options;
    if (parts.shared)
        gw_group_join(shard, subscription, true);
    return GW_OK;
}

static bool wants_retained(const struct gw_guest_offer *offer,
                           const struct gw_filter_request *request, bool shared, bool is_new)
{
    if (shared || !offer->retain)
        return false;
    return request->retain_handling == GW_RETAIN_SEND ||
           (request->retain_handling == GW_RETAIN_SEND_IF_NEW && is_new);
}

/* Subscribes to one filter; returns its reason code. */
static uint8_t subscribe(struct gw_guest *client, const struct gw_filter_request *request,
                         uint32_t id, bool *ret_retained)
{
    struct gw_shard *shard = client->shard;
    struct gw_session *session = client->session;
    const struct gw_guest_offer *offer = &client->offer;
    struct gw_filter_parts parts;
    *ret_retained = false;
    enum gw_status status =
        gw_filter_split(request->filter, gw_shard_settings(shard)->limits.topic_levels, &parts);
    if (status != GW_OK || parts.filter.size > gw_shard_settings(shard)->limits.size.topic)
        return GW_REASON_TOPIC_FILTER_INVALID;
    if ((parts.shared && !offer->shared_subscriptions) ||
        (!offer->wildcard_subscriptions && gw_filter_has_wildcard(parts.filter)))
        return GW_REASON_IMPLEMENTATION_SPECIFIC;
    struct gw_access_verdict grant = gw_rights_grant(client, parts.filter);
    if (!grant.allowed)
        return GW_REASON_NOT_AUTHORIZED;

    struct gw_subscription *subscription =
        gw_subscription_find(&shard->sessions.subscriptions, session->handle, request->filter);
    bool is_new = subscription == NULL;
    if (is_new) {
        status = add_new(client, request, &parts, &subscription);
        if (status != GW_OK)
            return status == GW_LIMIT ? GW_REASON_QUOTA_EXCEEDED : GW_REASON_UNSPECIFIED;
    }
    uint8_t qos = request->qos;
    if (qos > offer->max_qos)
        qos = offer->max_qos;
    if (qos > grant.qos_max)
        qos = grant.qos_max;
    gw_rights_on_subscribed(subscription, &grant);
    subscription->options = (struct gw_subscription_options){
        .id = id,
        .qos = qos,
        .no_local = request->no_local || client->peer.bridge,
        .retain_as_published = request->retain_as_published || client->peer.bridge,
    };
    gw_journal_subscribe(shard, subscription);
    if (parts.shared)
        gw_group_join(shard, subscription, is_new);
    *ret_retained = wants_retained(offer, request, parts.shared, is_new);
    return qos;
}

/* Answers with one reason code for each filter. */
static void send_suback(struct gw_guest *client, const struct gw_subscribe *packet,
                        struct gw_span reasons, struct gw_span words)
{
    struct gw_suback suback = {
        .type = packet->type == GW_PACKET_SUBSCRIBE ? GW_PACKET_SUBACK : GW_PACKET_UNSUBACK,
        .packet_id = packet->packet_id,
        .reasons = reasons,
    };
    bool durable = client->session->serial != 0;
    if (durable && client->peer.tell_durability)
        suback.props.raw = gw_durability_property(GW_DURABILITY_DISK);
    if (words.size > 0) {
        suback.props.present = GW_PROP_BIT(REASON_STRING);
        suback.props.reason_string = words;
    }
    size_t room = SUBACK_HEAD_MAX + reasons.size + gw_props_size(&suback.props);
    uint8_t *memory = gw_guest_reserve(client, room);
    if (!memory)
        return;
    struct gw_writer w = gw_writer_of(memory, room);
    size_t size = gw_suback_encode_within(&w, (enum gw_version)client->peer.version, &suback,
                                          client->peer.packet_max);
    if (client->peer.version == GW_VERSION_5 && size > client->peer.packet_max) {
        gw_conn_commit(client->conn, 0);
        gw_guest_end(client, GW_REASON_PACKET_TOO_LARGE,
                     "SUBACK does not fit the client's maximum packet size", NULL);
        return;
    }
    if (!durable) {
        gw_guest_commit(client, size);
        return;
    }
    gw_held_send_bytes(client, gw_span_of(memory, size), GW_DURABILITY_DISK);
}

/* Why a filter was refused, for the Reason String. */
static struct gw_span words_of(const struct gw_guest *client, uint8_t reason, struct gw_span filter,
                               char text[GW_WHYNOT_MAX])
{
    switch (reason) {
    case GW_REASON_NOT_AUTHORIZED: return gw_whynot_access(client, false, filter, text);
    case GW_REASON_TOPIC_FILTER_INVALID:
        return gw_whynot_words(client, "a filter is not valid, or has more levels or bytes than "
                                       "limits.topic_levels or limits.size.topic");
    case GW_REASON_QUOTA_EXCEEDED:
        return gw_whynot_words(client, "limits.subscriptions is reached, or limits.memory used up");
    default: return GW_SPAN_NONE;
    }
}

static bool decode(struct gw_guest *client, const struct gw_frame *frame,
                   struct gw_subscribe *ret_packet)
{
    struct gw_fault fault;
    if (gw_subscribe_decode(frame->header.type, frame->body, (enum gw_version)client->peer.version,
                            gw_shard_settings(client->shard)->limits.user_properties, ret_packet,
                            &fault) == GW_OK)
        return check_packet(client, ret_packet);
    gw_guest_end_fault(client, &fault);
    return false;
}

/* Room in the shard's scratch for a reason code and a mark for each filter. */
static uint8_t *reasons_for(struct gw_guest *client, uint32_t filter_count)
{
    struct gw_buf *scratch = &client->shard->scratch_in;
    gw_buf_clear(scratch);
    if (gw_buf_reserve(scratch, filter_count * (size_t)2) == GW_OK)
        return scratch->data;
    gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
    return NULL;
}

void gw_subscriber_on_subscribe(struct gw_guest *client, const struct gw_frame *frame,
                                gw_mono_ns now)
{
    struct gw_subscribe packet;
    (void)now;
    if (!decode(client, frame, &packet))
        return;
    uint8_t *reasons = reasons_for(client, packet.filter_count);
    if (!reasons)
        return;
    gw_shard_measure(client->shard); /* many SUBSCRIBE may come in one turn */
    bool has_id =
        client->peer.version == GW_VERSION_5 && gw_props_has(&packet.props, SUBSCRIPTION_ID);
    uint32_t id = has_id ? packet.props.subscription_id : 0;
    uint8_t *retained = reasons + packet.filter_count;
    struct gw_reader filters = gw_reader_of(packet.filters);
    struct gw_filter_request request;
    char text[GW_WHYNOT_MAX];
    struct gw_span words = GW_SPAN_NONE; /* of the first that was refused */
    for (uint32_t i = 0; gw_subscribe_next(&filters, packet.type, &request) == GW_OK; i++) {
        bool wanted;
        reasons[i] = subscribe(client, &request, id, &wanted);
        retained[i] = wanted;
        if (reasons[i] >= GW_REASON_UNSPECIFIED && words.size == 0)
            words = words_of(client, reasons[i], request.filter, text);
    }
    send_suback(client, &packet, gw_span_of(reasons, packet.filter_count), words);
    filters = gw_reader_of(packet.filters);
    for (uint32_t i = 0; gw_subscribe_next(&filters, packet.type, &request) == GW_OK; i++)
        if (retained[i] && gw_replay_start(client->shard, client->session, request.filter) != GW_OK)
            gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
}

static uint8_t unsubscribe(struct gw_guest *client, struct gw_span filter)
{
    struct gw_filter_parts parts;
    struct gw_shard *shard = client->shard;
    if (gw_filter_split(filter, 0, &parts) != GW_OK) /* deep ones may be older than the limit */
        return GW_REASON_TOPIC_FILTER_INVALID;
    struct gw_subscription *subscription =
        gw_subscription_find(&shard->sessions.subscriptions, client->session->handle, filter);
    if (!subscription)
        return GW_REASON_NO_SUBSCRIPTION_EXISTED;
    gw_journal_unsubscribe(shard, subscription);
    gw_registry_unsubscribe(shard, subscription);
    return GW_REASON_SUCCESS;
}

void gw_subscriber_on_unsubscribe(struct gw_guest *client, const struct gw_frame *frame,
                                  gw_mono_ns now)
{
    struct gw_subscribe packet;
    (void)now;
    if (!decode(client, frame, &packet))
        return;
    uint8_t *reasons = reasons_for(client, packet.filter_count);
    if (!reasons)
        return;
    struct gw_reader filters = gw_reader_of(packet.filters);
    struct gw_filter_request request;
    for (uint32_t i = 0; gw_subscribe_next(&filters, packet.type, &request) == GW_OK; i++)
        reasons[i] = unsubscribe(client, request.filter);
    send_suback(client, &packet, gw_span_of(reasons, packet.filter_count), GW_SPAN_NONE);
}
