#include "base/map.h"

#include <stdlib.h>

#include "base/assert.h"

#define BUCKETS_MIN 8
/* One bucket an insert would do: the old array has half as many buckets as inserts fit before the
 * next growth. More ends the double look-ups sooner. */
#define MOVES_PER_INSERT 4

void gw_map_init(struct gw_map *map, gw_map_key_fn *key, uint64_t seed)
{
    *map = (struct gw_map){.key = key, .seed = seed};
}

void gw_map_fini(struct gw_map *map)
{
    if (map == NULL)
        return;
    free(map->buckets);
    free(map->old_buckets);
    gw_map_init(map, map->key, map->seed);
}

/* The bucket that holds (or would hold) members of this hash right now. */
static struct gw_map_node **bucket_of(const struct gw_map *map, uint64_t hash)
{
    if (map->old_buckets != NULL) {
        size_t old = (size_t)hash & (map->old_bucket_count - 1);
        if (old >= map->moved)
            return &map->old_buckets[old];
    }
    return &map->buckets[(size_t)hash & (map->bucket_count - 1)];
}

static struct gw_map_node *find_hashed(const struct gw_map *map, struct gw_span key, uint64_t hash)
{
    if (map->count == 0)
        return NULL;
    struct gw_map_node *node = *bucket_of(map, hash);
    while (node != NULL && !(node->hash == hash && gw_span_equal(map->key(node), key)))
        node = node->next;
    return node;
}

struct gw_map_node *gw_map_find(const struct gw_map *map, struct gw_span key)
{
    return find_hashed(map, key, gw_hash_bytes(key, map->seed));
}

static void move_bucket(struct gw_map *map)
{
    struct gw_map_node *node = map->old_buckets[map->moved];
    map->moved++; /* first, so that bucket_of points to the new array */
    while (node != NULL) {
        struct gw_map_node *next = node->next;
        struct gw_map_node **bucket = bucket_of(map, node->hash);
        node->next = *bucket;
        *bucket = node;
        node = next;
    }
}

static void move_some(struct gw_map *map)
{
    if (map->old_buckets == NULL)
        return;
    for (int i = 0; i < MOVES_PER_INSERT && map->moved < map->old_bucket_count; i++)
        move_bucket(map);
    if (map->moved < map->old_bucket_count)
        return;
    free(map->old_buckets);
    map->old_buckets = NULL;
    map->old_bucket_count = 0;
    map->moved = 0;
}

/* Starts the move to an array of twice the size once there is a member a bucket. Where memory is
 * out, the map stays as it is and only gets slower; without any array it cannot. */
static enum gw_status grow(struct gw_map *map)
{
    if (map->count < map->bucket_count || map->old_buckets != NULL)
        return GW_OK;
    size_t count = map->bucket_count > 0 ? map->bucket_count * 2 : BUCKETS_MIN;
    struct gw_map_node **buckets = calloc(count, sizeof(*buckets));
    if (buckets == NULL)
        return map->buckets != NULL ? GW_OK : GW_NO_MEMORY;
    map->old_buckets = map->buckets;
    map->old_bucket_count = map->bucket_count;
    map->moved = 0;
    map->buckets = buckets;
    map->bucket_count = count;
    return GW_OK;
}

enum gw_status gw_map_insert(struct gw_map *map, struct gw_map_node *node)
{
    struct gw_span key = map->key(node);
    uint64_t hash = gw_hash_bytes(key, map->seed);
    if (find_hashed(map, key, hash) != NULL)
        return GW_EXISTS;
    GW_TRY(grow(map));
    move_some(map);
    struct gw_map_node **bucket = bucket_of(map, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->count++;
    return GW_OK;
}

void gw_map_remove(struct gw_map *map, struct gw_map_node *node)
{
    GW_ASSERT(map->count > 0);
    struct gw_map_node **at = bucket_of(map, node->hash);
    while (*at != node) {
        GW_ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    map->count--;
}

/* Buckets are numbered through: first those of the old array, then those of the new one. */
static void skip_empty(struct gw_map *map, struct gw_map_cursor *cursor)
{
    size_t total = map->old_bucket_count + map->bucket_count;
    while (cursor->next == NULL && cursor->bucket < total) {
        size_t i = cursor->bucket++;
        if (i < map->old_bucket_count)
            cursor->next = i < map->moved ? NULL : map->old_buckets[i];
        else
            cursor->next = map->buckets[i - map->old_bucket_count];
    }
}

void gw_map_first(struct gw_map *map, struct gw_map_cursor *cursor)
{
    *cursor = (struct gw_map_cursor){0};
    skip_empty(map, cursor);
}

struct gw_map_node *gw_map_next(struct gw_map *map, struct gw_map_cursor *cursor)
{
    struct gw_map_node *node = cursor->next;
    if (node == NULL)
        return NULL;
    cursor->next = node->next;
    skip_empty(map, cursor);
    return node;
}
