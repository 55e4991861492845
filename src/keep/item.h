/*
 * keep/item: one thing that a store holds, as the tools hand it on: from a store or a JSON line, to
 *            a store or a JSON line.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   values; all that is pointed to is valid during the call that gives the item.
 * Life    none.
 * Limits  as the records (session/record.h).
 *
 * Items name sessions by client identifier and groups by filter, never by serial. In a whole store
 * they come in the order of the kinds below, but for subscription and will, which follow their
 * session.
 */
#ifndef GW_KEEP_ITEM_H
#define GW_KEEP_ITEM_H

#include "session/record.h"

enum gw_item_kind {
    GW_ITEM_STORE,        /* the first one: says how to read the others */
    GW_ITEM_GROUP,        /* a shared group is */
    GW_ITEM_SESSION,      /* a session is, with its received QoS 2 identifiers */
    GW_ITEM_WILL,         /* its will */
    GW_ITEM_SUBSCRIPTION, /* a subscription of it */
    GW_ITEM_UNFINISHED,   /* a message that has not reached all it is for */
    GW_ITEM_QUEUED,       /* a session is owed a message, or a PUBREL */
    GW_ITEM_GROUP_QUEUED, /* a group is owed a message */
    GW_ITEM_RETAINED,     /* the retained message of its topic */
    GW_ITEM_KIND_COUNT
};

#define GW_ITEM_VERSION 1u

/* What tells a message from others: what has the same key is written once. */
struct gw_item_key {
    uint64_t parts[2];
};

struct gw_item_names {
    const struct gw_span *list;
    size_t count;
};

struct gw_item {
    enum gw_item_kind kind;
    uint32_t version;         /* STORE */
    struct gw_span client_id; /* SESSION, WILL, SUBSCRIPTION, QUEUED */
    struct gw_span filter;    /* SUBSCRIPTION; GROUP, GROUP_QUEUED and QUEUED: of the group */

    struct gw_record_session session; /* SESSION: changed_ms, expiry, online, user */
    const gw_packet_id *received;     /* SESSION */
    size_t received_count;
    uint32_t delay;                         /* WILL, seconds */
    struct gw_subscription_options options; /* SUBSCRIPTION */

    struct gw_record_message message; /* session and packet_id are not used */
    struct gw_item_key key;
    bool has_message; /* only a QUEUED that is releasing has none */

    gw_packet_id packet_id; /* QUEUED, 0 = not sent */
    uint8_t qos;
    bool retain;
    bool releasing;
    const uint32_t *ids;
    uint32_t id_count;

    struct gw_item_names had_sessions; /* UNFINISHED: who has it already */
    struct gw_item_names had_groups;
    bool retained; /* UNFINISHED: it has done what it does to the retained set */
};

/* Takes an item; anything but GW_OK ends the walk. */
typedef enum gw_status gw_item_fn(void *user, const struct gw_item *item);

/* "session", "queued" and so on, as in an export. */
const char *gw_item_kind_name(enum gw_item_kind kind);

#endif
