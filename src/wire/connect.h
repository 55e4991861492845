/*
 * wire/connect: CONNECT and CONNACK of MQTT 3.1, 3.1.1 and 5.0.
 *
 * Layer   wire (may include base). Pure.
 * Owner   values; strings are views into the decoded bytes.
 * Life    nothing to release.
 * Limits  user properties, as wire/property.
 */
#ifndef GW_WIRE_CONNECT_H
#define GW_WIRE_CONNECT_H

#include "wire/property.h"

struct gw_will_view {
    struct gw_span topic_name;
    struct gw_span payload;
    struct gw_props props;
    uint8_t qos;
    bool retain;
};

struct gw_connect {
    enum gw_version version;
    bool bridge;      /* protocol level had bit 7 set (0x83, 0x84): a private mark of bridges */
    bool clean_start; /* clean session in 3.x */
    bool has_will;
    bool has_user_name;
    bool has_password;
    uint16_t keep_alive; /* seconds, 0 = off */
    struct gw_props props;
    struct gw_span client_id;
    struct gw_span user_name;
    struct gw_span password;
    struct gw_will_view will;
};

/* Decodes what stands behind the fixed header. *ret_connect->version is set as soon as it is known,
 * even when the rest fails, so that the refusal can be told in that version. Faults: 0x84 for an
 * unknown name or level (version is then GW_VERSION_5 if the level is 5 or above, GW_VERSION_311
 * for name MQTT/MQIsdp with another level, GW_VERSION_NONE for a foreign name), 0x81, 0x82,
 * 0x90 for a will topic that is not a topic name. Checks made: reserved bit (not in 3.1), will flag
 * rules, password without user name (3.x), lengths, trailing bytes, UTF-8, properties,
 * authentication data without method. */
GW_MUST_USE enum gw_status gw_connect_decode(struct gw_span body, uint32_t user_properties_max,
                                             struct gw_connect *ret_connect,
                                             struct gw_fault *ret_fault);

/* Writes the whole packet; returns its size, 0 if it does not fit into w. */
size_t gw_connect_encode(struct gw_writer *w, const struct gw_connect *connect);

struct gw_connack {
    bool session_present;
    uint8_t reason; /* MQTT 5: enum gw_reason; 3.x: enum gw_return_code */
    struct gw_props props;
};

/* Decodes what stands behind the fixed header of a CONNACK. In 3.1 the first byte is ignored;
 * return codes above 5 are let through, for any but 0 is a refusal. The two-byte refusal by which a
 * server without MQTT 5 answers an MQTT 5 CONNECT comes out as reason 0x84. */
GW_MUST_USE enum gw_status gw_connack_decode(struct gw_span body, enum gw_version version,
                                             struct gw_connack *ret_connack,
                                             struct gw_fault *ret_fault);

/* Writes the whole packet for a version (3.1 always with session present 0); returns its size, 0 if
 * it does not fit. */
size_t gw_connack_encode(struct gw_writer *w, enum gw_version version,
                         const struct gw_connack *connack);

#endif
