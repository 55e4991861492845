/*
 * test/unit/wire/codec: packets written down as text, and one decode and one encode for all types.
 *
 * The text: hexadecimal bytes, 'abc' for characters, (abc) for a string with its two-byte length,
 * [...] for a group with its one-byte length (remaining length, property length). Decoding copies
 * what it gives to the decoder into heap memory of exactly that size, so that ASan sees any read
 * behind the end.
 */
#ifndef GW_TEST_UNIT_WIRE_CODEC_H
#define GW_TEST_UNIT_WIRE_CODEC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "wire/ack.h"
#include "wire/connect.h"
#include "wire/disconnect.h"
#include "wire/publish.h"
#include "wire/reason.h"
#include "wire/subscribe.h"

#define TEXT_BYTES_MAX 512

struct bytes {
    size_t size;
    uint8_t data[TEXT_BYTES_MAX];
};

static inline unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);
}

/* Takes characters up to the closing one. */
static inline const char *text_until(struct bytes *b, const char *at, char close)
{
    for (; *at != close; at++)
        b->data[b->size++] = (uint8_t)*at;
    return at + 1;
}

static inline const char *text_string(struct bytes *b, const char *at)
{
    size_t begin = b->size;
    b->size += 2;
    at = text_until(b, at, ')');
    size_t size = b->size - begin - 2;
    b->data[begin] = (uint8_t)(size >> 8);
    b->data[begin + 1] = (uint8_t)size;
    return at;
}

static inline struct bytes bytes_of(const char *text)
{
    struct bytes b = {0};
    size_t open[4];
    unsigned depth = 0;
    while (*text) {
        char c = *text++;
        if (c == ' ')
            continue;
        if (c == '\'') {
            text = text_until(&b, text, '\'');
        } else if (c == '(') {
            text = text_string(&b, text);
        } else if (c == '[') {
            open[depth++] = b.size++;
        } else if (c == ']') {
            depth--;
            assert_true(b.size - open[depth] - 1 < 128);
            b.data[open[depth]] = (uint8_t)(b.size - open[depth] - 1);
        } else {
            b.data[b.size++] = (uint8_t)(hex_digit(c) << 4 | hex_digit(*text++));
        }
    }
    return b;
}

/* Any decoded packet, with the exact-size copy of its body that the views point into. */
struct any {
    struct gw_header header;
    enum gw_version version;
    bool from_server;
    uint8_t *body;
    struct gw_fault fault;
    struct gw_connect connect;
    struct gw_connack connack;
    struct gw_publish publish;
    struct gw_ack ack;
    struct gw_subscribe subscribe;
    struct gw_suback suback;
    struct gw_disconnect disconnect;
};

static inline void any_fini(struct any *any)
{
    free(any->body);
    any->body = NULL;
}

static inline enum gw_status any_decode_body(struct any *any, struct gw_span body)
{
    const uint32_t users = GW_USER_PROPERTIES_MAX_DEFAULT;
    enum gw_version version = any->version;
    struct gw_fault *fault = &any->fault;
    enum gw_packet_type type = any->header.type;
    switch (type) {
    case GW_PACKET_CONNECT: return gw_connect_decode(body, users, &any->connect, fault);
    case GW_PACKET_CONNACK: return gw_connack_decode(body, version, &any->connack, fault);
    case GW_PACKET_PUBLISH:
        return gw_publish_decode(&any->header, body, version, any->from_server, users,
                                 &any->publish, fault);
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP:
        return gw_ack_decode(type, body, version, any->from_server, &any->ack, fault);
    case GW_PACKET_SUBSCRIBE:
    case GW_PACKET_UNSUBSCRIBE:
        return gw_subscribe_decode(type, body, version, users, &any->subscribe, fault);
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK: return gw_suback_decode(type, body, version, &any->suback, fault);
    case GW_PACKET_DISCONNECT:
    case GW_PACKET_AUTH:
        return gw_disconnect_decode(type, body, version, any->from_server, &any->disconnect, fault);
    default: return GW_OK; /* pings */
    }
}

/* Decodes a body of any size as a packet of the type and flags given. */
static inline enum gw_status any_decode_as(struct any *any, const struct gw_header *header,
                                           enum gw_version version, bool from_server,
                                           struct gw_span body)
{
    /* Fields that are not written show as 0xA5. */
    memset(any, 0xA5, sizeof *any);
    any->header = *header;
    any->version = version;
    any->from_server = from_server;
    any->fault = (struct gw_fault){0};
    any->body = malloc(body.size ? body.size : 1);
    assert_non_null(any->body);
    if (body.size)
        memcpy(any->body, body.data, body.size);
    /* An empty body ends where the memory begins: reading one byte of it is already too far. */
    uint8_t *begin = body.size ? any->body : any->body + 1;
    return any_decode_body(any, gw_span_of(begin, body.size));
}

/* Decodes a whole packet. */
static inline enum gw_status any_decode(struct any *any, struct gw_span packet,
                                        enum gw_version version, bool from_server)
{
    struct gw_header header;
    memset(any, 0, sizeof *any);
    GW_TRY(gw_header_decode(packet, version, &header, &any->fault));
    GW_TRY(gw_header_check(&header, version, &any->fault));
    assert_int_equal(packet.size, header.size + header.remaining_length);
    return any_decode_as(any, &header, version, from_server, gw_span_from(packet, header.size));
}

/* The decoded block is written as it came, so that the order of properties is kept. */
static inline const struct gw_props *as_it_came(struct gw_props *props)
{
    props->present = 0;
    return props;
}

static inline size_t any_encode_subscribe(struct any *any, struct gw_writer *w)
{
    struct gw_filter_request requests[64];
    size_t count = 0;
    struct gw_reader r = gw_reader_of(any->subscribe.filters);
    while (gw_subscribe_next(&r, any->subscribe.type, &requests[count]) == GW_OK)
        count++;
    assert_int_equal(count, any->subscribe.filter_count);
    return gw_subscribe_encode(w, any->version, any->subscribe.type, any->subscribe.packet_id,
                               as_it_came(&any->subscribe.props), requests, count);
}

static inline size_t any_encode_publish(struct any *any, struct gw_writer *w)
{
    as_it_came(&any->publish.props);
    size_t size = gw_publish_encode_head(w, &any->publish, any->version);
    if (size == 0)
        return 0;
    gw_writer_bytes(w, any->publish.payload);
    if (w->overflow)
        return 0;
    assert_int_equal(gw_publish_size(&any->publish, any->version),
                     size + any->publish.payload.size);
    return size + any->publish.payload.size;
}

/* Encodes what was decoded. */
static inline size_t any_encode(struct any *any, struct gw_writer *w)
{
    switch (any->header.type) {
    case GW_PACKET_CONNECT:
        as_it_came(&any->connect.props);
        as_it_came(&any->connect.will.props);
        return gw_connect_encode(w, &any->connect);
    case GW_PACKET_CONNACK:
        as_it_came(&any->connack.props);
        return gw_connack_encode(w, any->version, &any->connack);
    case GW_PACKET_PUBLISH: return any_encode_publish(any, w);
    case GW_PACKET_PUBACK:
    case GW_PACKET_PUBREC:
    case GW_PACKET_PUBREL:
    case GW_PACKET_PUBCOMP:
        as_it_came(&any->ack.props);
        return gw_ack_encode(w, any->version, &any->ack);
    case GW_PACKET_SUBSCRIBE:
    case GW_PACKET_UNSUBSCRIBE: return any_encode_subscribe(any, w);
    case GW_PACKET_SUBACK:
    case GW_PACKET_UNSUBACK:
        as_it_came(&any->suback.props);
        return gw_suback_encode(w, any->version, &any->suback);
    case GW_PACKET_DISCONNECT:
    case GW_PACKET_AUTH:
        as_it_came(&any->disconnect.props);
        return gw_disconnect_encode(w, any->version, &any->disconnect);
    default: gw_ack_encode_ping(w, any->header.type); return w->overflow ? 0 : gw_writer_size(w);
    }
}

/* A packet that must be refused, and how. `from_server` is told apart by 'S' and 'C'. */
struct fault_row {
    enum gw_version version;
    char from;
    const char *packet;
    uint8_t reason;
    const char *clause; /* NULL: not looked at */
};

static inline void check_fault_rows(const struct fault_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fault_row *row = &rows[i];
        struct bytes b = bytes_of(row->packet);
        struct any any;
        enum gw_status status =
            any_decode(&any, gw_span_of(b.data, b.size), row->version, row->from == 'S');
        enum gw_status want = row->reason == 0x81 ? GW_MALFORMED : GW_PROTOCOL;
        if (status != want || any.fault.reason != row->reason || !any.fault.what)
            fail_msg("version %d, %s: %s, reason %02X, %s", row->version, row->packet,
                     gw_status_name(status), any.fault.reason, any.fault.what);
        if (row->clause && (!any.fault.clause || strcmp(row->clause, any.fault.clause) != 0))
            fail_msg("version %d, %s: clause %s", row->version, row->packet, any.fault.clause);
        any_fini(&any);
    }
}

/* Decodes a packet that must be good; the caller calls any_fini. */
static inline void decode_good(struct any *any, enum gw_version version, char from,
                               const char *packet)
{
    struct bytes b = bytes_of(packet);
    enum gw_status status = any_decode(any, gw_span_of(b.data, b.size), version, from == 'S');
    if (status != GW_OK)
        fail_msg("version %d, %s: %s, reason %02X, %s", version, packet, gw_status_name(status),
                 any->fault.reason, any->fault.what);
}

static inline void assert_span(struct gw_span span, const char *text)
{
    if (!gw_span_equal(span, gw_span_str(text)))
        fail_msg("'%.*s' is not '%s'", GW_SPAN_FMT(span), text);
}

/* The writer's bytes are those of the text. */
static inline void assert_written(const struct gw_writer *w, const char *text)
{
    struct bytes b = bytes_of(text);
    assert_int_equal(gw_writer_size(w), b.size);
    assert_memory_equal(w->begin, b.data, b.size);
}

#endif
