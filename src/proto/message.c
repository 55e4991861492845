#include "proto/message.h"

/* What stands at the beginning of a message's blob, before topic name, properties and payload. */
struct kept {
    gw_mono_ns received_at;
    uint64_t publisher;
    uint64_t topic_hash;
    uint32_t expiry;
    uint32_t props_size : 28; /* no packet is larger */
    uint32_t author_high : 4;
    uint32_t payload_size : 28;
    uint32_t qos : 2;
    uint32_t has_expiry : 1;
    uint32_t retain : 1;
    uint16_t topic_size;
    uint16_t author_low;
};

#define SIZE_MASK 0x0FFFFFFFu

_Static_assert(sizeof(struct kept) == 40, "one message, one small header");

static uint8_t *put(uint8_t *at, struct gw_span span)
{
    if (span.size > 0)
        memcpy(at, span.data, span.size);
    return at + span.size;
}

enum gw_status gw_message_keep(struct gw_message *message)
{
    if (message->blob)
        return GW_OK;
    if (message->props.size > SIZE_MASK || message->payload.size > SIZE_MASK)
        return GW_NO_MEMORY; /* larger than any packet: nobody has that much */
    struct gw_blob *blob = gw_blob_new(sizeof(struct kept) + message->topic_name.size +
                                       message->props.size + message->payload.size);
    if (!blob)
        return GW_NO_MEMORY;
    struct kept head = {
        .received_at = message->received_at,
        .publisher = message->publisher,
        .topic_hash = message->topic_hash,
        .expiry = message->expiry,
        .props_size = message->props.size & SIZE_MASK,
        .author_high = (message->author >> 16) & 0xFu,
        .payload_size = message->payload.size & SIZE_MASK,
        .qos = message->qos & 3u,
        .topic_size = (uint16_t)message->topic_name.size,
        .author_low = (uint16_t)message->author,
        .has_expiry = message->has_expiry,
        .retain = message->retain,
    };
    memcpy(blob->data, &head, sizeof(head));
    uint8_t *at = blob->data + sizeof(head);
    at = put(at, message->topic_name);
    at = put(at, message->props);
    put(at, message->payload);
    gw_message_open(blob, message);
    return GW_OK;
}

void gw_message_open(struct gw_blob *blob, struct gw_message *ret_message)
{
    struct kept head;
    memcpy(&head, blob->data, sizeof(head));
    const uint8_t *at = blob->data + sizeof(head);
    *ret_message = (struct gw_message){
        .topic_name = gw_span_of(at, head.topic_size),
        .props = gw_span_of(at + head.topic_size, head.props_size),
        .payload = gw_span_of(at + head.topic_size + head.props_size, head.payload_size),
        .received_at = head.received_at,
        .publisher = head.publisher,
        .topic_hash = head.topic_hash,
        .author = (uint32_t)head.author_high << 16 | head.author_low,
        .expiry = head.expiry,
        .has_expiry = head.has_expiry,
        .retain = head.retain,
        .qos = head.qos,
        .blob = blob,
    };
}

void gw_message_drop(struct gw_message *message)
{
    gw_blob_unref(&message->blob);
}

gw_mono_ns gw_message_deadline(const struct gw_message *message)
{
    if (!message->has_expiry)
        return GW_NEVER;
    return gw_time_add_s(message->received_at, message->expiry);
}

bool gw_message_expired(const struct gw_message *message, gw_mono_ns now)
{
    return message->has_expiry && now >= gw_message_deadline(message) && now > message->received_at;
}

uint32_t gw_message_expiry_left(const struct gw_message *message, gw_mono_ns now)
{
    uint64_t waited = now > message->received_at ? (now - message->received_at) / GW_NS_PER_S : 0;
    return waited < message->expiry ? message->expiry - (uint32_t)waited : 0;
}

size_t gw_message_footprint(const struct gw_message *message)
{
    return sizeof(struct gw_blob) + sizeof(struct kept) + message->topic_name.size +
           message->props.size + message->payload.size;
}
