/*
 * wire/publish: PUBLISH.
 *
 * Layer   wire (may include base). Pure.
 * Owner   values; strings and payload are views into the decoded bytes.
 * Life    nothing to release.
 * Limits  user properties, as wire/property.
 */
#ifndef GW_WIRE_PUBLISH_H
#define GW_WIRE_PUBLISH_H

#include "wire/property.h"

#define GW_PUBLISH_DUP    0x08u
#define GW_PUBLISH_RETAIN 0x01u

struct gw_publish {
    bool dup;
    bool retain;
    uint8_t qos;
    gw_packet_id packet_id;    /* 0 with QoS 0 */
    struct gw_span topic_name; /* empty only in MQTT 5 with a topic alias */
    struct gw_span payload;
    struct gw_props props;
};

/* Decodes what stands behind a checked fixed header. Checks: UTF-8, no wildcards in the topic name
 * (0x90), packet id not 0 (0x82), properties, empty topic name without alias (0x82; in 3.x
 * malformed). Alias range is the connection's business. */
GW_MUST_USE enum gw_status gw_publish_decode(const struct gw_header *header, struct gw_span body,
                                             enum gw_version version, bool from_server,
                                             uint32_t user_properties_max,
                                             struct gw_publish *ret_publish,
                                             struct gw_fault *ret_fault);

/* Glances at the whole packets that bytes begin with and gives the topic names of those that are
 * PUBLISH, as they are: nothing is checked but that they lie within their packets, and those
 * without one (aliases) are left out. Returns how many, `names_max` at most; *ret_seen is what was
 * looked at, in bytes. */
size_t gw_publish_glance(struct gw_span bytes, enum gw_version version, struct gw_span *ret_names,
                         size_t names_max, size_t *ret_seen);

/* Size of the whole packet for a version, saturating at SIZE_MAX above what MQTT can frame. */
size_t gw_publish_size(const struct gw_publish *publish, enum gw_version version);

/* Writes everything but the payload (fixed header, topic name, packet id, properties), with lengths
 * that count the payload; returns the bytes written, 0 if they do not fit. For 3.x properties are
 * left out. */
size_t gw_publish_encode_head(struct gw_writer *w, const struct gw_publish *publish,
                              enum gw_version version);

#endif
