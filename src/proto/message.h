/*
 * proto/message: an application message on its way: a view while it passes, a counted blob as soon
 * as somebody keeps it.
 *
 * Layer   proto (may include wire, base). Allocates only in gw_message_keep.
 * Owner   the view: one loop; the blob: any thread, immutable.
 * Life    a view borrows its bytes; keep gives it a blob (one reference, released by drop).
 * Limits  sizes as the packet that brought it.
 */
#ifndef GW_PROTO_MESSAGE_H
#define GW_PROTO_MESSAGE_H

#include "base/blob.h"
#include "base/time.h"
#include "wire/property.h"

/* The properties that travel with a message unaltered (MQTT-3.3.2-4, -15, -16, -17, -20). */
#define GW_MESSAGE_PROPS                                                                           \
    (GW_PROP_BIT(PAYLOAD_FORMAT) | GW_PROP_BIT(CONTENT_TYPE) | GW_PROP_BIT(RESPONSE_TOPIC) |       \
     GW_PROP_BIT(CORRELATION_DATA) | GW_PROP_BIT(USER_PROPERTY))

#define GW_MESSAGE_AUTHORS (1u << 20)

struct gw_message {
    struct gw_span topic_name;
    struct gw_span props; /* encoded, only GW_MESSAGE_PROPS */
    struct gw_span payload;
    gw_mono_ns received_at;
    uint64_t publisher; /* hash of its client id, for No Local; 0 = the broker itself */
    uint64_t topic_hash;
    uint32_t author; /* who published it: a number of the broker's, below GW_MESSAGE_AUTHORS; 0 =
                      * not known, or the broker itself */
    uint32_t expiry; /* seconds from received_at, if has_expiry */
    bool has_expiry;
    bool retain;
    uint8_t qos;
    struct gw_blob *blob; /* what holds the bytes, or NULL while they are borrowed */
};

/* Makes sure that the message has a blob of its own; its spans then point into it. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_message_keep(struct gw_message *message);

/* Opens a blob made by keep: a view with message->blob = blob, without a reference of its own. */
void gw_message_open(struct gw_blob *blob, struct gw_message *ret_message);

/* Gives back the reference of a view that was kept; fine if it was not. */
void gw_message_drop(struct gw_message *message);

/* True if its time ran out before `now` (MQTT-3.3.2-5). */
bool gw_message_expired(const struct gw_message *message, gw_mono_ns now);

/* The expiry to send on: what it came with less the whole seconds it waited (MQTT-3.3.2-6). */
uint32_t gw_message_expiry_left(const struct gw_message *message, gw_mono_ns now);

/* When it expires, GW_NEVER without expiry. */
gw_mono_ns gw_message_deadline(const struct gw_message *message);

/* What keeping it costs, in bytes. */
size_t gw_message_footprint(const struct gw_message *message);

#endif
