#include "sim/simclient.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "wire/ack.h"
#include "wire/connect.h"
#include "wire/disconnect.h"
#include "wire/publish.h"
#include "wire/subscribe.h"

#define OUT_MAX      ((size_t)256 * 1024)
#define PACKET_MAX   2048u
#define IDS          80u
#define FLIGHT_USUAL 8u
#define LAZY_STEPS   800u

static bool chance(struct simclient *client, unsigned one_in)
{
    return gw_random_below(client->random, one_in) == 0;
}

void simclient_init(struct simclient *client, unsigned index, struct simnet *net,
                    struct model *model, struct gw_random *random)
{
    *client = (struct simclient){.net = net, .model = model, .random = random, .index = index};
    client->version = index % 2 ? GW_VERSION_5 : GW_VERSION_311;
    client->member = index < MODEL_STEADY;
    client->lives_on = index < 6;
    client->times.expiry = UINT32_MAX;
    gw_assembler_init(&client->in, (uint32_t)OUT_MAX);
    gw_assembler_set(&client->in, client->version, (uint32_t)OUT_MAX);
    gw_buf_init(&client->out, OUT_MAX);
    gw_idset_init(&client->received);
}

void simclient_fini(struct simclient *client)
{
    gw_assembler_fini(&client->in);
    gw_buf_fini(&client->out);
    gw_idset_fini(&client->received);
}

/* -- writing -- */

static void put(struct simclient *client, const uint8_t *bytes, size_t size)
{
    GW_ASSERT(size > 0);
    enum gw_status status = gw_buf_append(&client->out, gw_span_of(bytes, size));
    GW_ASSERT(status == GW_OK);
}

static void flush(struct simclient *client)
{
    if (client->state == SIMCLIENT_OFF || client->out.size == 0)
        return;
    size_t taken = simnet_write(client->net, client->end, client->out.data, client->out.size);
    gw_buf_consume(&client->out, taken);
}

static void put_ack(struct simclient *client, enum gw_packet_type type, gw_packet_id id)
{
    uint8_t bytes[16];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_ack ack = {.type = type, .packet_id = id};
    put(client, bytes, gw_ack_encode(&w, client->version, &ack));
}

static gw_packet_id fresh_id(struct simclient *client)
{
    for (;;) {
        if (++client->last_id > IDS) /* soon used again: nothing may remember an old one */
            client->last_id = 1;
        bool used = client->request.id == client->last_id;
        for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++)
            used |= client->flight[i].id == client->last_id;
        if (!used)
            return client->last_id;
    }
}

/* Its time begins anew with each sending. */
static void tell_expiry(const struct simclient *client,
                        const struct simclient_publication *publication)
{
    if (publication->expiry > 0)
        model_on_expiry(client->model, publication->message,
                        simnet_now(client->net) + publication->expiry * GW_NS_PER_S);
}

static void put_publish(struct simclient *client, const struct simclient_publication *publication,
                        bool dup)
{
    uint8_t bytes[PACKET_MAX];
    uint8_t payload[MODEL_PAYLOAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    size_t size = model_write_payload(publication->message, payload);
    struct gw_publish packet = {
        .dup = dup,
        .retain = publication->retain,
        .qos = publication->qos,
        .packet_id = publication->id,
        .topic_name = gw_span_str(model_topics[publication->topic]),
        .payload = gw_span_of(payload, publication->deletes ? 0 : size),
    };
    if (publication->expiry > 0) {
        packet.props.present = GW_PROP_BIT(MESSAGE_EXPIRY);
        packet.props.message_expiry = publication->expiry;
    }
    size_t head = gw_publish_encode_head(&w, &packet, client->version);
    put(client, bytes, head);
    if (packet.payload.size > 0)
        put(client, packet.payload.data, packet.payload.size);
}

/* -- connecting and leaving -- */

static void forget_connection(struct simclient *client)
{
    client->times.unsure_at = simnet_now(client->net);
    client->times.unsure_step = model_step(client->model);
    if (client->state != SIMCLIENT_CONNECTING)
        client->times.broken_at =
            client->times.up_at; /* the broker may know it earlier than its client */
    else if (client->times.expiry != UINT32_MAX || client->times.wanted != UINT32_MAX ||
             (client->has_session && !client->durable))
        client->wants_clean = true; /* is it the old session, or had that ended? */
    client->state = SIMCLIENT_OFF;
    model_on_link_ended(client->model, client->index);
    client->asleep = chance(client, 6) ? (unsigned)gw_random_below(client->random, 2500) : 0;
    client->ack_count = 0;
    client->unacknowledged = 0;
    client->request.id = 0;
    gw_assembler_fini(&client->in);
    gw_assembler_init(&client->in, (uint32_t)OUT_MAX);
    gw_assembler_set(&client->in, client->version, (uint32_t)OUT_MAX);
    gw_buf_clear(&client->out);
}

static void lose_session(struct simclient *client)
{
    for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++) {
        if (client->flight[i].id != 0)
            model_on_given_up(client->model, client->flight[i].message);
        client->flight[i].id = 0;
    }
    gw_idset_fini(&client->received);
    client->times.ghost |= client->troubled && client->has_session;
    client->wants_clean |= client->times.ghost;
    client->has_session = false;
    model_on_session_lost(client->model, client->index);
}

/* How long its session is to outlive the connection: some change their minds each time. */
static uint32_t choose_expiry(struct simclient *client)
{
    static const uint32_t some[] = {0, 1, 1, 2, UINT32_MAX};
    if (client->version != GW_VERSION_5 || !client->lives_on || client->member)
        return UINT32_MAX;
    if (client->index == 5 || chance(client, 6))
        return some[gw_random_below(client->random, GW_COUNT_OF(some))];
    return UINT32_MAX;
}

/* The connection is gone: its will is due, or begins to wait. */
static void leave_will(struct simclient *client, bool certain)
{
    uint32_t expiry = client->durable ? client->times.expiry : 0;
    uint32_t delay = client->will.delay < expiry ? client->will.delay : expiry;
    uint32_t number = client->will.number;
    uint32_t sooner = delay;
    if (client->state == SIMCLIENT_CONNECTING) { /* the new expiry may hold already */
        uint32_t wanted = client->lives_on ? client->times.wanted : 0;
        sooner = wanted < delay ? wanted : delay;
    }
    client->will.number = 0;
    if (number != 0 && delay == 0) {
        model_on_will_due(client->model, number - 1, certain, client->durable);
    } else if (number != 0) {
        if (client->will.waiting != 0) /* CONNECT may have come, or not: either may go out */
            model_on_will_freed(client->model, client->will.waiting - 1);
        client->will.waiting = number;
        client->will.waiting_delay = delay;
        model_on_will_waits(client->model, number - 1, client->durable,
                            client->times.up_at + sooner * GW_NS_PER_S);
    }
}

/* The client is back: was it in time to call its will off, or could it not be? */
static void judge_waiting(struct simclient *client, bool present)
{
    gw_mono_ns delay = client->will.waiting_delay * GW_NS_PER_S;
    uint32_t number = client->will.waiting;
    client->will.waiting = 0;
    if (number == 0 || !present)
        return;
    if (simnet_now(client->net) < client->times.broken_at + delay)
        model_on_will_discarded(client->model, number - 1);
    else if (client->times.asked_at > client->times.unsure_at + delay + GW_NS_PER_S)
        model_on_will_certain(client->model, number - 1);
}

static void set_will(struct simclient *client, struct gw_connect *packet,
                     uint8_t payload[MODEL_PAYLOAD_MAX])
{
    packet->has_will = true;
    packet->will.qos = (uint8_t)gw_random_below(client->random, 3);
    client->will.delay = 0;
    if (client->version == GW_VERSION_5 && client->lives_on && chance(client, 2)) {
        client->will.delay = 1 + (uint32_t)gw_random_below(client->random, 2);
        packet->will.props.present = GW_PROP_BIT(WILL_DELAY);
        packet->will.props.will_delay = client->will.delay;
    }
    client->will.number = model_on_will(client->model, client->index, packet->will.qos) + 1;
    size_t size = model_write_payload(client->will.number - 1, payload);
    packet->will.topic_name = GW_SPAN_LIT("w/will");
    packet->will.payload = gw_span_of(payload, size);
}

static void connect_now(struct simclient *client)
{
    uint8_t bytes[PACKET_MAX];
    char id[16];
    uint8_t will[MODEL_PAYLOAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    int size = snprintf(id, sizeof(id), "sim-%u", client->index);
    struct gw_connect packet = {
        .version = client->version,
        .clean_start =
            !client->lives_on || (!client->member && chance(client, 40)) || client->wants_clean,
        .keep_alive = 0,
        .client_id = gw_span_of(id, (size_t)size),
    };
    client->asked_clean = client->wants_clean = packet.clean_start;
    if (packet.clean_start)
        model_on_connect(client->model, client->index);
    client->receive_max = UINT16_MAX;
    client->times.wanted = choose_expiry(client);
    client->times.asked_at = simnet_now(client->net);
    if (packet.clean_start && client->will.waiting != 0) /* goes out with its session */
        model_on_will_freed(client->model, client->will.waiting - 1);
    if (client->version == GW_VERSION_5) {
        client->receive_max = 1 + (unsigned)gw_random_below(client->random, 6);
        packet.props.present = GW_PROP_BIT(RECEIVE_MAXIMUM) | GW_PROP_BIT(SESSION_EXPIRY) |
                               GW_PROP_BIT(TOPIC_ALIAS_MAXIMUM);
        packet.props.receive_maximum = (uint16_t)client->receive_max;
        packet.props.session_expiry = client->lives_on ? client->times.wanted : 0;
        packet.props.topic_alias_maximum = 0;
    }
    client->will.number = 0;
    if (!model_full(client->model) && chance(client, 3))
        set_will(client, &packet, will);
    gw_assembler_set(&client->in, client->version, (uint32_t)OUT_MAX);
    client->end = simnet_connect(client->net);
    client->state = SIMCLIENT_CONNECTING;
    put(client, bytes, gw_connect_encode(&w, &packet));
}

/* The connection breaks: the will is due if the broker had accepted it. */
static void broken(struct simclient *client)
{
    bool certain = client->state == SIMCLIENT_ON && !client->troubled;
    leave_will(client, certain);
    forget_connection(client);
    if (!client->lives_on)
        lose_session(client);
}

static void cut(struct simclient *client)
{
    model_note(client->model, "client %u: its connection is cut", client->index);
    simnet_cut(client->net, client->end);
    if (!client->troubled)
        client->times.up_at = simnet_now(client->net);
    broken(client);
}

void simclient_leave(struct simclient *client)
{
    uint8_t bytes[16];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_disconnect packet = {.type = GW_PACKET_DISCONNECT};
    if (client->state == SIMCLIENT_CONNECTING)
        cut(client);
    if (client->state != SIMCLIENT_ON)
        return;
    put(client, bytes, gw_disconnect_encode(&w, client->version, &packet));
    client->times.up_at = simnet_now(client->net);
    client->state = SIMCLIENT_LEAVING;
}

/* Waits for the broker to close, as it must after DISCONNECT; only then is the will surely gone. */
static void go_on_leaving(struct simclient *client)
{
    uint8_t bytes[1024];
    bool ended = false;
    flush(client);
    while (simnet_read(client->net, client->end, bytes, sizeof(bytes), &ended) > 0)
        continue;
    if (!ended)
        return;
    if (client->troubled)
        leave_will(client, false);
    else if (client->will.number != 0)
        model_on_will_discarded(client->model, client->will.number - 1);
    client->will.number = 0;
    simnet_finish(client->net, client->end);
    forget_connection(client);
    if (!client->lives_on)
        lose_session(client);
}

/* Everything in flight once more, in the order in which it was first sent (MQTT-4.6.0-1). */
static void send_again(struct simclient *client)
{
    uint32_t from = 0;
    for (;;) {
        struct simclient_publication *next = NULL;
        for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++) {
            struct simclient_publication *publication = &client->flight[i];
            if (publication->id != 0 && publication->message >= from &&
                (!next || publication->message < next->message))
                next = publication;
        }
        if (!next)
            return;
        from = next->message + 1;
        if (next->released) {
            put_ack(client, GW_PACKET_PUBREL, next->id);
        } else {
            model_on_resend(client->model, next->message);
            tell_expiry(client, next);
            put_publish(client, next, true);
        }
    }
}

static void resume(struct simclient *client, bool present)
{
    gw_mono_ns now = simnet_now(client->net);
    bool kept = client->has_session && client->durable && !client->unsure && !client->asked_clean &&
                now - client->times.broken_at < client->times.expiry * GW_NS_PER_S;
    if (!present && kept && client->times.broken_at != 0 && !model_damaged(client->model))
        model_fail(client->model, "client %u: its session is gone", client->index);
    if (!present && (client->has_session || client->lives_on))
        lose_session(client);
    if (present && client->asked_clean)
        model_fail(client->model, "client %u: session present after a clean start", client->index);
    if (present && client->times.expiry != UINT32_MAX &&
        now - client->times.unsure_at > (client->times.expiry + 1) * GW_NS_PER_S)
        model_fail(client->model, "client %u: its session has not ended", client->index);
    client->times.ghost &= client->troubled || !client->asked_clean;
    client->wants_clean = client->times.ghost;
    client->times.seems_online = false;
    client->unsure = client->troubled; /* a full disk holds no CONNACK back */
    client->durable = client->version == GW_VERSION_5 ? client->lives_on && client->times.wanted > 0
                                                      : !client->asked_clean;
    judge_waiting(client, present);
    client->times.expiry = client->times.wanted;
    model_note(client->model, "client %u is connected, session %s", client->index,
               present ? "present" : "new");
    client->has_session = true;
    client->state = SIMCLIENT_ON;
    send_again(client);
}

/* -- what arrives -- */

static void owe(struct simclient *client, enum gw_packet_type type, gw_packet_id id,
                uint32_t message)
{
    GW_ASSERT(client->ack_count < SIMCLIENT_ACKS_MAX);
    client->acks[client->ack_count].type = type;
    client->acks[client->ack_count].message = message;
    client->acks[client->ack_count++].id = id;
}

static void on_publish(struct simclient *client, const struct gw_frame *frame)
{
    struct gw_publish packet;
    struct gw_fault fault;
    if (gw_publish_decode(&frame->header, frame->body, client->version, true, 64, &packet,
                          &fault) != GW_OK)
        model_fail(client->model, "client %u: bad PUBLISH: %s", client->index, fault.what);
    uint32_t settles = 0;
    if (packet.payload.size > 0) {
        uint32_t number = model_read_payload(client->model, packet.payload);
        bool known = packet.qos == 2 && gw_idset_has(&client->received, packet.packet_id);
        model_check_topic(client->model, client->index, number, packet.topic_name);
        if (!known)
            model_on_delivery(client->model, client->index, number, packet.qos, packet.dup,
                              packet.retain);
        if (packet.qos == 1 && !packet.retain)
            settles = number + 1;
    }
    if (packet.qos == 0)
        return;
    if (++client->unacknowledged > client->receive_max)
        model_fail(client->model, "client %u: %u unacknowledged, receive maximum %u", client->index,
                   client->unacknowledged, client->receive_max);
    if (packet.qos == 2 && gw_idset_add(&client->received, packet.packet_id) == GW_NO_MEMORY)
        abort();
    owe(client, packet.qos == 1 ? GW_PACKET_PUBACK : GW_PACKET_PUBREC, packet.packet_id, settles);
}

/* The broker does not take a publication. */
static void refused(struct simclient *client, struct simclient_publication *publication,
                    uint8_t reason)
{
    model_note(client->model, "message %u is refused: 0x%02x", publication->message, reason);
    if (!client->troubled)
        model_fail(client->model, "client %u: message %u is refused: 0x%02x", client->index,
                   publication->message, reason);
    model_on_given_up(client->model, publication->message);
    publication->id = 0;
}

static void on_ack(struct simclient *client, const struct gw_frame *frame)
{
    struct gw_ack ack;
    struct gw_fault fault;
    if (gw_ack_decode(frame->header.type, frame->body, client->version, true, &ack, &fault) !=
        GW_OK)
        model_fail(client->model, "client %u: bad acknowledgement: %s", client->index, fault.what);
    if (ack.type == GW_PACKET_PUBREL) {
        (void)gw_idset_remove(&client->received, ack.packet_id);
        owe(client, GW_PACKET_PUBCOMP, ack.packet_id, 0);
        return;
    }
    for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++) {
        struct simclient_publication *publication = &client->flight[i];
        if (publication->id != ack.packet_id)
            continue;
        if (ack.reason >= 0x80 && ack.type != GW_PACKET_PUBCOMP) {
            refused(client, publication, ack.reason);
        } else if (ack.type == GW_PACKET_PUBREC) {
            publication->released = true;
            put_ack(client, GW_PACKET_PUBREL, ack.packet_id);
        } else {
            model_on_acknowledged(client->model, publication->message);
            publication->id = 0;
        }
        return;
    }
    model_fail(client->model, "client %u: acknowledgement for unknown id %u", client->index,
               ack.packet_id);
}

static void on_suback(struct simclient *client, const struct gw_frame *frame)
{
    struct gw_suback packet;
    struct gw_fault fault;
    if (gw_suback_decode(frame->header.type, frame->body, client->version, &packet, &fault) !=
            GW_OK ||
        packet.packet_id != client->request.id)
        model_fail(client->model, "client %u: SUBACK that fits nothing", client->index);
    client->request.id = 0;
    bool taken = client->version != GW_VERSION_5 && !client->request.subscribe;
    taken |= packet.reasons.size > 0 && packet.reasons.data[0] < 0x80;
    if (!taken && !client->troubled)
        model_fail(client->model, "client %u: SUBACK 0x%02x", client->index,
                   packet.reasons.size > 0 ? packet.reasons.data[0] : 0);
    if (!taken)
        return;
    if (client->request.subscribe)
        model_on_suback(client->model, client->index, client->request.filter);
    else
        model_on_unsuback(client->model, client->index, client->request.filter);
}

static void on_frame(struct simclient *client, const struct gw_frame *frame)
{
    struct gw_connack connack;
    struct gw_fault fault;
    switch (frame->header.type) {
    case GW_PACKET_CONNACK:
        if (gw_connack_decode(frame->body, client->version, &connack, &fault) != GW_OK ||
            (connack.reason != 0 && !client->troubled) || client->state != SIMCLIENT_CONNECTING)
            model_fail(client->model, "client %u: CONNACK %u", client->index, connack.reason);
        if (connack.reason == 0)
            resume(client, connack.session_present);
        break;
    case GW_PACKET_PUBLISH: on_publish(client, frame); break;
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP: on_ack(client, frame); break;
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK: on_suback(client, frame); break;
    case GW_PACKET_DISCONNECT:
        if (!client->troubled)
            model_fail(client->model, "client %u: DISCONNECT %u", client->index,
                       frame->body.size > 0 ? frame->body.data[0] : 0);
        break;
    default: model_fail(client->model, "client %u: packet %u", client->index, frame->header.type);
    }
}

/* Returns true if the connection has ended. */
static bool read_all(struct simclient *client)
{
    uint8_t bytes[1024];
    bool ended = false;
    size_t size;
    while (client->state != SIMCLIENT_OFF && client->ack_count + 128 < SIMCLIENT_ACKS_MAX &&
           (size = simnet_read(client->net, client->end, bytes, sizeof(bytes), &ended)) > 0) {
        struct gw_span span = gw_span_of(bytes, size);
        struct gw_frame frame;
        struct gw_fault fault;
        client->times.up_at = simnet_now(client->net);
        while (client->state != SIMCLIENT_OFF &&
               gw_assembler_next(&client->in, &span, &frame, &fault) == GW_OK)
            on_frame(client, &frame);
    }
    return ended;
}

static void look(struct simclient *client)
{
    if (!read_all(client))
        return;
    if (!client->troubled)
        model_fail(client->model, "client %u: the broker closed the connection", client->index);
    model_note(client->model, "client %u: the broker closed the connection", client->index);
    simnet_finish(client->net, client->end);
    broken(client);
}

/* -- the broker's process -- */

void simclient_on_crash(struct simclient *client)
{
    if (client->state == SIMCLIENT_CONNECTING || client->state == SIMCLIENT_ON) {
        while (!read_all(client))
            client->ack_count = 0; /* nobody is there to have them */
    }
    for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++)
        if (client->flight[i].id != 0 && !client->flight[i].released)
            model_on_crossed(client->model, client->flight[i].message);
    if (client->state == SIMCLIENT_OFF)
        return;
    leave_will(client, client->state == SIMCLIENT_ON && client->durable && !client->unsure);
    simnet_finish(client->net, client->end);
    broken(client);
}

void simclient_on_restart(struct simclient *client)
{
    client->times.seems_online |= model_is_recent(client->model, client->times.unsure_step);
    if (client->times.seems_online)
        client->times.unsure_at = simnet_now(client->net);
}

/* -- what it does of itself -- */

static void give_acks(struct simclient *client, bool all)
{
    unsigned count =
        all ? client->ack_count : (unsigned)gw_random_below(client->random, client->ack_count + 1u);
    for (unsigned i = 0; i < count; i++) {
        enum gw_packet_type type = client->acks[i].type;
        put_ack(client, type, client->acks[i].id);
        if (client->acks[i].message != 0)
            model_on_settled(client->model, client->index, client->acks[i].message - 1);
        if (type != GW_PACKET_PUBREC && client->unacknowledged > 0)
            client->unacknowledged--;
    }
    client->ack_count -= count;
    memmove(client->acks, client->acks + count, client->ack_count * sizeof(client->acks[0]));
}

/* Something new under the chosen slot; not if that is taken, or the topic is another's. */
static void publish(struct simclient *client, unsigned slot)
{
    unsigned topic = (unsigned)gw_random_below(client->random, MODEL_TOPICS - 1);
    struct simclient_publication publication = {.qos = (uint8_t)gw_random_below(client->random, 3)};
    if (model_full(client->model) || client->flight[slot].id != 0)
        return;
    if (model_topic_retained(topic)) { /* one writer each, so that the last write is known */
        topic = 4 + client->index % 4;
        if (client->index >= 4 || publication.qos == 0)
            return;
        for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++)
            if (client->flight[i].id != 0 && client->flight[i].topic == topic)
                return;
        publication.retain = true;
        publication.deletes = chance(client, 3);
    }
    publication.topic = (uint8_t)topic;
    publication.message = model_on_publish(client->model, client->index, topic, publication.qos,
                                           publication.retain, publication.deletes);
    if (client->version == GW_VERSION_5 && chance(client, 8))
        publication.expiry = 1 + (uint32_t)gw_random_below(client->random, 2);
    tell_expiry(client, &publication);
    if (publication.qos > 0)
        publication.id = fresh_id(client);
    put_publish(client, &publication, false);
    if (publication.qos > 0)
        client->flight[slot] = publication;
}

static void flood(struct simclient *client)
{
    for (unsigned slot = 0; slot < SIMCLIENT_IN_FLIGHT && client->out.size < OUT_MAX / 2; slot++)
        publish(client, slot);
}

static void request(struct simclient *client)
{
    uint8_t bytes[PACKET_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    unsigned filter = (unsigned)gw_random_below(client->random, MODEL_FILTERS);
    bool shared = model_filter_shared(filter);
    bool subscribe = !chance(client, 4);
    if (client->request.id != 0 ||
        (shared && filter != MODEL_FREE_GROUP && client->member && !subscribe))
        return;
    struct gw_filter_request wanted = {
        .filter = gw_span_str(model_filters[filter]),
        /* QoS 2 may go down with the session of whoever comes and goes (MQTT-4.8.2-5), QoS 0 too.
         */
        .qos = !shared || filter == MODEL_FREE_GROUP ? (uint8_t)gw_random_below(client->random, 3)
               : client->member                      ? 2
                                                     : 1,
    };
    struct gw_props props = {.present = 0};
    enum gw_packet_type type = subscribe ? GW_PACKET_SUBSCRIBE : GW_PACKET_UNSUBSCRIBE;
    client->request = (struct simclient_request){fresh_id(client), (uint8_t)filter, subscribe};
    put(client, bytes,
        gw_subscribe_encode(&w, client->version, type, client->request.id, &props, &wanted, 1));
    if (subscribe)
        model_on_subscribe(client->model, client->index, filter, wanted.qos);
    else
        model_on_unsubscribe(client->model, client->index, filter);
}

static void act(struct simclient *client)
{
    switch (gw_random_below(client->random, 24)) {
    case 0: request(client); break;
    case 1:
        if (chance(client, 8))
            cut(client);
        break;
    case 2:
        if (chance(client, 8))
            simclient_leave(client);
        break;
    case 3:
        if (chance(client, 12)) { /* comes again without having gone */
            int abandoned = client->end;
            broken(client);
            connect_now(client);
            simnet_finish(client->net, abandoned);
        }
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        if (client->lazy == 0)
            give_acks(client, false);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
    case 12: publish(client, (unsigned)gw_random_below(client->random, FLIGHT_USUAL)); break;
    case 13:
        if (client->floods && chance(client, 4))
            flood(client);
        break;
    case 14:
        if (chance(client, 16))
            client->lazy = (unsigned)gw_random_below(client->random, LAZY_STEPS);
        break;
    default: break;
    }
}

void simclient_step(struct simclient *client, bool calm)
{
    if (client->state == SIMCLIENT_LEAVING) {
        go_on_leaving(client);
        return;
    }
    if (client->state == SIMCLIENT_OFF && client->asleep > 0 && !calm) {
        client->asleep--;
    } else if (client->state == SIMCLIENT_OFF) {
        if (calm || chance(client, 10))
            connect_now(client);
    } else if (client->state == SIMCLIENT_ON && !calm) {
        client->lazy -= client->lazy > 0;
        act(client);
    }
    if (client->state == SIMCLIENT_OFF)
        return;
    if (calm || !chance(client, 4))
        look(client);
    if (calm && client->state == SIMCLIENT_ON)
        give_acks(client, true);
    flush(client);
}

bool simclient_rests(const struct simclient *client)
{
    if (client->state != SIMCLIENT_ON || client->out.size > 0 || client->ack_count > 0 ||
        client->request.id != 0 || client->received.count > 0)
        return false;
    for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++)
        if (client->flight[i].id != 0)
            return false;
    return true;
}

void simclient_note(const struct simclient *client)
{
    model_note(client->model, "client %u: state %u, out %zu, acks %u, request %u, received %u",
               client->index, client->state, client->out.size, client->ack_count,
               client->request.id, client->received.count);
    for (unsigned i = 0; i < SIMCLIENT_IN_FLIGHT; i++)
        if (client->flight[i].id != 0)
            model_note(client->model, "client %u: message %u under %u, released %u", client->index,
                       client->flight[i].message, client->flight[i].id, client->flight[i].released);
}
