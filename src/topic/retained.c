/*
 * A skip list in the order of names, and a map by name over the same items. The height of an item
 * comes from a keyed hash of its name, so nobody outside can build a slow list.
 */
#include "topic/retained.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/map.h"
#include "topic/name.h"

#define HEIGHT_MAX 16u /* at a quarter per level: 4^16 items */

/* A name, a separator and a level of the filter. */
#define PLACE_MAX (2u * 65535u + 1u)

struct item {
    struct gw_map_node by_name;
    void *value;
    uint16_t size;
    uint8_t height;
    struct item *next[]; /* `height` of them, then the name */
};

struct gw_retained {
    struct gw_map map;
    gw_retained_release_fn *release;
    uint64_t seed;
    struct item *first[HEIGHT_MAX];
    uint32_t height; /* levels in use */
};

static struct gw_span name_of(const struct item *item)
{
    return gw_span_of(&item->next[item->height], item->size);
}

static struct gw_span map_key(const struct gw_map_node *node)
{
    const struct item *item =
        (const struct item *)(const void *)((const char *)node - offsetof(struct item, by_name));
    return name_of(item);
}

struct gw_retained *gw_retained_new(uint64_t hash_seed, gw_retained_release_fn *release)
{
    struct gw_retained *set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    gw_map_init(&set->map, map_key, hash_seed);
    set->release = release;
    set->seed = hash_seed;
    return set;
}

void gw_retained_free(struct gw_retained *set)
{
    if (!set)
        return;
    gw_map_fini(&set->map);
    for (struct item *item = set->first[0]; item;) {
        struct item *next = item->next[0];
        set->release(item->value);
        free(item);
        item = next;
    }
    free(set);
}

/* The first index at which a and b differ, at most `size`. */
static size_t mismatch(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
        uint64_t a_word, b_word;
        memcpy(&a_word, a + i, sizeof(a_word));
        memcpy(&b_word, b + i, sizeof(b_word));
        if (a_word != b_word)
            break;
    }
    while (i < size && a[i] == b[i])
        i++;
    return i;
}

/* Below, at or above 0 as a stands before, at or behind b. '/' is the lowest byte (U+0000 is in no
 * name), so names are ordered as sequences of levels and a subtree has no gaps. */
static int order(struct gw_span a, struct gw_span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    size_t i = mismatch(a.data, b.data, size);
    if (i == size)
        return (a.size > b.size) - (a.size < b.size);
    int a_byte = a.data[i] == '/' ? 0 : a.data[i];
    int b_byte = b.data[i] == '/' ? 0 : b.data[i];
    return a_byte - b_byte;
}

/* The first item not before `name`. If ret_links is given: per level, the link that leads there. */
static struct item *seek(struct gw_retained *set, struct gw_span name, struct item ***ret_links)
{
    struct item **links = set->first;
    struct item *known = NULL; /* not before the name, so not to be compared again */
    for (uint32_t level = set->height; level-- > 0;) {
        while (links[level] && links[level] != known && order(name_of(links[level]), name) < 0)
            links = links[level]->next;
        known = links[level];
        if (ret_links)
            ret_links[level] = &links[level];
    }
    return known;
}

static struct item *find(const struct gw_retained *set, struct gw_span name)
{
    struct gw_map_node *node = gw_map_find(&set->map, name);
    return node ? GW_CONTAINER(node, struct item, by_name) : NULL;
}

static uint8_t height_of(const struct gw_retained *set, struct gw_span name)
{
    uint64_t bits = gw_hash_bytes(name, gw_hash_mix(set->seed, name.size));
    uint8_t height = 1;
    for (; height < HEIGHT_MAX && (bits & 3) == 0; bits >>= 2)
        height++;
    return height;
}

static struct item *new_item(const struct gw_retained *set, struct gw_span name)
{
    uint8_t height = height_of(set, name);
    struct item *item = malloc(sizeof(*item) + height * sizeof(item->next[0]) + name.size);
    if (!item)
        return NULL;
    item->height = height;
    item->size = (uint16_t)name.size;
    memcpy(&item->next[height], name.data, name.size);
    return item;
}

enum gw_status gw_retained_put(struct gw_retained *set, struct gw_span name, void *value)
{
    struct item **links[HEIGHT_MAX];
    struct item *item = find(set, name);

    if (item) {
        void *replaced = item->value;
        item->value = value;
        set->release(replaced);
        return GW_OK;
    }
    item = new_item(set, name);
    if (!item)
        return GW_NO_MEMORY;
    item->value = value;
    enum gw_status status = gw_map_insert(&set->map, &item->by_name);
    if (status != GW_OK) {
        free(item);
        return status;
    }
    while (set->height < item->height)
        set->first[set->height++] = NULL;
    seek(set, name, links);
    for (uint32_t level = 0; level < item->height; level++) {
        item->next[level] = *links[level];
        *links[level] = item;
    }
    return GW_OK;
}

void *gw_retained_get(const struct gw_retained *set, struct gw_span name)
{
    const struct item *item = find(set, name);
    return item ? item->value : NULL;
}

enum gw_status gw_retained_remove(struct gw_retained *set, struct gw_span name)
{
    struct item **links[HEIGHT_MAX];
    struct item *item = find(set, name);

    if (!item)
        return GW_NOT_FOUND;
    GW_ASSERT(item->height <= set->height); /* so every link below is set */
    seek(set, name, links);
    for (uint32_t level = 0; level < item->height; level++)
        *links[level] = item->next[level];
    while (set->height > 0 && !set->first[set->height - 1])
        set->height--;
    gw_map_remove(&set->map, &item->by_name);
    set->release(item->value);
    free(item);
    return GW_OK;
}

size_t gw_retained_cost(struct gw_span name)
{
    /* One link and a third of one more on average, and a bucket of the map. */
    return sizeof(struct item) + 3 * sizeof(struct item *) + name.size;
}

size_t gw_retained_count(const struct gw_retained *set)
{
    return set->map.count;
}

/* The levels of a filter before its first wildcard, without the separator behind them. */
static struct gw_span literal_prefix(struct gw_span filter)
{
    size_t slash = 0;
    for (size_t i = 0; i < filter.size; i++) {
        if (filter.data[i] == '+' || filter.data[i] == '#')
            return gw_span_of(filter.data, slash);
        if (filter.data[i] == '/')
            slash = i;
    }
    return filter;
}

enum gw_status gw_retained_cursor_init(struct gw_retained_cursor *cursor, struct gw_span filter)
{
    gw_buf_init(&cursor->filter, filter.size);
    gw_buf_init(&cursor->place, PLACE_MAX);
    cursor->exact = !gw_filter_has_wildcard(filter);
    cursor->all = false;
    cursor->ended = false;
    enum gw_status status = gw_buf_append(&cursor->filter, filter);
    if (status == GW_OK && !cursor->exact)
        status = gw_buf_append(&cursor->place, literal_prefix(filter));
    if (status != GW_OK)
        gw_retained_cursor_fini(cursor);
    return status;
}

void gw_retained_cursor_init_all(struct gw_retained_cursor *cursor)
{
    *cursor = (struct gw_retained_cursor){.all = true};
    gw_buf_init(&cursor->filter, 0);
    gw_buf_init(&cursor->place, PLACE_MAX);
}

void gw_retained_cursor_fini(struct gw_retained_cursor *cursor)
{
    if (!cursor)
        return;
    gw_buf_fini(&cursor->filter);
    gw_buf_fini(&cursor->place);
    cursor->ended = true;
}

/* What a name tells a walk: it matches, or up to which text nothing can, or that nothing will. */
enum verdict { MATCH, SKIP, NONE_LEFT };

/* The first place at which a filter may match again: head, then tail. */
struct target {
    struct gw_span head;
    struct gw_span tail;
    bool separated; /* a '/' in between */
};

static size_t end_of_level(struct gw_span topic, size_t begin)
{
    struct gw_span rest = gw_span_from(topic, begin);
    const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
    return slash ? (size_t)(slash - topic.data) : topic.size;
}

/* Behind the subtree of the name's level that the last '+' took. No name has U+0000, so nothing
 * stands between the subtree and the same text with U+0001 added. */
static enum verdict behind_plus(struct gw_span name, size_t plus_end, struct target *ret_target)
{
    if (plus_end == SIZE_MAX)
        return NONE_LEFT;
    *ret_target = (struct target){gw_span_of(name.data, plus_end), GW_SPAN_LIT("\x01"), false};
    return SKIP;
}

static enum verdict judge(struct gw_span filter, struct gw_span name, struct target *ret_target)
{
    size_t plus_end = SIZE_MAX;
    size_t f = 0;
    size_t n = 0;

    if (name.data[0] == '$' && (filter.data[0] == '+' || filter.data[0] == '#')) {
        /* MQTT-4.7.2-1; '%' is the byte after '$'. */
        *ret_target = (struct target){GW_SPAN_LIT("%"), GW_SPAN_NONE, false};
        return SKIP;
    }
    while (f <= filter.size) {
        size_t f_end = end_of_level(filter, f);
        struct gw_span f_level = gw_span_of(filter.data + f, f_end - f);
        bool one = f_level.size == 1;
        bool plus = one && f_level.data[0] == '+';

        if (one && f_level.data[0] == '#')
            return MATCH;
        if (n > name.size) { /* too short: what comes first below it? */
            *ret_target = (struct target){name, plus ? GW_SPAN_NONE : f_level, true};
            return SKIP;
        }
        size_t n_end = end_of_level(name, n);
        int side = plus ? 0 : order(gw_span_of(name.data + n, n_end - n), f_level);
        if (side < 0) {
            *ret_target = (struct target){gw_span_of(name.data, n), f_level, false};
            return SKIP;
        }
        if (side > 0)
            return behind_plus(name, plus_end, ret_target);
        if (plus)
            plus_end = n_end;
        f = f_end + 1;
        n = n_end + 1;
    }
    return n > name.size ? MATCH : behind_plus(name, plus_end, ret_target);
}

/* Moves the place of a walk; on failure it stays where it was. Spans may not point into it. */
static enum gw_status move_place(struct gw_buf *place, const struct target *target)
{
    size_t size = target->head.size + target->tail.size + 1;
    if (size > place->capacity)
        GW_TRY(gw_buf_reserve(place, size - place->size));
    gw_buf_clear(place);
    GW_TRY(gw_buf_append(place, target->head));
    if (target->separated)
        GW_TRY(gw_buf_append(place, GW_SPAN_LIT("/")));
    return gw_buf_append(place, target->tail);
}

static enum gw_status walk_exact(struct gw_retained *set, struct gw_retained_cursor *cursor,
                                 gw_retained_visit_fn *fn, void *user)
{
    struct item *item = find(set, gw_buf_span(&cursor->filter));
    cursor->ended = true;
    if (item)
        fn(user, name_of(item), item->value);
    return GW_END;
}

/* The item at the cursor's place; mostly that behind the last one. */
static struct item *go_on(struct gw_retained *set, struct gw_retained_cursor *cursor,
                          struct item *last)
{
    struct gw_span place = gw_buf_span(&cursor->place);
    struct item *next = last->next[0];
    if (!next || order(name_of(next), place) >= 0)
        return next;
    return seek(set, place, NULL);
}

enum gw_status gw_retained_walk(struct gw_retained *set, struct gw_retained_cursor *cursor,
                                size_t visits_max, gw_retained_visit_fn *fn, void *user)
{
    if (cursor->ended)
        return GW_END;
    if (cursor->exact)
        return walk_exact(set, cursor, fn, user);

    struct item *item = seek(set, gw_buf_span(&cursor->place), NULL);
    for (size_t visits = 0; item; visits++) {
        if (visits > 0 && visits >= visits_max)
            return GW_MORE;
        struct gw_span name = name_of(item);
        struct target target = {name, GW_SPAN_NONE, true}; /* nothing stands between a and "a/" */
        enum verdict verdict =
            cursor->all ? MATCH : judge(gw_buf_span(&cursor->filter), name, &target);
        if (verdict == NONE_LEFT)
            break;
        /* Before fn, so that a topic that was given is never given again. */
        GW_TRY(move_place(&cursor->place, &target));
        if (verdict == MATCH && !fn(user, name, item->value))
            return GW_MORE;
        item = verdict == MATCH ? item->next[0] : go_on(set, cursor, item);
    }
    cursor->ended = true;
    return GW_END;
}
