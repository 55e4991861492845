/*
 * session/record: what is written to the log about sessions, messages, groups and retained
 *                 messages: one struct, one encoder and one decoder for each kind of record.
 *
 * Layer   session (may include proto, topic, wire, base). Pure.
 * Owner   values; views borrow from the bytes that were decoded.
 * Life    none.
 * Limits  encoders want GW_RECORD_HEAD_MAX bytes and what their texts take.
 *
 * Every record says what is, not what changed relative to another one: applied twice, or after the
 * state it belongs to was written anew (a slice), it does no harm; a record about an unknown serial
 * is ignored. So a snapshot is nothing but the same records again, a few sessions at a time, and
 * recovery from any checkpoint is: apply in order (session/image.h). The bytes are described in
 * docs/reference/store-format.md; integers are LEB128 varints unless said otherwise.
 */
#ifndef GW_SESSION_RECORD_H
#define GW_SESSION_RECORD_H

#include "base/position.h"
#include "proto/message.h"
#include "session/subscription.h"

#define GW_RECORD_HEAD_MAX   96u  /* everything but texts, payload and subscription identifiers */
#define GW_RECORD_AUTHOR_MAX 160u /* bytes of a message's author */
#define GW_RECORD_ID_MAX     4u   /* a subscription identifier */

enum gw_record_kind {
    GW_RECORD_MESSAGE = 1, /* a publication, whoever it is for; can be read alone */
    GW_RECORD_SESSION,     /* a session is, with this expiry, online or not */
    GW_RECORD_WILL,        /* its will; none: it has none any more */
    GW_RECORD_END,         /* a session is not any more */
    GW_RECORD_SUBSCRIBE,   /* a subscription is, with these options */
    GW_RECORD_UNSUBSCRIBE,
    GW_RECORD_OWE,      /* a session is owed a message */
    GW_RECORD_SENT,     /* it goes, or went, out under this packet identifier */
    GW_RECORD_RELEASE,  /* PUBREC came: PUBREL is what is owed now */
    GW_RECORD_SETTLED,  /* nothing is owed any more */
    GW_RECORD_RECEIVED, /* a QoS 2 identifier of the client is in use: PUBREC stands for it */
    GW_RECORD_RELEASED, /* not any more */
    GW_RECORD_RETAINED, /* the retained message of a topic; nowhere: there is none */
    GW_RECORD_GROUP,    /* a shared group is, under this serial */
    GW_RECORD_GROUP_END,
    GW_RECORD_GROUP_OWE, /* a group is owed a message, until one of its members has had it */
    GW_RECORD_GROUP_SETTLED,
    GW_RECORD_COMPLETE, /* messages of one origin up to a position have reached all they are for */
    GW_RECORD_KIND_COUNT
};

/* The place of a message as a record names it. A record in the chunk of its message cannot know the
 * position yet and says how far back it is. */
struct gw_record_ref {
    gw_position position; /* if back is 0; 0 = nowhere */
    uint32_t back;        /* bytes from the message's record to this one */
};

struct gw_record_message {
    struct gw_message message; /* received_at, topic_hash, author: not written, and 0 when read */
    uint64_t received_ms;      /* wall clock, ms since 1970 */
    uint64_t session; /* serial of the publishing session if it is durable and QoS is 2, else 0 */
    gw_packet_id packet_id; /* of the publisher, with session */
    struct gw_span author;  /* who published it (broker/authors); empty = not known */
    uint8_t origin;         /* the stream that wrote it */
    bool relayed;           /* other shards have to take it up: see COMPLETE */
};

struct gw_record_session {
    uint64_t serial;     /* names it in all other records; never used again */
    uint64_t changed_ms; /* wall clock: when it came online or went offline */
    uint32_t expiry;     /* seconds; GW_SESSION_EXPIRY_NEVER */
    bool online;
    bool made;              /* just now: nothing that stands before this record was ever for it */
    bool adrift;            /* offline since the broker crashed while it was online */
    uint32_t adrift_before; /* with adrift: what has an order before this may have gone out then */
    struct gw_span client_id;
    struct gw_span user; /* who owns it; empty = anonymous */
};

struct gw_record_will {
    uint64_t serial;
    bool present;
    uint32_t delay;            /* seconds */
    struct gw_message message; /* borrowed; received_at, publisher, topic_hash are not used */
};

struct gw_record_subscription {
    uint64_t serial;
    struct gw_span filter; /* the whole text, $share included */
    struct gw_subscription_options options;
};

struct gw_record_owe {
    uint64_t serial;
    uint64_t group; /* serial of the shared group that chose this session, 0 = none */
    struct gw_record_ref message;
    uint32_t order;       /* of this delivery in its session; grows (serial-number arithmetic) */
    uint32_t group_order; /* with group: what the group calls it */
    uint32_t size;        /* of the message, as gw_message_footprint */
    uint8_t qos;
    bool retain;
    uint32_t id_count;       /* subscription identifiers */
    const uint32_t *ids;     /* to encode; NULL from the decoder: use gw_record_owe_id */
    struct gw_span id_bytes; /* from the decoder */
};

/* SENT (packet_id), RELEASE, SETTLED; RECEIVED and RELEASED (packet_id, no order). */
struct gw_record_step {
    uint64_t serial;
    uint32_t order;
    gw_packet_id packet_id;
};

struct gw_record_retained {
    struct gw_record_ref message;
    uint64_t expires_ms; /* with message: wall clock; 0 = never */
    uint32_t size;       /* with message: of it, as gw_message_footprint; 0: neither this nor
                            expires_ms is known */
    struct gw_record_ref cleared_by; /* with message nowhere: the logged message (with an empty
                                        payload) that did it; nowhere if none did */
    struct gw_span topic_name;
};

struct gw_record_group {
    uint64_t serial;
    struct gw_span filter; /* the whole text, $share included */
};

/* GROUP_OWE; GROUP_SETTLED uses serial and order. */
struct gw_record_group_owe {
    uint64_t serial;
    struct gw_record_ref message;
    uint32_t order;
    uint32_t size;
};

struct gw_record_complete {
    uint8_t origin;
    gw_position upto; /* inclusive */
};

/* Encoders write all but a MESSAGE's texts and payload, which follow as parts of their own (topic
 * name, properties, payload). The writer's overflow says that memory was too small, or that a
 * position was none. */
void gw_record_write_message(struct gw_writer *w, const struct gw_record_message *record);
void gw_record_write_session(struct gw_writer *w, const struct gw_record_session *record);
void gw_record_write_will(struct gw_writer *w, const struct gw_record_will *record); /* texts too */
/* SUBSCRIBE, UNSUBSCRIBE (whose options nobody reads). */
void gw_record_write_subscription(struct gw_writer *w, const struct gw_record_subscription *record);
void gw_record_write_owe(struct gw_writer *w, const struct gw_record_owe *record);
void gw_record_write_step(struct gw_writer *w, enum gw_record_kind kind,
                          const struct gw_record_step *record);
void gw_record_write_retained(struct gw_writer *w, const struct gw_record_retained *record);
void gw_record_write_group(struct gw_writer *w, const struct gw_record_group *record);
void gw_record_write_group_owe(struct gw_writer *w, enum gw_record_kind kind,
                               const struct gw_record_group_owe *record);
void gw_record_write_complete(struct gw_writer *w, const struct gw_record_complete *record);
void gw_record_write_serial(struct gw_writer *w, uint64_t serial); /* END, GROUP_END */

/* Decoders; GW_MALFORMED. Bytes behind the fields they know are not looked at: newer versions may
 * add some. Nothing in the bytes can make them read or write out of bounds, or name a
 * topic, filter or property that the wire would not have let in. */
GW_MUST_USE enum gw_status gw_record_read_message(struct gw_span body,
                                                  struct gw_record_message *ret_record);
GW_MUST_USE enum gw_status gw_record_read_session(struct gw_span body,
                                                  struct gw_record_session *ret_record);
GW_MUST_USE enum gw_status gw_record_read_will(struct gw_span body,
                                               struct gw_record_will *ret_record);
/* SUBSCRIBE; UNSUBSCRIBE, whose options are not there. */
GW_MUST_USE enum gw_status gw_record_read_subscription(struct gw_span body,
                                                       enum gw_record_kind kind,
                                                       struct gw_record_subscription *ret_record);
GW_MUST_USE enum gw_status gw_record_read_owe(struct gw_span body,
                                              struct gw_record_owe *ret_record);
GW_MUST_USE enum gw_status gw_record_read_step(struct gw_span body, enum gw_record_kind kind,
                                               struct gw_record_step *ret_record);
GW_MUST_USE enum gw_status gw_record_read_retained(struct gw_span body,
                                                   struct gw_record_retained *ret_record);
GW_MUST_USE enum gw_status gw_record_read_group(struct gw_span body,
                                                struct gw_record_group *ret_record);
GW_MUST_USE enum gw_status gw_record_read_group_owe(struct gw_span body, enum gw_record_kind kind,
                                                    struct gw_record_group_owe *ret_record);
GW_MUST_USE enum gw_status gw_record_read_complete(struct gw_span body,
                                                   struct gw_record_complete *ret_record);
GW_MUST_USE enum gw_status gw_record_read_serial(struct gw_span body, uint64_t *ret_serial);

/* The i-th subscription identifier of a decoded OWE. */
uint32_t gw_record_owe_id(const struct gw_record_owe *record, uint32_t index);

/* Where the message is that a record at `own` refers to; 0 = nowhere. */
static inline gw_position gw_record_place(const struct gw_record_ref *ref, gw_position own)
{
    return ref->back ? own - ref->back : ref->position;
}

#endif
