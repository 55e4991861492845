/*
 * wire/property: MQTT 5 properties, from one table (property.def), both ways.
 *
 * Layer   wire (may include base). Pure.
 * Owner   a value; strings are views into the decoded bytes.
 * Life    nothing to release.
 * Limits  user properties per packet: the caller's limit, default GW_USER_PROPERTIES_MAX_DEFAULT.
 */
#ifndef GW_WIRE_PROPERTY_H
#define GW_WIRE_PROPERTY_H

#include "wire/packet.h"

enum gw_prop {
#define X(name, identifier, kind, field, packets, title, section) GW_PROP_##name,
#include "wire/property.def"
#undef X
    GW_PROP_COUNT
};

#define GW_PROP_BIT(name)              ((uint32_t)1 << GW_PROP_##name)
#define GW_USER_PROPERTIES_MAX_DEFAULT 256u

/* The properties of one packet. A field counts only if its bit is set in `present`; use
 * gw_props_has. Properties that may repeat (user property, subscription identifier in PUBLISH) are
 * walked with gw_props_next over `raw`; their count is kept here. */
/* long: one member per row of property.def */
struct gw_props {
    uint32_t present; /* GW_PROP_BIT of each property that is there */
    uint16_t user_property_count;
    uint16_t subscription_id_count;
    /* Decoded: the whole property block without its length, validated.
     * To encode: ready-made properties (user properties, say) that are written as they are,
     * behind those of the fields. */
    struct gw_span raw;

    /* about a message */
    struct gw_span content_type, response_topic, correlation_data;
    uint32_t message_expiry;  /* seconds */
    uint32_t will_delay;      /* seconds */
    uint32_t subscription_id; /* the first one */
    uint16_t topic_alias;
    uint8_t payload_format;

    /* about the connection */
    uint32_t session_expiry; /* seconds, UINT32_MAX = never */
    uint32_t maximum_packet_size;
    uint16_t server_keep_alive; /* seconds */
    uint16_t receive_maximum, topic_alias_maximum;
    uint8_t request_problem, request_response, maximum_qos, retain_available;
    uint8_t wildcard_available, subscription_id_available, shared_available;

    /* texts */
    struct gw_span assigned_client_id, auth_method, auth_data;
    struct gw_span response_info, server_reference, reason_string;
};

/* Makes a property set empty; the fields stay as they are, for they do not count. */
static inline void gw_props_clear(struct gw_props *props)
{
    props->present = 0;
    props->user_property_count = 0;
    props->subscription_id_count = 0;
    props->raw = GW_SPAN_NONE;
}

/* True if nothing would be encoded. */
static inline bool gw_props_empty(const struct gw_props *props)
{
    return (props->present & ~GW_PROP_BIT(USER_PROPERTY)) == 0 && props->raw.size == 0;
}

#define gw_props_has(props, name) (((props)->present & GW_PROP_BIT(name)) != 0)

/* One property met on a walk over a validated block. */
struct gw_prop_item {
    enum gw_prop prop;
    uint32_t number;      /* byte, two and four byte integers, variable byte integers */
    struct gw_span text;  /* strings and binary data; the name of a user property */
    struct gw_span value; /* the value of a user property */
    struct gw_span raw;   /* the whole property, identifier included */
};

/* Reads a property block with its length field for a packet of `type` (or GW_IN_WILL) and checks
 * every rule that the table can tell: identifier, place, type, once, range, UTF-8, response topic
 * without wildcards. user_properties_max bounds the number of user properties (0x97 above it).
 * Direction-bound ones (subscription identifier in a client's PUBLISH, session expiry in a server's
 * DISCONNECT, server reference in a client's) are judged by from_server. After a fault *ret_props
 * is not to be used. */
GW_MUST_USE enum gw_status gw_props_decode(struct gw_reader *r, uint32_t packets_bit,
                                           bool from_server, uint32_t user_properties_max,
                                           struct gw_props *ret_props, struct gw_fault *ret_fault);

/* The same for a block that stands without its length field (as a kept message has it). */
GW_MUST_USE enum gw_status gw_props_decode_block(struct gw_span raw, uint32_t packets_bit,
                                                 bool from_server, uint32_t user_properties_max,
                                                 struct gw_props *ret_props,
                                                 struct gw_fault *ret_fault);

/* Writes the property block with its length field: the fields in `present` (except user property)
 * in table order, then `raw`. */
void gw_props_encode(struct gw_writer *w, const struct gw_props *props);

/* Bytes that gw_props_encode will write, length field included; GW_VARINT_MAX + 1 for all that
 * cannot be framed. */
size_t gw_props_size(const struct gw_props *props);

/* Takes the next property off the front of a validated block; GW_END at its end, GW_MALFORMED if it
 * was not validated and is broken. */
GW_MUST_USE enum gw_status gw_props_next(struct gw_reader *block, struct gw_prop_item *ret_item);

/* Copies from a validated block only the properties in `mask` (GW_PROP_BIT…), order kept; returns
 * bytes written. `memory` must hold block.size bytes. */
size_t gw_props_filter(struct gw_span block, uint32_t mask, uint8_t *memory);

/* Writes one user property (identifier, name, value). */
void gw_props_write_user(struct gw_writer *w, struct gw_span name, struct gw_span value);

/* The standard's name of a property ("Session Expiry Interval"); never NULL. */
const char *gw_prop_name(enum gw_prop prop);

#endif
