/*
 * wire/subscribe: SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK.
 *
 * Layer   wire (may include base). Pure.
 * Owner   values; strings are views into the decoded bytes.
 * Life    nothing to release.
 * Limits  the whole packet is validated before the first filter is handed out.
 */
#ifndef GW_WIRE_SUBSCRIBE_H
#define GW_WIRE_SUBSCRIBE_H

#include "wire/property.h"

enum gw_retain_handling {
    GW_RETAIN_SEND = 0,
    GW_RETAIN_SEND_IF_NEW = 1,
    GW_RETAIN_DO_NOT_SEND = 2,
};

/* One filter of a SUBSCRIBE or UNSUBSCRIBE (options are zero in the latter). */
struct gw_filter_request {
    struct gw_span filter;
    uint8_t qos;
    bool no_local;
    bool retain_as_published;
    uint8_t retain_handling; /* enum gw_retain_handling */
};

/* SUBSCRIBE or UNSUBSCRIBE, as the type says. */
struct gw_subscribe {
    enum gw_packet_type type;
    gw_packet_id packet_id;
    uint32_t filter_count; /* at least 1 */
    struct gw_props props;
    struct gw_span filters; /* validated; walk with gw_subscribe_next */
};

/* Decodes and validates everything: packet id not 0, properties, at least one filter, option bits,
 * UTF-8, no trailing bytes, no local with "$share/" (MQTT-3.8.3-4). The syntax of filters (empty
 * ones, wildcards, $share) is topic's business. */
GW_MUST_USE enum gw_status gw_subscribe_decode(enum gw_packet_type type, struct gw_span body,
                                               enum gw_version version,
                                               uint32_t user_properties_max,
                                               struct gw_subscribe *ret_subscribe,
                                               struct gw_fault *ret_fault);

/* Takes the next filter off a validated list (init the reader with `filters`); GW_END at the end.
 */
GW_MUST_USE enum gw_status gw_subscribe_next(struct gw_reader *filters, enum gw_packet_type type,
                                             struct gw_filter_request *ret_request);

/* Writes the whole packet (props may be NULL for none); returns its size, 0 if it does not fit. */
size_t gw_subscribe_encode(struct gw_writer *w, enum gw_version version, enum gw_packet_type type,
                           gw_packet_id packet_id, const struct gw_props *props,
                           const struct gw_filter_request *requests, size_t request_count);

/* SUBACK or UNSUBACK: one reason code per filter (3.x UNSUBACK: none). */
struct gw_suback {
    enum gw_packet_type type;
    gw_packet_id packet_id;
    struct gw_props props;
    struct gw_span reasons;
};

GW_MUST_USE enum gw_status gw_suback_decode(enum gw_packet_type type, struct gw_span body,
                                            enum gw_version version, struct gw_suback *ret_suback,
                                            struct gw_fault *ret_fault);

/* Writes the whole packet, reasons as MQTT 5 codes; for 3.1.1 codes >= 0x80 become 0x80, for 3.1
 * they become QoS 0; returns its size, 0 if it does not fit. */
size_t gw_suback_encode(struct gw_writer *w, enum gw_version version,
                        const struct gw_suback *suback);

/* As gw_suback_encode, but without the properties if the packet would be larger than packet_max
 * with them (MQTT-3.9.2-1, 3.9.2-2, 3.11.2-1, 3.11.2-2). */
size_t gw_suback_encode_within(struct gw_writer *w, enum gw_version version,
                               const struct gw_suback *suback, uint32_t packet_max);

#endif
