#include "wire/publish.h"

#include "base/assert.h"
#include "wire/fault.h"

#define QOS_SHIFT 1

/* -- decode -- */

/* Eight bytes at a time: a topic name of printable ASCII without wildcards, which is nearly every
 * one, passes here; whatever else is looked at closely. */
#define EACH(byte) ((uint64_t)(byte)*0x0101010101010101u)

/* High bits set where a byte is above 0x7F, 0, '+' or '#'. For bytes below 0x80 adding 0x7F carries
 * into the high bit exactly when the byte is not 0 and never into the next byte; '+' and '#' differ
 * in bit 3 alone. */
static inline uint64_t odd_bytes(uint64_t word)
{
    uint64_t ascii = word & EACH(0x7F);
    uint64_t wild = (ascii & EACH(0xF7)) ^ EACH('#');
    return (word | ~((ascii + EACH(0x7F)) & (wild + EACH(0x7F)))) & EACH(0x80);
}

static inline uint64_t load8(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The last 1..7 bytes, filled up with letters. */
static inline uint64_t load_tail(const uint8_t *at, size_t size)
{
    uint64_t word = EACH('a');
    memcpy(&word, at, size);
    return word;
}

static bool topic_plain(struct gw_span topic)
{
    const uint8_t *at = topic.data;
    size_t left = topic.size;
    uint64_t odd = 0;
    if (left >= 8) {
        for (; left > 8; at += 8, left -= 8)
            odd |= odd_bytes(load8(at));
        return (odd | odd_bytes(load8(at + left - 8))) == 0;
    }
    return odd_bytes(load_tail(at, left)) == 0;
}

/* Judges a topic name that topic_plain did not pass. */
static enum gw_status check_topic(struct gw_span topic, enum gw_version version,
                                  struct gw_fault *ret_fault)
{
    enum gw_utf8_fault why = gw_utf8_check(topic);
    if (why != GW_UTF8_VALID)
        return gw_fault_raise_utf8(why, version, ret_fault);
    if (memchr(topic.data, '#', topic.size) || memchr(topic.data, '+', topic.size))
        return gw_fault_raise(GW_FAULT_TOPIC_WILDCARD, version, ret_fault);
    return GW_OK;
}

/* long: seven parameters; the hot path, and a struct for them would cost more than it gives */
enum gw_status gw_publish_decode(const struct gw_header *header, struct gw_span body,
                                 enum gw_version version, bool from_server,
                                 uint32_t user_properties_max, struct gw_publish *ret_publish,
                                 struct gw_fault *ret_fault)
{
    struct gw_publish *p = ret_publish;
    struct gw_reader reader = gw_reader_of(body), *r = &reader;
    unsigned flags = header->flags;
    p->qos = flags >> QOS_SHIFT & 3;
    p->retain = (flags & GW_PUBLISH_RETAIN) != 0;
    p->dup = (flags & GW_PUBLISH_DUP) != 0 && p->qos > 0;
    p->packet_id = 0;
    gw_props_clear(&p->props);

    if (gw_binary_read(r, &p->topic_name) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
    if (GW_UNLIKELY(!topic_plain(p->topic_name)))
        GW_TRY(check_topic(p->topic_name, version, ret_fault));
    if (p->qos > 0) {
        if (gw_reader_u16(r, &p->packet_id) != GW_OK)
            return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
        if (p->packet_id == 0)
            return gw_fault_raise(GW_FAULT_PACKET_ID_0, version, ret_fault);
    }
    if (version == GW_VERSION_5)
        GW_TRY(gw_props_decode(r, GW_IN(PUBLISH), from_server, user_properties_max, &p->props,
                               ret_fault));
    if (p->topic_name.size == 0 && !gw_props_has(&p->props, TOPIC_ALIAS))
        return gw_fault_raise(version == GW_VERSION_5 ? GW_FAULT_TOPIC_EMPTY
                                                      : GW_FAULT_TOPIC_EMPTY_3,
                              version, ret_fault);
    p->payload = gw_reader_rest(r);
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

size_t gw_publish_encode_head(struct gw_writer *w, const struct gw_publish *publish,
                              enum gw_version version)
{
    const struct gw_publish *p = publish;
    size_t head = head_size(p, version);
    size_t length = remaining_length(p, head);
    if (length > GW_VARINT_MAX)
        return 0;
    size_t size = 1 + gw_varint_size((uint32_t)length) + head;
    if (!gw_writer_fits(w, size))
        return 0;
    unsigned flags = (p->dup ? GW_PUBLISH_DUP : 0u) | (unsigned)p->qos << QOS_SHIFT |
                     (p->retain ? GW_PUBLISH_RETAIN : 0u);
    gw_header_encode(w, GW_PACKET_PUBLISH, (uint8_t)flags, (uint32_t)length);
    gw_binary_write(w, p->topic_name);
    if (p->qos > 0)
        gw_writer_u16(w, p->packet_id);
    if (version == GW_VERSION_5) {
        if (gw_props_empty(&p->props))
            gw_writer_u8(w, 0);
        else
            gw_props_encode(w, &p->props);
    }
    return size;
}
