#include "wire/packet.h"

#include "base/assert.h"
#include "wire/fault.h"

/* What the fixed header of each type must look like. */
static const struct row {
    const char *name;
    uint8_t flags;     /* bits 3..0 as they have to be; PUBLISH is judged apart */
    uint8_t lenient31; /* bits that MQTT 3.1 does not fix: a sender may set them */
    bool empty;        /* nothing stands behind the fixed header */
} rows[16] = {
    [GW_PACKET_RESERVED] = {"reserved", 0, 0, false},
    [GW_PACKET_CONNECT] = {"CONNECT", 0, 0x0F, false},
    [GW_PACKET_CONNACK] = {"CONNACK", 0, 0x0F, false},
    [GW_PACKET_PUBLISH] = {"PUBLISH", 0, 0x0F, false},
    [GW_PACKET_PUBACK] = {"PUBACK", 0, 0x0F, false},
    [GW_PACKET_PUBREC] = {"PUBREC", 0, 0x0F, false},
    /* In 3.1 these three are QoS 1 messages themselves and a repeated one has the DUP bit. */
    [GW_PACKET_PUBREL] = {"PUBREL", 2, 0x09, false},
    [GW_PACKET_PUBCOMP] = {"PUBCOMP", 0, 0x0F, false},
    [GW_PACKET_SUBSCRIBE] = {"SUBSCRIBE", 2, 0x09, false},
    [GW_PACKET_SUBACK] = {"SUBACK", 0, 0x0F, false},
    [GW_PACKET_UNSUBSCRIBE] = {"UNSUBSCRIBE", 2, 0x09, false},
    [GW_PACKET_UNSUBACK] = {"UNSUBACK", 0, 0x0F, false},
    [GW_PACKET_PINGREQ] = {"PINGREQ", 0, 0x0F, true},
    [GW_PACKET_PINGRESP] = {"PINGRESP", 0, 0x0F, true},
    [GW_PACKET_DISCONNECT] = {"DISCONNECT", 0, 0x0F, false},
    [GW_PACKET_AUTH] = {"AUTH", 0, 0, false},
};

enum gw_status gw_header_decode(struct gw_span bytes, enum gw_version version,
                                struct gw_header *ret_header, struct gw_fault *ret_fault)
{
    if (bytes.size < 2)
        return GW_MORE;
    uint32_t length = bytes.data[1] & 0x7Fu;
    uint8_t size = 2;
    while (bytes.data[size - 1] & 0x80) {
        if (size == GW_HEADER_SIZE_MAX)
            return gw_fault_raise(GW_FAULT_LENGTH_TOO_LONG, version, ret_fault);
        if (bytes.size == size)
            return GW_MORE;
        length |= (bytes.data[size] & 0x7Fu) << (7 * (size - 1));
        size++;
    }
    if (version == GW_VERSION_5 && size > 2 && bytes.data[size - 1] == 0)
        return gw_fault_raise(GW_FAULT_LENGTH_NOT_SHORTEST, version, ret_fault);
    ret_header->type = (enum gw_packet_type)(bytes.data[0] >> 4);
    ret_header->flags = bytes.data[0] & 15;
    ret_header->size = size;
    ret_header->remaining_length = length;
    return GW_OK;
}

static enum gw_status check_publish(uint8_t flags, enum gw_version version,
                                    struct gw_fault *ret_fault)
{
    if ((flags & 6) == 6)
        return gw_fault_raise(GW_FAULT_QOS_3, version, ret_fault);
    if ((flags & 14) == 8 && version != GW_VERSION_31)
        return gw_fault_raise(GW_FAULT_DUP_QOS_0, version, ret_fault);
    return GW_OK;
}

enum gw_status gw_header_check(const struct gw_header *header, enum gw_version version,
                               struct gw_fault *ret_fault)
{
    if (header->type == GW_PACKET_PUBLISH)
        return check_publish(header->flags, version, ret_fault);
    if (header->type == GW_PACKET_RESERVED)
        return gw_fault_raise(GW_FAULT_TYPE_0, version, ret_fault);
    if (header->type == GW_PACKET_AUTH && version != GW_VERSION_5)
        return gw_fault_raise(GW_FAULT_TYPE_AUTH, version, ret_fault);
    const struct row *row = &rows[header->type & 15];
    unsigned fixed = version == GW_VERSION_31 ? 15u & ~(unsigned)row->lenient31 : 15u;
    if ((header->flags & fixed) != (row->flags & fixed))
        return gw_fault_raise(GW_FAULT_FLAGS, version, ret_fault);
    if (row->empty && header->remaining_length != 0)
        return gw_fault_raise(GW_FAULT_TRAILING, version, ret_fault);
    return GW_OK;
}

void gw_header_encode(struct gw_writer *w, enum gw_packet_type type, uint8_t flags,
                      uint32_t remaining_length)
{
    gw_writer_u8(w, (uint8_t)((unsigned)type << 4 | flags));
    gw_varint_write(w, remaining_length);
}

size_t gw_packet_size(size_t remaining_length)
{
    if (remaining_length > GW_VARINT_MAX)
        return SIZE_MAX;
    return 1 + gw_varint_size((uint32_t)remaining_length) + remaining_length;
}

size_t gw_packet_begin(struct gw_writer *w, enum gw_packet_type type, size_t remaining_length)
{
    size_t size = gw_packet_size(remaining_length);
    if (size == SIZE_MAX || !gw_writer_fits(w, size))
        return 0;
    gw_header_encode(w, type, rows[type & 15].flags, (uint32_t)remaining_length);
    return size;
}

const char *gw_packet_name(enum gw_packet_type type)
{
    return (unsigned)type < GW_COUNT_OF(rows) ? rows[type].name : rows[GW_PACKET_RESERVED].name;
}

enum gw_status gw_varint_read(struct gw_reader *r, uint32_t *ret_value)
{
    const uint8_t *at = r->at;
    uint32_t value = 0;
    for (unsigned shift = 0; shift <= 21; shift += 7) {
        if (at == r->end)
            return GW_MALFORMED;
        uint8_t byte = *at++;
        value |= (byte & 0x7Fu) << shift;
        if (byte & 0x80)
            continue;
        if (byte == 0 && shift > 0)
            return GW_MALFORMED; /* MQTT-1.5.5-1 */
        r->at = at;
        *ret_value = value;
        return GW_OK;
    }
    return GW_MALFORMED;
}

void gw_varint_write(struct gw_writer *w, uint32_t value)
{
    GW_ASSERT(value <= GW_VARINT_MAX);
    if (!gw_writer_fits(w, gw_varint_size(value)))
        return;
    while (value >= 0x80) {
        *w->at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *w->at++ = (uint8_t)value;
}

enum gw_status gw_string_read(struct gw_reader *r, struct gw_span *ret_span,
                              struct gw_fault *ret_fault)
{
    return gw_fault_read_string(r, GW_VERSION_5, ret_span, ret_fault);
}

void gw_binary_write(struct gw_writer *w, struct gw_span span)
{
    GW_ASSERT(span.size <= UINT16_MAX);
    if (!gw_writer_fits(w, 2 + span.size))
        return;
    gw_writer_u16(w, (uint16_t)span.size);
    gw_writer_bytes(w, span);
}
