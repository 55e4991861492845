/*
 * session/image: the state that a log describes, rebuilt record by record.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; allocates with malloc.
 * Owner   one thread.
 * Life    new, apply for each record in order, finish once, then it is read and taken apart, free.
 * Limits  memory.
 *
 * Used by start-up (the broker takes sessions out and gives them to their shards), by the tools
 * (verify, export, compact) and by tests as the truth of what a log says.
 */
#ifndef GW_SESSION_IMAGE_H
#define GW_SESSION_IMAGE_H

#include "base/list.h"
#include "base/map.h"
#include "session/record.h"

/* One delivery owed. */
struct gw_image_delivery {
    gw_position message; /* 0 if releasing */
    uint64_t group;      /* serial, 0 = none */
    uint32_t order;
    uint32_t group_order;
    uint32_t size;
    uint32_t id; /* the first subscription identifier, 0 = none */
    gw_packet_id packet_id;
    uint8_t qos;
    bool retain;
    bool releasing;
    bool settled;        /* only inside apply; never seen after finish */
    struct gw_blob *ids; /* all identifiers (uint32_t) if more than one */
};

struct gw_image_subscription {
    struct gw_list link;
    struct gw_subscription_options options;
    uint16_t filter_size;
    uint8_t filter[];
};

struct gw_image_session {
    struct gw_map_node by_serial;
    struct gw_map_node by_client_id;
    uint64_t serial;
    uint64_t changed_ms;
    uint32_t expiry;
    bool online;
    struct gw_list subscriptions;         /* gw_image_subscription.link, oldest first */
    struct gw_image_delivery *deliveries; /* after finish: in the order of `order` */
    size_t delivery_count;
    size_t delivery_capacity;
    uint32_t next_order;
    gw_packet_id *received; /* QoS 2 identifiers in use */
    size_t received_count;
    size_t received_capacity;
    struct gw_blob *will; /* the WILL record's body, NULL if none */
    struct gw_blob *user; /* NULL: anonymous */
    uint16_t client_id_size;
    uint8_t client_id[];
};

struct gw_image_retained {
    struct gw_map_node node; /* by topic name */
    gw_position message;
    uint32_t topic_size;
    uint8_t topic_name[];
};

struct gw_image_group_entry {
    gw_position message;
    uint32_t order;
    uint32_t size;
};

struct gw_image_group {
    struct gw_map_node node; /* by filter */
    uint64_t serial;
    struct gw_image_group_entry *entries; /* after finish: in the order of `order` */
    size_t entry_count;
    size_t entry_capacity;
    uint32_t next_order;
    uint16_t filter_size;
    uint8_t filter[];
};

/* A message that had not reached all it was for: it has to be routed again, past those that have it
 * already. */
struct gw_image_unfinished {
    gw_position message;
    uint64_t *had; /* serials of sessions and groups, unordered */
    size_t had_count;
    size_t had_capacity;
    bool retained; /* it has become its topic's retained message already */
};

struct gw_image {
    struct gw_map sessions;     /* gw_image_session.by_serial */
    struct gw_map by_client_id; /* gw_image_session.by_client_id */
    struct gw_map retained;     /* gw_image_retained.node */
    struct gw_map groups;       /* gw_image_group.node */
    struct gw_map groups_by_serial;
    struct gw_image_unfinished *unfinished; /* oldest first */
    size_t unfinished_count;
    size_t unfinished_capacity;
    gw_position complete[256]; /* by origin */
    uint64_t serial_max;       /* the largest seen */
    uint64_t ignored;          /* records about what is not there (any more): normal after slices */
    uint64_t malformed;        /* records that made no sense; skipped */
    bool out_of_memory;
};

/* NULL when memory is out. */
struct gw_image *gw_image_new(uint64_t seed);
void gw_image_free(struct gw_image *image);

/* Applies one record; what it means to an unknown serial is nothing. */
void gw_image_apply(struct gw_image *image, uint8_t kind, gw_position position,
                    struct gw_span body);
/* After the last record: sorts deliveries, forgets what is settled, drops groups' entries that a
 * session has under way with QoS 2 (it keeps them), removes the finished from `unfinished`.
 * GW_NO_MEMORY if memory was out at any time. */
GW_MUST_USE enum gw_status gw_image_finish(struct gw_image *image);

/* A session of the image by its serial, or NULL. */
struct gw_image_session *gw_image_find(const struct gw_image *image, uint64_t serial);

#endif
