/* wire: the body of every packet, in every version and both directions, out of any bytes. What is
 * refused is refused with a proper fault; what passes is written, read again and means the same,
 * and written once more it is the same bytes.
 *
 * Input: version and direction, first byte of the packet, body. */
#include "wire.h"

#include "wire/ack.h"
#include "wire/connect.h"
#include "wire/disconnect.h"
#include "wire/publish.h"
#include "wire/subscribe.h"

struct config {
    enum gw_version version;
    bool from_server;
    uint32_t users_max;
};

struct packet {
    enum gw_packet_type type;
    union {
        struct gw_connect connect;
        struct gw_connack connack;
        struct gw_publish publish;
        struct gw_ack ack;
        struct gw_subscribe subscribe;
        struct gw_suback suback;
        struct gw_disconnect disconnect;
    } as;
};

static enum gw_status decode(const struct gw_header *header, struct gw_span body,
                             const struct config *config, struct packet *packet,
                             struct gw_fault *fault)
{
    enum gw_version version = config->version;
    packet->type = header->type;
    switch (header->type) {
    case GW_PACKET_CONNECT:
        return gw_connect_decode(body, config->users_max, &packet->as.connect, fault);
    case GW_PACKET_CONNACK: return gw_connack_decode(body, version, &packet->as.connack, fault);
    case GW_PACKET_PUBLISH:
        return gw_publish_decode(header, body, version, config->from_server, config->users_max,
                                 &packet->as.publish, fault);
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP:
        return gw_ack_decode(header->type, body, version, config->from_server, &packet->as.ack,
                             fault);
    case GW_PACKET_SUBSCRIBE:
    case GW_PACKET_UNSUBSCRIBE:
        return gw_subscribe_decode(header->type, body, version, config->users_max,
                                   &packet->as.subscribe, fault);
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK:
        return gw_suback_decode(header->type, body, version, &packet->as.suback, fault);
    case GW_PACKET_DISCONNECT:
    case GW_PACKET_AUTH:
        return gw_disconnect_decode(header->type, body, version, config->from_server,
                                    &packet->as.disconnect, fault);
    case GW_PACKET_PINGREQ:
    case GW_PACKET_PINGRESP:
    case GW_PACKET_RESERVED: break;
    }
    return GW_OK; /* the header is all there is */
}

/* The property sets of a packet: one, with a will two, none in pings. */
static size_t props_of(struct packet *packet, struct gw_props *sets[2])
{
    switch (packet->type) {
    case GW_PACKET_CONNECT:
        sets[0] = &packet->as.connect.props;
        sets[1] = &packet->as.connect.will.props;
        return packet->as.connect.has_will ? 2 : 1;
    case GW_PACKET_CONNACK: sets[0] = &packet->as.connack.props; return 1;
    case GW_PACKET_PUBLISH: sets[0] = &packet->as.publish.props; return 1;
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP: sets[0] = &packet->as.ack.props; return 1;
    case GW_PACKET_SUBSCRIBE:
    case GW_PACKET_UNSUBSCRIBE: sets[0] = &packet->as.subscribe.props; return 1;
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK: sets[0] = &packet->as.suback.props; return 1;
    case GW_PACKET_DISCONNECT:
    case GW_PACKET_AUTH: sets[0] = &packet->as.disconnect.props; return 1;
    case GW_PACKET_PINGREQ:
    case GW_PACKET_PINGRESP:
    case GW_PACKET_RESERVED: break;
    }
    return 0;
}

static size_t encode_publish(struct gw_writer *w, const struct gw_publish *publish,
                             enum gw_version version)
{
    size_t whole = gw_publish_size(publish, version);
    size_t left = (size_t)(w->end - w->at);
    size_t head = gw_publish_encode_head(w, publish, version);
    if (head == 0 || whole > left)
        return 0;
    FUZZ_CHECK(head == gw_writer_size(w));
    gw_writer_bytes(w, publish->payload);
    FUZZ_CHECK(whole == head + publish->payload.size);
    return whole;
}

static size_t encode_subscribe(struct gw_writer *w, const struct gw_subscribe *subscribe,
                               enum gw_version version)
{
    struct gw_filter_request *requests = calloc(subscribe->filter_count, sizeof(*requests));
    FUZZ_CHECK(requests != NULL);
    struct gw_reader filters = gw_reader_of(subscribe->filters);
    for (size_t i = 0; i < subscribe->filter_count; i++)
        FUZZ_CHECK(gw_subscribe_next(&filters, subscribe->type, &requests[i]) == GW_OK);
    struct gw_filter_request none;
    FUZZ_CHECK(gw_subscribe_next(&filters, subscribe->type, &none) == GW_END);
    size_t size = gw_subscribe_encode(w, version, subscribe->type, subscribe->packet_id,
                                      &subscribe->props, requests, subscribe->filter_count);
    free(requests);
    return size;
}

static size_t encode(struct gw_writer *w, const struct packet *packet, enum gw_version version)
{
    switch (packet->type) {
    case GW_PACKET_CONNECT: return gw_connect_encode(w, &packet->as.connect);
    case GW_PACKET_CONNACK: return gw_connack_encode(w, version, &packet->as.connack);
    case GW_PACKET_PUBLISH: return encode_publish(w, &packet->as.publish, version);
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP: return gw_ack_encode(w, version, &packet->as.ack);
    case GW_PACKET_SUBSCRIBE:
    case GW_PACKET_UNSUBSCRIBE: return encode_subscribe(w, &packet->as.subscribe, version);
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK: return gw_suback_encode(w, version, &packet->as.suback);
    case GW_PACKET_DISCONNECT:
    case GW_PACKET_AUTH: return gw_disconnect_encode(w, version, &packet->as.disconnect);
    case GW_PACKET_PINGREQ:
    case GW_PACKET_PINGRESP: gw_ack_encode_ping(w, packet->type); return w->overflow ? 0 : 2;
    case GW_PACKET_RESERVED: break;
    }
    return 0;
}

static void connect_equal(const struct gw_connect *a, const struct gw_connect *b)
{
    FUZZ_CHECK(a->version == b->version && a->bridge == b->bridge);
    FUZZ_CHECK(a->clean_start == b->clean_start && a->keep_alive == b->keep_alive);
    FUZZ_CHECK(a->has_will == b->has_will && a->has_user_name == b->has_user_name);
    FUZZ_CHECK(a->has_password == b->has_password);
    FUZZ_CHECK(gw_span_equal(a->client_id, b->client_id));
    FUZZ_CHECK(!a->has_user_name || gw_span_equal(a->user_name, b->user_name));
    FUZZ_CHECK(!a->has_password || gw_span_equal(a->password, b->password));
    if (!a->has_will)
        return;
    FUZZ_CHECK(a->will.qos == b->will.qos && a->will.qos <= GW_QOS_MAX);
    FUZZ_CHECK(a->will.retain == b->will.retain);
    FUZZ_CHECK(gw_span_equal(a->will.topic_name, b->will.topic_name));
    FUZZ_CHECK(gw_span_equal(a->will.payload, b->will.payload));
}

static void publish_equal(const struct gw_publish *a, const struct gw_publish *b)
{
    FUZZ_CHECK(a->dup == b->dup && a->retain == b->retain && a->qos == b->qos);
    FUZZ_CHECK(a->qos <= GW_QOS_MAX && a->packet_id == b->packet_id);
    FUZZ_CHECK((a->qos > 0) == (a->packet_id != 0));
    FUZZ_CHECK(gw_span_equal(a->topic_name, b->topic_name));
    FUZZ_CHECK(gw_span_equal(a->payload, b->payload));
}

static void subscribe_equal(const struct gw_subscribe *a, const struct gw_subscribe *b)
{
    FUZZ_CHECK(a->packet_id == b->packet_id && a->packet_id != 0);
    FUZZ_CHECK(a->filter_count == b->filter_count && a->filter_count > 0);
    FUZZ_CHECK(gw_span_equal(a->filters, b->filters)); /* there is only one form */
}

/* In 3.1 a refusal has no code of its own and is told as QoS 0. */
static void suback_equal(const struct gw_suback *a, const struct gw_suback *b,
                         enum gw_version version)
{
    FUZZ_CHECK(a->packet_id == b->packet_id && a->reasons.size == b->reasons.size);
    for (size_t i = 0; i < a->reasons.size; i++) {
        uint8_t code = a->reasons.data[i];
        code = version == GW_VERSION_31 && code >= 0x80 ? 0 : code;
        FUZZ_CHECK(code == b->reasons.data[i]);
    }
}

static void equal(struct packet *a, struct packet *b, enum gw_version version)
{
    struct gw_props *left[2];
    struct gw_props *right[2];
    FUZZ_CHECK(a->type == b->type);
    size_t sets = props_of(a, left);
    FUZZ_CHECK(props_of(b, right) == sets);
    for (size_t i = 0; i < sets; i++)
        fuzz_props_equal(left[i], right[i]);
    switch (a->type) {
    case GW_PACKET_CONNECT: connect_equal(&a->as.connect, &b->as.connect); break;
    case GW_PACKET_CONNACK:
        FUZZ_CHECK(a->as.connack.session_present == b->as.connack.session_present);
        FUZZ_CHECK(a->as.connack.reason == b->as.connack.reason);
        break;
    case GW_PACKET_PUBLISH: publish_equal(&a->as.publish, &b->as.publish); break;
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP:
        FUZZ_CHECK(a->as.ack.type == b->as.ack.type && a->as.ack.packet_id != 0);
        FUZZ_CHECK(a->as.ack.packet_id == b->as.ack.packet_id);
        FUZZ_CHECK(a->as.ack.reason == b->as.ack.reason);
        break;
    case GW_PACKET_SUBSCRIBE:
    case GW_PACKET_UNSUBSCRIBE: subscribe_equal(&a->as.subscribe, &b->as.subscribe); break;
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK: suback_equal(&a->as.suback, &b->as.suback, version); break;
    case GW_PACKET_DISCONNECT:
    case GW_PACKET_AUTH: FUZZ_CHECK(a->as.disconnect.reason == b->as.disconnect.reason); break;
    case GW_PACKET_PINGREQ:
    case GW_PACKET_PINGRESP:
    case GW_PACKET_RESERVED: break;
    }
}

/* Encodes a decoded packet into memory of exactly its size, which the caller frees. */
static struct gw_span encode_decoded(const struct packet *packet, enum gw_version version,
                                     size_t size_max)
{
    struct packet copy = *packet;
    struct gw_props *sets[2];
    uint8_t *repeats[2] = {NULL, NULL};
    for (size_t i = 0, count = props_of(&copy, sets); i < count; i++)
        repeats[i] = fuzz_props_prepare(sets[i]);
    uint8_t *memory = malloc(size_max);
    FUZZ_CHECK(memory != NULL);
    struct gw_writer w = gw_writer_of(memory, size_max);
    size_t size = encode(&w, &copy, version);
    FUZZ_CHECK(size > 0 && !w.overflow && gw_writer_size(&w) == size);
    struct gw_writer small = gw_writer_of(memory, size - 1);
    FUZZ_CHECK(encode(&small, &copy, version) == 0);
    struct gw_writer exact = gw_writer_of(memory, size);
    FUZZ_CHECK(encode(&exact, &copy, version) == size && !exact.overflow);
    uint8_t *bytes = fuzz_copy(gw_span_of(memory, size));
    free(memory);
    free(repeats[0]);
    free(repeats[1]);
    return gw_span_of(bytes, size);
}

/* Decodes a whole packet that we wrote: nothing about it may be wrong. */
static void decode_own(struct gw_span bytes, const struct config *config, struct packet *packet)
{
    struct gw_header header;
    struct gw_fault fault;
    FUZZ_CHECK(gw_header_decode(bytes, config->version, &header, &fault) == GW_OK);
    FUZZ_CHECK(gw_header_check(&header, config->version, &fault) == GW_OK);
    FUZZ_CHECK(header.size + header.remaining_length == bytes.size);
    struct gw_span body = gw_span_from(bytes, header.size);
    FUZZ_CHECK(decode(&header, body, config, packet, &fault) == GW_OK);
}

static void round_trip(struct packet *packet, struct config config, size_t body_size)
{
    if (packet->type == GW_PACKET_CONNECT)
        config.version = packet->as.connect.version;
    /* Encoding never needs much more than was read: a property length, a reason code. */
    size_t size_max = body_size + GW_HEADER_SIZE_MAX + 16;
    struct gw_span first = encode_decoded(packet, config.version, size_max);
    struct packet again = {0};
    decode_own(first, &config, &again);
    equal(packet, &again, config.version);
    struct gw_span second = encode_decoded(&again, config.version, size_max);
    FUZZ_CHECK(gw_span_equal(first, second));
    free((void *)(uintptr_t)first.data);
    free((void *)(uintptr_t)second.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span input = gw_span_of(data, size);
    uint8_t choice = fuzz_u8(&input);
    struct config config = {
        .version = (enum gw_version)(GW_VERSION_31 + (choice & 3) % 3),
        .from_server = (choice & 4) != 0,
        .users_max = (choice & 8) != 0 ? 1 : GW_USER_PROPERTIES_MAX_DEFAULT,
    };
    uint8_t first = fuzz_u8(&input);
    struct gw_header header = {
        .type = (enum gw_packet_type)(first >> 4),
        .flags = first & 15,
        .remaining_length = (uint32_t)input.size,
    };
    struct gw_fault fault = {0};
    enum gw_status status = gw_header_check(&header, config.version, &fault);
    if (status != GW_OK) {
        fuzz_fault(status, &fault);
        return 0;
    }
    uint8_t *body = fuzz_copy(input);
    struct packet packet = {0};
    status = decode(&header, gw_span_of(body, input.size), &config, &packet, &fault);
    if (status == GW_OK)
        round_trip(&packet, config, input.size);
    else
        fuzz_fault(status, &fault);
    free(body);
    return 0;
}
