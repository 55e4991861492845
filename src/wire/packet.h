/*
 * wire/packet: packet types, the fixed header, the basic data types and how a fault is told.
 *
 * Layer   wire (may include base). Pure.
 * Owner   values and immutable tables; decoded views point into the bytes that were given.
 * Life    nothing to release.
 * Limits  remaining length at most 268,435,455; four length bytes at most.
 */
#ifndef GW_WIRE_PACKET_H
#define GW_WIRE_PACKET_H

#include "base/reader.h"
#include "base/writer.h"

enum gw_packet_type {
    GW_PACKET_RESERVED = 0,
    GW_PACKET_CONNECT = 1,
    GW_PACKET_CONNACK = 2,
    GW_PACKET_PUBLISH = 3,
    GW_PACKET_PUBACK = 4,
    GW_PACKET_PUBREC = 5,
    GW_PACKET_PUBREL = 6,
    GW_PACKET_PUBCOMP = 7,
    GW_PACKET_SUBSCRIBE = 8,
    GW_PACKET_SUBACK = 9,
    GW_PACKET_UNSUBSCRIBE = 10,
    GW_PACKET_UNSUBACK = 11,
    GW_PACKET_PINGREQ = 12,
    GW_PACKET_PINGRESP = 13,
    GW_PACKET_DISCONNECT = 14,
    GW_PACKET_AUTH = 15,
};

enum gw_version {
    GW_VERSION_NONE = 0,
    GW_VERSION_31 = 3, /* MQIsdp */
    GW_VERSION_311 = 4,
    GW_VERSION_5 = 5,
};

typedef uint16_t gw_packet_id;

#define GW_VARINT_MAX      268435455u
#define GW_HEADER_SIZE_MAX 5u
#define GW_QOS_MAX         2u

/* Why a packet was refused: what the peer hears and what the log says. `what` and `clause` are
 * constant texts ("topic name contains U+0000", "MQTT-1.5.4-2"); clause may be NULL. */
struct gw_fault {
    uint8_t reason; /* enum gw_reason */
    const char *what;
    const char *clause;
};

/* Fills *fault (if not NULL) and returns GW_MALFORMED for reason 0x81, else GW_PROTOCOL. */
enum gw_status gw_fault_set(struct gw_fault *fault, uint8_t reason, const char *what,
                            const char *clause);

struct gw_header {
    enum gw_packet_type type;
    uint8_t flags;             /* bits 3..0 */
    uint8_t size;              /* bytes of the fixed header itself: 2..5 */
    uint32_t remaining_length; /* bytes behind the fixed header */
};

/* Decodes a fixed header from the first bytes of a packet. GW_MORE: give more bytes (at most
 * GW_HEADER_SIZE_MAX are ever wanted). GW_MALFORMED with *ret_fault: length of five bytes or, for
 * MQTT 5, not in the shortest form (MQTT-1.5.5-1; 3.1.1 section 2.2.3 does not ask for it, so an
 * unknown version lets it pass too). Flags are not judged here. */
GW_MUST_USE enum gw_status gw_header_decode(struct gw_span bytes, enum gw_version version,
                                            struct gw_header *ret_header,
                                            struct gw_fault *ret_fault);

/* Judges type and flag bits for a version (MQTT-2.1.3-1; 3.1 is lenient as its text is; before
 * CONNECT, GW_VERSION_NONE, as strict as 3.1.1): GW_OK, or GW_MALFORMED with the fault. PUBLISH
 * with QoS 3 is a fault here (MQTT-3.3.1-4), DUP with QoS 0 (not in 3.1), and a PINGREQ or PINGRESP
 * that is not empty, so that these two need no decoder. Directions are the caller's business. */
GW_MUST_USE enum gw_status gw_header_check(const struct gw_header *header, enum gw_version version,
                                           struct gw_fault *ret_fault);

/* Writes a fixed header in its shortest form. */
void gw_header_encode(struct gw_writer *w, enum gw_packet_type type, uint8_t flags,
                      uint32_t remaining_length);

/* Bytes of a whole packet; SIZE_MAX for what cannot be framed. */
size_t gw_packet_size(size_t remaining_length);

/* Begins a packet with the fixed flags of its type (not for PUBLISH): writes the fixed header if
 * the whole packet fits into w; returns the size of the whole packet, 0 if it does not fit or
 * cannot be framed. */
size_t gw_packet_begin(struct gw_writer *w, enum gw_packet_type type, size_t remaining_length);

/* The name in capitals ("PUBLISH"); "reserved" for 0; never NULL. */
const char *gw_packet_name(enum gw_packet_type type);

/* -- basic data types (MQTT 5.0 section 1.5) -- */

/* Reads a variable byte integer; GW_MALFORMED when cut, of five bytes, or not the shortest. */
GW_MUST_USE enum gw_status gw_varint_read(struct gw_reader *r, uint32_t *ret_value);
/* Writes one; value must be <= GW_VARINT_MAX. */
void gw_varint_write(struct gw_writer *w, uint32_t value);
/* Bytes that a value takes: 1..4. */
static inline size_t gw_varint_size(uint32_t value)
{
    return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

/* Reads a two-byte-length prefixed binary field. */
GW_MUST_USE static inline enum gw_status gw_binary_read(struct gw_reader *r,
                                                        struct gw_span *ret_span)
{
    size_t left = gw_reader_left(r);
    if (left < 2)
        return GW_MALFORMED;
    size_t size = (size_t)r->at[0] << 8 | r->at[1];
    if (left - 2 < size)
        return GW_MALFORMED;
    *ret_span = gw_span_of(r->at + 2, size);
    r->at += 2 + size;
    return GW_OK;
}
/* Reads a UTF-8 encoded string and validates it strictly; sets the fault with its clause. */
GW_MUST_USE enum gw_status gw_string_read(struct gw_reader *r, struct gw_span *ret_span,
                                          struct gw_fault *ret_fault);
/* Writes a length-prefixed field; span.size must be <= 65,535. */
void gw_binary_write(struct gw_writer *w, struct gw_span span);

#endif
