/*
 * base/map: hash map from bytes to objects, with the links inside the objects.
 *
 * Layer   base. Allocates its bucket array only, never per member.
 * Owner   whoever owns the map; not thread-safe.
 * Life    init/fini on the caller's memory; members are the caller's and must be removed or left
 *         behind by fini knowingly.
 * Limits  growth in steps: an insert moves at most a few old buckets, so no insert is long.
 */
#ifndef GW_BASE_MAP_H
#define GW_BASE_MAP_H

#include "base/hash.h"
#include "base/span.h"
#include "base/status.h"

struct gw_map_node {
    struct gw_map_node *next;
    uint64_t hash;
};

/* Says which bytes are the key of the member that holds `node`. */
typedef struct gw_span gw_map_key_fn(const struct gw_map_node *node);

struct gw_map {
    gw_map_key_fn *key;
    uint64_t seed;
    struct gw_map_node **buckets;     /* power of two, NULL until the first insert */
    struct gw_map_node **old_buckets; /* being moved into buckets, else NULL */
    size_t bucket_count;
    size_t old_bucket_count;
    size_t moved; /* old buckets already moved */
    size_t count;
};

/* Prepares an empty map; allocates nothing. */
void gw_map_init(struct gw_map *map, gw_map_key_fn *key, uint64_t seed);

/* Releases the bucket array; members are not touched. */
void gw_map_fini(struct gw_map *map);

/* The member with this key, or NULL. */
struct gw_map_node *gw_map_find(const struct gw_map *map, struct gw_span key);

/* Adds a member whose key must not be there yet (GW_EXISTS); GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_map_insert(struct gw_map *map, struct gw_map_node *node);

/* Takes a member out; it must be in the map. */
void gw_map_remove(struct gw_map *map, struct gw_map_node *node);

/* A cursor over all members that survives removal of the member it just gave. */
struct gw_map_cursor {
    size_t bucket;
    struct gw_map_node *next;
};

/* Starts a walk; no insert may happen during it. */
void gw_map_first(struct gw_map *map, struct gw_map_cursor *cursor);

/* The next member, or NULL at the end; members may be removed once they were given. */
struct gw_map_node *gw_map_next(struct gw_map *map, struct gw_map_cursor *cursor);

#endif
