/*
 * wire/ack: PUBACK, PUBREC, PUBREL, PUBCOMP, and the two-byte PINGREQ and PINGRESP.
 *
 * Layer   wire (may include base). Pure.
 * Owner   values; strings are views into the decoded bytes.
 * Life    nothing to release.
 * Limits  user properties, as wire/property.
 */
#ifndef GW_WIRE_ACK_H
#define GW_WIRE_ACK_H

#include "wire/property.h"

struct gw_ack {
    enum gw_packet_type type;
    gw_packet_id packet_id;
    uint8_t reason; /* 0 in 3.x */
    struct gw_props props;
};

/* Decodes the body of PUBACK, PUBREC, PUBREL or PUBCOMP, long and short forms; checks that the
 * reason code may stand there. */
GW_MUST_USE enum gw_status gw_ack_decode(enum gw_packet_type type, struct gw_span body,
                                         enum gw_version version, bool from_server,
                                         struct gw_ack *ret_ack, struct gw_fault *ret_fault);

/* Writes the whole packet in its shortest form; returns its size, 0 if it does not fit. */
size_t gw_ack_encode(struct gw_writer *w, enum gw_version version, const struct gw_ack *ack);

/* As gw_ack_encode, but without the properties if the packet would be larger than packet_max with
 * them (MQTT-3.4.2-2, 3.4.2-3 and the like of the other types). */
size_t gw_ack_encode_within(struct gw_writer *w, enum gw_version version, const struct gw_ack *ack,
                            uint32_t packet_max);

/* Writes PINGREQ or PINGRESP. */
void gw_ack_encode_ping(struct gw_writer *w, enum gw_packet_type type);

#endif
