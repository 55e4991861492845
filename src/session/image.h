/*
 * session/image: the state that a log describes, rebuilt record by record.
 *
 * Layer   session (may include proto, topic, wire, base). Pure; allocates with malloc.
 * Owner   one thread.
 * Life    new, apply for each record in order, finish once, then it is read and taken apart, free.
 * Limits  memory: 58 bytes or less for a delivery with one subscription identifier at most.
 *
 * Used by start-up (the broker takes sessions out and gives them to their shards), by the tools
 * (verify, export, compact) and by tests as the truth of what a log says.
 *
 * Serials of sessions and groups come from one source, are never used again, and of two sessions
 * with one client identifier (two groups with one filter) the later one has the larger. So the
 * image needs no order between the streams but the log's, and a record that is met twice, or about
 * what has ended or was settled meanwhile, changes nothing.
 */
#ifndef GW_SESSION_IMAGE_H
#define GW_SESSION_IMAGE_H

#include "base/list.h"
#include "base/map.h"
#include "proto/idset.h"
#include "session/numset.h"
#include "session/orders.h"
#include "session/record.h"

/* One delivery owed. */
struct gw_image_delivery {
    uint32_t order;      /* first: see session/orders */
    uint32_t size;       /* of the message, as gw_message_footprint */
    gw_position message; /* 0 if releasing, and only then */
    uint64_t group;      /* serial, 0 = none */
    uint32_t group_order;
    uint32_t id;         /* the first subscription identifier, 0 = none */
    struct gw_blob *ids; /* all identifiers (uint32_t) if more than one */
    gw_packet_id packet_id;
    uint8_t qos;
    bool retain;
    bool releasing;
};

_Static_assert(sizeof(struct gw_image_delivery) == 48, "small, there are millions");

struct gw_image_subscription {
    struct gw_list link;
    struct gw_map_node node; /* by serial and filter */
    struct gw_subscription_options options;
    uint16_t filter_size;
    uint64_t serial; /* of its session; key of the map together with filter */
    uint8_t filter[];
};

struct gw_image_session {
    struct gw_map_node by_serial;
    struct gw_map_node by_client_id;
    uint64_t serial;
    uint64_t changed_ms;
    uint32_t expiry;
    bool online;
    bool adrift;                          /* as in its record */
    uint32_t adrift_before;               /* orders before it may have gone out */
    uint8_t home;                         /* with home_at: that loop's stream */
    struct gw_list subscriptions;         /* gw_image_subscription.link, oldest first */
    struct gw_image_delivery *deliveries; /* after finish: in the order of `order` */
    size_t delivery_count;
    uint32_t next_order;    /* after finish */
    gw_packet_id *received; /* after finish: QoS 2 identifiers in use */
    size_t received_count;
    struct gw_orders orders;   /* before finish; holds the deliveries afterwards too */
    struct gw_idset receiving; /* before finish */
    gw_position made_at;       /* messages before it are not for this session; 0: unknown */
    gw_position home_at;       /* the last record by which it was on the loop of `home`; 0: none */
    struct gw_blob *will;      /* the WILL record's body, NULL if none */
    struct gw_blob *user;      /* NULL: anonymous */
    uint16_t client_id_size;
    uint8_t client_id[];
};

struct gw_image_retained {
    struct gw_map_node node; /* by topic name */
    gw_position message;
    uint64_t expires_ms; /* wall clock, 0 = never */
    uint32_t size;       /* as gw_message_footprint; 0: neither this nor expires_ms is known */
    uint32_t topic_size;
    uint8_t topic_name[];
};

struct gw_image_group_entry {
    uint32_t order; /* first: see session/orders */
    uint32_t size;
    gw_position message;
};

struct gw_image_group {
    struct gw_map_node node; /* by filter */
    struct gw_map_node by_serial;
    uint64_t serial;
    struct gw_image_group_entry *entries; /* after finish: in the order of `order` */
    size_t entry_count;
    uint32_t next_order;     /* after finish */
    struct gw_orders orders; /* before finish; holds the entries afterwards too */
    uint16_t filter_size;
    uint8_t filter[];
};

/* A message that had not reached all it was for: it has to be routed again, past those that have it
 * already. */
struct gw_image_unfinished {
    gw_position message;
    uint64_t *had; /* serials of sessions and groups; after finish: ascending, each once */
    uint32_t had_count;
    uint32_t had_capacity;
    uint8_t origin; /* the stream that wrote it */
    bool retained;  /* what it does to the retained set is done already */
};

/* What a session took from a group that the log has not named yet. */
struct gw_image_taken {
    uint64_t group;
    uint32_t order;
};

struct gw_image {
    struct gw_map sessions;      /* gw_image_session.by_serial */
    struct gw_map by_client_id;  /* gw_image_session.by_client_id */
    struct gw_map subscriptions; /* gw_image_subscription.node, of all sessions */
    struct gw_map retained;      /* gw_image_retained.node */
    struct gw_map groups;        /* gw_image_group.node */
    struct gw_map groups_by_serial;
    struct gw_image_unfinished *unfinished; /* oldest first */
    size_t unfinished_count;
    size_t unfinished_capacity;
    struct gw_image_taken *taken; /* before finish */
    size_t taken_count;
    size_t taken_capacity;
    gw_position complete[256];     /* by origin */
    struct gw_numset ended;        /* serials of sessions and groups */
    struct gw_image_session *last; /* the one that the last record was about, or NULL */
    uint64_t serial_max;           /* the largest seen */
    uint64_t ignored;    /* records about what is not there (any more): normal after slices */
    uint64_t malformed;  /* records that made no sense; skipped */
    uint64_t unknown;    /* records of kinds that only a newer version knows; skipped */
    uint8_t last_origin; /* of the message read last */
    bool out_of_memory;
};

/* NULL when memory is out. */
struct gw_image *gw_image_new(uint64_t seed);
/* NULL is fine. */
void gw_image_free(struct gw_image *image);

/* Applies one record; what it means to an unknown serial is nothing. The upper bit of the kind is
 * the store's and not looked at. */
void gw_image_apply(struct gw_image *image, uint8_t kind, gw_position position,
                    struct gw_span body);
/* After the last record: sorts deliveries, forgets what is settled, drops groups' entries that a
 * session has under way with QoS 2 (it keeps them), and sessions' deliveries that were not sent so
 * and that their group still has (it keeps them), removes the finished from `unfinished`.
 * GW_NO_MEMORY if memory was out at any time. */
GW_MUST_USE enum gw_status gw_image_finish(struct gw_image *image);

/* A session of the image by its serial, or NULL. */
struct gw_image_session *gw_image_find(const struct gw_image *image, uint64_t serial);
/* A group by its serial, or NULL. */
struct gw_image_group *gw_image_find_group(const struct gw_image *image, uint64_t serial);

/* -- after finish: going through it; begin with gw_map_first on the map -- */

/* The next of image->sessions, ->groups, ->retained, or NULL; the one before may be dropped. */
struct gw_image_session *gw_image_next_session(struct gw_image *image,
                                               struct gw_map_cursor *cursor);
struct gw_image_group *gw_image_next_group(struct gw_image *image, struct gw_map_cursor *cursor);
struct gw_image_retained *gw_image_next_retained(struct gw_image *image,
                                                 struct gw_map_cursor *cursor);
/* Takes one out and releases it, when it has been taken over. */
void gw_image_drop_session(struct gw_image *image, struct gw_image_session *session);
void gw_image_drop_group(struct gw_image *image, struct gw_image_group *group);
void gw_image_drop_retained(struct gw_image *image, struct gw_image_retained *retained);

/* All subscription identifiers of a delivery: how many; *ret_ids points into it. */
size_t gw_image_delivery_ids(const struct gw_image_delivery *delivery, const uint32_t **ret_ids);

/* Calls fn for the position of every message that is still needed, once for each need: deliveries,
 * groups' entries, retained, unfinished. */
typedef void gw_image_position_fn(void *user, gw_position position);
void gw_image_holds(struct gw_image *image, gw_image_position_fn *fn, void *user);

#endif
