#include "wire/publish.h"

#include "base/assert.h"
#include "wire/fault.h"

#define QOS_SHIFT 1

/* -- decode -- */

/* Eight bytes at a time: a topic name of printable ASCII without wildcards, which is nearly every
 * one, passes here; whatever else is looked at closely. */
#define EACH(byte) ((uint64_t)(byte)*0x0101010101010101u)

/* Some high bit is set if a byte is above 0x7F, 0, '+' or '#'; the other bits mean nothing. Adding
 * 0x7F carries into the high bit exactly when the byte is not 0, and into the next byte only where
 * a byte is above 0x7F, which is found by itself. '+' and '#' differ in bit 3 alone. */
static inline uint64_t odd_bytes(uint64_t word)
{
    uint64_t wild = (word & EACH(0xF7)) ^ EACH('#');
    return word | ~((word + EACH(0x7F)) & (wild + EACH(0x7F)));
}

static inline uint64_t load8(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t load4(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* All bytes of 1..7, some of them twice, and letters. */
static inline uint64_t load_short(const uint8_t *at, size_t size)
{
    if (size >= 4)
        return load4(at) << 32 | load4(at + size - 4);
    return (EACH('a') << 24) | (uint64_t)at[0] << 16 | (uint64_t)at[size / 2] << 8 | at[size - 1];
}

static inline bool topic_plain(struct gw_span topic)
{
    const uint8_t *at = topic.data;
    size_t left = topic.size;
    uint64_t odd = 0;
    if (left >= 8) {
        for (; left > 8; at += 8, left -= 8)
            odd |= odd_bytes(load8(at));
        odd |= odd_bytes(load8(at + left - 8));
    } else if (left > 0) {
        odd = odd_bytes(load_short(at, left));
    }
    return (odd & EACH(0x80)) == 0;
}

/* Judges any topic name. */
GW_NOINLINE static enum gw_status check_topic(struct gw_span topic, enum gw_version version,
                                              struct gw_fault *ret_fault)
{
    enum gw_utf8_fault why = gw_utf8_check(topic);
    if (why != GW_UTF8_VALID)
        return gw_fault_raise_utf8(why, version, ret_fault);
    if (memchr(topic.data, '#', topic.size) || memchr(topic.data, '+', topic.size))
        return gw_fault_raise(GW_FAULT_TOPIC_WILDCARD, version, ret_fault);
    return GW_OK;
}

/* Judges the topic name, takes properties that are not empty and what follows them. */
GW_NOINLINE static enum gw_status take_properties(struct gw_reader rest, bool from_server,
                                                  uint32_t user_properties_max,
                                                  struct gw_publish *p, struct gw_fault *ret_fault)
{
    if (!topic_plain(p->topic_name))
        GW_TRY(check_topic(p->topic_name, GW_VERSION_5, ret_fault));
    GW_TRY(gw_props_decode(&rest, GW_IN(PUBLISH), from_server, user_properties_max, &p->props,
                           ret_fault));
    if (p->topic_name.size == 0 && !gw_props_has(&p->props, TOPIC_ALIAS))
        return gw_fault_raise(GW_FAULT_TOPIC_EMPTY, GW_VERSION_5, ret_fault);
    p->payload = gw_reader_rest(&rest);
    return GW_OK;
}

/* The reader's address stays in here and the rare cases end in calls of functions of their own, so
 * that the usual packet is read in registers and without a call. */
/* long: seven parameters; the hot path, and a struct for them would cost more than it gives */
enum gw_status gw_publish_decode(const struct gw_header *header, struct gw_span body,
                                 enum gw_version version, bool from_server,
                                 uint32_t user_properties_max, struct gw_publish *ret_publish,
                                 struct gw_fault *ret_fault)
{
    struct gw_publish *p = ret_publish;
    struct gw_reader r = gw_reader_of(body);
    unsigned flags = header->flags, qos = flags >> QOS_SHIFT & 3;
    struct gw_span topic;
    gw_packet_id packet_id = 0;
    if (gw_binary_read(&r, &topic) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
    if (qos > 0) {
        if (gw_reader_u16(&r, &packet_id) != GW_OK)
            return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
        if (packet_id == 0)
            return gw_fault_raise(GW_FAULT_PACKET_ID_0, version, ret_fault);
    }
    p->dup = (flags & GW_PUBLISH_DUP) != 0 && qos > 0;
    p->retain = (flags & GW_PUBLISH_RETAIN) != 0;
    p->qos = (uint8_t)qos;
    p->packet_id = packet_id;
    p->topic_name = topic;
    if (version == GW_VERSION_5) {
        if (gw_reader_left(&r) == 0 || *r.at != 0)
            return take_properties(r, from_server, user_properties_max, p, ret_fault);
        r.at++;
    }
    if (topic.size == 0)
        return gw_fault_raise(version == GW_VERSION_5 ? GW_FAULT_TOPIC_EMPTY
                                                      : GW_FAULT_TOPIC_EMPTY_3,
                              version, ret_fault);
    gw_props_clear(&p->props);
    p->payload = gw_reader_rest(&r);
    if (GW_UNLIKELY(!topic_plain(topic)))
        return check_topic(topic, version, ret_fault);
    return GW_OK;
}

/* -- encode -- */

/* Bytes of topic name, packet id and properties. */
static size_t head_size(const struct gw_publish *p, enum gw_version version)
{
    size_t size = 2 + p->topic_name.size + (p->qos > 0 ? 2u : 0u);
    if (version == GW_VERSION_5)
        size += gw_props_empty(&p->props) ? 1 : gw_props_size(&p->props);
    return size;
}

/* The remaining length, above GW_VARINT_MAX if the packet cannot be framed. */
static size_t remaining_length(const struct gw_publish *p, size_t head)
{
    if (head > GW_VARINT_MAX || p->payload.size > GW_VARINT_MAX)
        return SIZE_MAX;
    return head + p->payload.size;
}

size_t gw_publish_size(const struct gw_publish *publish, enum gw_version version)
{
    size_t length = remaining_length(publish, head_size(publish, version));
    if (length > GW_VARINT_MAX)
        return SIZE_MAX;
    return 1 + gw_varint_size((uint32_t)length) + length;
}

/* Writes the fixed header, topic name and packet id, for which there is room. */
static inline uint8_t *put_head(uint8_t *at, const struct gw_publish *p, uint32_t length)
{
    unsigned flags = (p->dup ? GW_PUBLISH_DUP : 0u) | (unsigned)p->qos << QOS_SHIFT |
                     (p->retain ? GW_PUBLISH_RETAIN : 0u);
    size_t name_size = p->topic_name.size;
    *at++ = (uint8_t)((unsigned)GW_PACKET_PUBLISH << 4 | flags);
    for (; length >= 0x80; length >>= 7)
        *at++ = (uint8_t)(length | 0x80);
    *at++ = (uint8_t)length;
    *at++ = (uint8_t)(name_size >> 8);
    *at++ = (uint8_t)name_size;
    if (name_size > 0)
        memcpy(at, p->topic_name.data, name_size);
    at += name_size;
    if (p->qos > 0) {
        *at++ = (uint8_t)(p->packet_id >> 8);
        *at++ = (uint8_t)p->packet_id;
    }
    return at;
}

size_t gw_publish_encode_head(struct gw_writer *w, const struct gw_publish *publish,
                              enum gw_version version)
{
    const struct gw_publish *p = publish;
    size_t head = head_size(p, version);
    size_t length = remaining_length(p, head);
    GW_ASSERT(p->topic_name.size <= UINT16_MAX);
    if (length > GW_VARINT_MAX)
        return 0;
    size_t size = 1 + gw_varint_size((uint32_t)length) + head;
    if (!gw_writer_fits(w, size))
        return 0;
    w->at = put_head(w->at, p, (uint32_t)length);
    if (version == GW_VERSION_5) {
        if (gw_props_empty(&p->props))
            *w->at++ = 0;
        else
            gw_props_encode(w, &p->props);
    }
    return size;
}

size_t gw_publish_glance(struct gw_span bytes, enum gw_version version, struct gw_span *ret_names,
                         size_t names_max, size_t *ret_seen)
{
    size_t count = 0;
    *ret_seen = 0;
    while (count < names_max) {
        struct gw_span rest = gw_span_from(bytes, *ret_seen);
        struct gw_header header;
        struct gw_fault fault;
        if (gw_header_decode(rest, version, &header, &fault) != GW_OK ||
            rest.size - header.size < header.remaining_length)
            break;
        struct gw_reader body =
            gw_reader_of(gw_span_of(rest.data + header.size, header.remaining_length));
        if (header.type == GW_PACKET_PUBLISH && gw_binary_read(&body, &ret_names[count]) == GW_OK &&
            ret_names[count].size > 0)
            count++;
        *ret_seen += header.size + header.remaining_length;
    }
    return count;
}
