/*
 * A skip list of pages in the order of names. The height of a page comes from a keyed hash of the
 * name that made it, so nobody outside can build a slow list.
 */
#include "topic/retained.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "topic/name.h"

#define HEIGHT_MAX 16u            /* at a quarter per level: 4^16 pages */
#define NAMES_MAX  ((size_t)4096) /* bytes of names of a page that has more than one */
#define SIZE_BYTES sizeof(uint16_t)

/* A name, a separator and a level of the filter. */
#define PLACE_MAX (2u * 65535u + 1u)

/* `height` links; then `bytes` of names in order, each with its size (uint16_t) before it; then,
 * aligned, a value for each. Exactly so large as that takes. */
struct page {
    uint32_t bytes;
    uint16_t count;
    uint8_t height;
    struct page *next[];
};

struct gw_retained {
    size_t count;
    uint64_t seed;
    struct page *first[HEIGHT_MAX];
    uint32_t height; /* levels in use */
};

/* One of a page: its index and where it stands among the names. */
struct spot {
    struct page *page;
    uint32_t index;
    uint32_t at;
};

/* -- in a page -- */

static uint8_t *names_of(const struct page *page)
{
    return (uint8_t *)(uintptr_t)&page->next[page->height];
}

static size_t aligned(size_t bytes)
{
    size_t unit = _Alignof(struct gw_retained_value);
    return (bytes + unit - 1) / unit * unit;
}

static struct gw_retained_value *values_of(const struct page *page)
{
    return (struct gw_retained_value *)(void *)(names_of(page) + aligned(page->bytes));
}

static size_t size_of(uint32_t height, size_t bytes, size_t count)
{
    return sizeof(struct page) + height * sizeof(struct page *) + aligned(bytes) +
           count * sizeof(struct gw_retained_value);
}

static struct gw_span name_at(const struct page *page, uint32_t at)
{
    uint16_t size;
    const uint8_t *names = names_of(page) + at;
    memcpy(&size, names, sizeof(size));
    return gw_span_of(names + SIZE_BYTES, size);
}

static struct gw_span name_of(const struct spot *spot)
{
    return name_at(spot->page, spot->at);
}

static struct gw_retained_value *value_of(const struct spot *spot)
{
    return &values_of(spot->page)[spot->index];
}

static void next_in_page(struct spot *spot)
{
    spot->at += (uint32_t)(SIZE_BYTES + name_of(spot).size);
    spot->index++;
}

/* The one behind it, on this page or the next; without a page at the end. */
static void next_spot(struct spot *spot)
{
    next_in_page(spot);
    if (spot->index == spot->page->count)
        *spot = (struct spot){.page = spot->page->next[0]};
}

/* -- life -- */

struct gw_retained *gw_retained_new(uint64_t hash_seed)
{
    struct gw_retained *set = calloc(1, sizeof(*set));
    if (set)
        set->seed = hash_seed;
    return set;
}

void gw_retained_free(struct gw_retained *set, gw_retained_release_fn *release, void *user)
{
    if (!set)
        return;
    for (struct page *page = set->first[0]; page;) {
        struct page *next = page->next[0];
        struct spot spot = {.page = page};
        for (; spot.index < page->count; next_in_page(&spot))
            release(user, name_of(&spot), value_of(&spot));
        free(page);
        page = next;
    }
    free(set);
}

/* -- order -- */

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

/* What a search for a name goes past. */
struct path {
    struct page **links[HEIGHT_MAX]; /* per level, the link that leads to `page` or past it */
    struct page *before;             /* the last page that begins before the name */
    struct page *page;               /* the first one that does not */
};

static void seek(struct gw_retained *set, struct gw_span name, struct path *ret_path)
{
    struct page **links = set->first;
    struct page *known = NULL; /* not before the name, so not to be compared again */
    ret_path->before = NULL;
    for (uint32_t level = set->height; level-- > 0;) {
        while (links[level] && links[level] != known && order(name_at(links[level], 0), name) < 0) {
            ret_path->before = links[level];
            links = links[level]->next;
        }
        known = links[level];
        ret_path->links[level] = &links[level];
    }
    ret_path->page = known;
}

/* The first spot of a page that is not before the name: behind its last one if there is none.
 * *ret_order as order(spot, name). */
static struct spot seek_in_page(struct page *page, struct gw_span name, int *ret_order)
{
    struct spot spot = {.page = page};
    *ret_order = 1;
    for (; spot.index < page->count; next_in_page(&spot)) {
        *ret_order = order(name_of(&spot), name);
        if (*ret_order >= 0)
            break;
    }
    return spot;
}

/* Where the name is (true), or where it would have to be: in the page that begins before it, or
 * else in the first one; no page if there are none at all. */
static bool locate(struct gw_retained *set, struct gw_span name, struct path *path,
                   struct spot *ret_spot)
{
    int side = 1;
    seek(set, name, path);
    if (path->page && order(name_at(path->page, 0), name) == 0) {
        *ret_spot = (struct spot){.page = path->page};
        return true;
    }
    *ret_spot = (struct spot){.page = path->page};
    if (path->before)
        *ret_spot = seek_in_page(path->before, name, &side);
    return path->before && ret_spot->index < path->before->count && side == 0;
}

/* The first name that is not before the given one; no page if there is none. */
static struct spot first_from(struct gw_retained *set, struct gw_span name)
{
    struct path path;
    struct spot spot;
    (void)locate(set, name, &path, &spot);
    if (spot.page && spot.index == spot.page->count)
        spot = (struct spot){.page = spot.page->next[0]};
    return spot;
}

struct gw_retained_value *gw_retained_find(struct gw_retained *set, struct gw_span name)
{
    struct path path;
    struct spot spot;
    return locate(set, name, &path, &spot) ? value_of(&spot) : NULL;
}

/* -- changing pages -- */

static uint8_t height_of(const struct gw_retained *set, struct gw_span name)
{
    uint64_t bits = gw_hash_bytes(name, gw_hash_mix(set->seed, name.size));
    uint8_t height = 1;
    for (; height < HEIGHT_MAX && (bits & 3) == 0; bits >>= 2)
        height++;
    return height;
}

/* The links that lead to a page. */
static void find_links(struct gw_retained *set, const struct page *page, struct path *ret_path)
{
    seek(set, name_at(page, 0), ret_path);
    GW_ASSERT(ret_path->page == page);
}

/* Gives a page another size, and its links its new place; NULL when memory is out. A smaller page
 * that cannot have it stays as large as it is. */
static struct page *resize(struct page *page, const struct path *path, size_t bytes, size_t count)
{
    struct page *moved = realloc(page, size_of(page->height, bytes, count));
    if (!moved)
        return NULL;
    for (uint32_t level = 0; level < moved->height; level++)
        *path->links[level] = moved;
    return moved;
}

/* A page that will begin with this name; it is not linked yet. */
static struct page *new_page(const struct gw_retained *set, struct gw_span name, size_t bytes,
                             size_t count)
{
    uint8_t height = height_of(set, name);
    struct page *page = malloc(size_of(height, bytes, count));
    if (!page)
        return NULL;
    page->bytes = (uint32_t)bytes;
    page->count = (uint16_t)count;
    page->height = height;
    return page;
}

/* Puts a page in where its first name belongs. */
static void link_page(struct gw_retained *set, struct page *page)
{
    struct path path;
    while (set->height < page->height)
        set->first[set->height++] = NULL;
    seek(set, name_at(page, 0), &path);
    for (uint32_t level = 0; level < page->height; level++) {
        page->next[level] = *path.links[level];
        *path.links[level] = page;
    }
}

static void unlink_page(struct gw_retained *set, const struct page *page, const struct path *path)
{
    GW_ASSERT(page->height <= set->height); /* so every link below is set */
    for (uint32_t level = 0; level < page->height; level++)
        *path->links[level] = page->next[level];
    while (set->height > 0 && !set->first[set->height - 1])
        set->height--;
}

/* Changes what the page says of its names, with the values behind them moved along; the memory is
 * there. */
static void set_bytes(struct page *page, size_t bytes)
{
    const struct gw_retained_value *from = values_of(page);
    page->bytes = (uint32_t)bytes;
    memmove(values_of(page), from, page->count * sizeof(*from));
}

static void write_name(uint8_t *at, struct gw_span name)
{
    uint16_t size = (uint16_t)name.size;
    memcpy(at, &size, sizeof(size));
    memcpy(at + SIZE_BYTES, name.data, name.size);
}

static enum gw_status add_page(struct gw_retained *set, struct gw_span name,
                               const struct gw_retained_value *value)
{
    struct page *page = new_page(set, name, SIZE_BYTES + name.size, 1);
    if (!page)
        return GW_NO_MEMORY;
    write_name(names_of(page), name);
    *values_of(page) = *value;
    link_page(set, page);
    return GW_OK;
}

/* Moves what is from a spot on to a page of its own. */
static enum gw_status split(struct gw_retained *set, const struct spot *spot)
{
    struct page *page = spot->page;
    size_t bytes = page->bytes - spot->at;
    size_t count = page->count - spot->index;
    struct path path;
    struct page *right = new_page(set, name_of(spot), bytes, count);
    if (!right)
        return GW_NO_MEMORY;
    memcpy(names_of(right), names_of(page) + spot->at, bytes);
    memcpy(values_of(right), value_of(spot), count * sizeof(struct gw_retained_value));
    page->count = (uint16_t)spot->index;
    set_bytes(page, spot->at);
    find_links(set, page, &path);
    (void)resize(page, &path, page->bytes, page->count);
    link_page(set, right);
    return GW_OK;
}

static enum gw_status split_in_the_middle(struct gw_retained *set, struct page *page)
{
    struct spot spot = {.page = page};
    while (spot.index == 0 || (spot.index < page->count / 2u && spot.at < NAMES_MAX / 2))
        next_in_page(&spot);
    return split(set, &spot);
}

static bool has_room(const struct page *page, struct gw_span name)
{
    return page->count < GW_RETAINED_PAGE && (page->bytes + SIZE_BYTES + name.size <= NAMES_MAX);
}

/* Puts a name in at a spot of a page that has room for it. */
static enum gw_status insert(struct gw_retained *set, const struct spot *spot, struct gw_span name,
                             const struct gw_retained_value *value)
{
    struct path path;
    size_t more = SIZE_BYTES + name.size;
    size_t bytes = spot->page->bytes;
    find_links(set, spot->page, &path);
    struct page *page = resize(spot->page, &path, bytes + more, spot->page->count + 1u);
    if (!page)
        return GW_NO_MEMORY;
    set_bytes(page, bytes + more);
    uint8_t *at = names_of(page) + spot->at;
    memmove(at + more, at, bytes - spot->at);
    write_name(at, name);
    struct gw_retained_value *values = values_of(page);
    memmove(&values[spot->index + 1], &values[spot->index],
            (page->count - spot->index) * sizeof(*values));
    values[spot->index] = *value;
    page->count++;
    return GW_OK;
}

enum gw_status gw_retained_add(struct gw_retained *set, struct gw_span name,
                               const struct gw_retained_value *value)
{
    struct path path;
    struct spot spot;
    enum gw_status status;
    bool found = locate(set, name, &path, &spot);
    GW_ASSERT(!found);
    /* At the end of a page without room it begins the next one: names that come in order fill their
     * pages. */
    while (spot.page && !has_room(spot.page, name) && spot.index > 0 &&
           spot.index < spot.page->count) {
        GW_TRY(split_in_the_middle(set, spot.page));
        (void)locate(set, name, &path, &spot);
    }
    if (spot.page && has_room(spot.page, name))
        status = insert(set, &spot, name, value);
    else
        status = add_page(set, name, value);
    if (status == GW_OK)
        set->count++;
    return status;
}

/* A page that got small takes the next one in. */
static void merge(struct gw_retained *set, struct page *page)
{
    struct path path;
    struct page *next = page->next[0];
    size_t count = page->count;
    size_t bytes = page->bytes;
    if (!next || count + next->count > GW_RETAINED_PAGE / 2 || bytes + next->bytes > NAMES_MAX / 2)
        return;
    find_links(set, page, &path);
    page = resize(page, &path, bytes + next->bytes, count + next->count);
    if (!page)
        return;
    find_links(set, next, &path);
    unlink_page(set, next, &path);
    set_bytes(page, bytes + next->bytes);
    memcpy(names_of(page) + bytes, names_of(next), next->bytes);
    memcpy(&values_of(page)[count], values_of(next),
           next->count * sizeof(struct gw_retained_value));
    page->count = (uint16_t)(count + next->count);
    /* The analyser does not see that the links, which resize has set, lead to `page`. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    free(next);
}

static void cut_out(const struct spot *spot)
{
    struct page *page = spot->page;
    size_t less = SIZE_BYTES + name_of(spot).size;
    struct gw_retained_value *values = values_of(page);
    uint8_t *at = names_of(page) + spot->at;
    page->count--;
    memmove(&values[spot->index], &values[spot->index + 1],
            (page->count - spot->index) * sizeof(*values));
    memmove(at, at + less, page->bytes - spot->at - less);
    set_bytes(page, page->bytes - less);
}

bool gw_retained_remove(struct gw_retained *set, struct gw_span name)
{
    struct path path;
    struct spot spot;
    if (!locate(set, name, &path, &spot))
        return false;
    struct page *page = spot.page;
    find_links(set, page, &path); /* before its first name changes */
    set->count--;
    if (page->count == 1) {
        unlink_page(set, page, &path);
        free(page);
        return true;
    }
    cut_out(&spot);
    struct page *smaller = resize(page, &path, page->bytes, page->count);
    merge(set, smaller ? smaller : page);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) as in merge */
    return true;
}

size_t gw_retained_cost(struct gw_span name)
{
    /* A page's own part and what malloc adds to it, over the names of a page that is half full. */
    return sizeof(struct gw_retained_value) + SIZE_BYTES + name.size + 4;
}

size_t gw_retained_count(const struct gw_retained *set)
{
    return set->count;
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

enum gw_status gw_retained_cursor_copy(struct gw_retained_cursor *cursor,
                                       const struct gw_retained_cursor *from)
{
    *cursor =
        (struct gw_retained_cursor){.exact = from->exact, .all = from->all, .ended = from->ended};
    gw_buf_init(&cursor->filter, from->filter.size);
    gw_buf_init(&cursor->place, PLACE_MAX);
    enum gw_status status = gw_buf_append(&cursor->filter, gw_buf_span(&from->filter));
    if (status == GW_OK)
        status = gw_buf_append(&cursor->place, gw_buf_span(&from->place));
    if (status != GW_OK)
        gw_retained_cursor_fini(cursor);
    return status;
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

/* Makes sure that the place of a walk can be moved. */
static enum gw_status reserve_place(struct gw_buf *place, const struct target *target)
{
    size_t size = target->head.size + target->tail.size + 1;
    return size > place->capacity ? gw_buf_reserve(place, size - place->size) : GW_OK;
}

/* Moves it, after reserve_place. Spans may not point into it. */
static void move_place(struct gw_buf *place, const struct target *target)
{
    gw_buf_clear(place);
    enum gw_status status = gw_buf_append(place, target->head);
    if (status == GW_OK && target->separated)
        status = gw_buf_append(place, GW_SPAN_LIT("/"));
    if (status == GW_OK)
        status = gw_buf_append(place, target->tail);
    GW_ASSERT(status == GW_OK);
}

static enum gw_status walk_exact(struct gw_retained *set, struct gw_retained_cursor *cursor,
                                 gw_retained_visit_fn *fn, void *user)
{
    struct gw_span name = gw_buf_span(&cursor->filter);
    struct gw_retained_value *value = gw_retained_find(set, name);
    if (value && fn(user, name, value) == GW_RETAINED_LATER)
        return GW_MORE;
    cursor->ended = true;
    return GW_END;
}

/* The spot at the cursor's place; mostly that behind the last one. */
static struct spot go_on(struct gw_retained *set, const struct gw_retained_cursor *cursor,
                         const struct spot *last)
{
    struct gw_span place = gw_buf_span(&cursor->place);
    struct spot next = *last;
    next_spot(&next);
    if (!next.page || order(name_of(&next), place) >= 0)
        return next;
    return first_from(set, place);
}

enum gw_status gw_retained_walk(struct gw_retained *set, struct gw_retained_cursor *cursor,
                                size_t visits_max, gw_retained_visit_fn *fn, void *user)
{
    if (cursor->ended)
        return GW_END;
    if (cursor->exact)
        return walk_exact(set, cursor, fn, user);

    struct spot spot = first_from(set, gw_buf_span(&cursor->place));
    for (size_t visits = 0; spot.page; visits++) {
        if (visits > 0 && visits >= visits_max)
            return GW_MORE;
        struct gw_span name = name_of(&spot);
        struct target target = {name, GW_SPAN_NONE, true}; /* nothing stands between a and "a/" */
        enum verdict verdict =
            cursor->all ? MATCH : judge(gw_buf_span(&cursor->filter), name, &target);
        if (verdict == NONE_LEFT)
            break;
        /* Before fn, so that a topic that was given is never given again. */
        GW_TRY(reserve_place(&cursor->place, &target));
        enum gw_retained_step step =
            verdict == MATCH ? fn(user, name, value_of(&spot)) : GW_RETAINED_ON;
        if (step == GW_RETAINED_LATER)
            target = (struct target){name, GW_SPAN_NONE, false};
        move_place(&cursor->place, &target);
        if (step != GW_RETAINED_ON)
            return GW_MORE;
        if (verdict == MATCH)
            next_spot(&spot);
        else
            spot = go_on(set, cursor, &spot);
    }
    cursor->ended = true;
    return GW_END;
}
