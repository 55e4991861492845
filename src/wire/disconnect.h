/*
 * wire/disconnect: DISCONNECT and AUTH.
 *
 * Layer   wire (may include base). Pure.
 * Owner   values; strings are views into the decoded bytes.
 * Life    nothing to release.
 * Limits  user properties, as wire/property.
 */
#ifndef GW_WIRE_DISCONNECT_H
#define GW_WIRE_DISCONNECT_H

#include "wire/property.h"

/* DISCONNECT or AUTH, as the type says. */
struct gw_disconnect {
    enum gw_packet_type type;
    uint8_t reason;
    struct gw_props props;
};

/* Decodes the body, long and short forms; checks that the reason code may stand there in this
 * direction; AUTH without method is 0x82 unless the body is empty (then the caller compares with
 * the method of CONNECT); 3.x DISCONNECT must be empty. */
GW_MUST_USE enum gw_status gw_disconnect_decode(enum gw_packet_type type, struct gw_span body,
                                                enum gw_version version, bool from_server,
                                                struct gw_disconnect *ret_disconnect,
                                                struct gw_fault *ret_fault);

/* Writes the whole packet in its shortest form; returns its size, 0 if it does not fit. */
size_t gw_disconnect_encode(struct gw_writer *w, enum gw_version version,
                            const struct gw_disconnect *disconnect);

#endif
