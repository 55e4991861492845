/*
 * Filters without wildcards stand in a table by their whole text: one probe finds them, whatever
 * their depth. Filters with wildcards form a tree; a literal child is found in one table by
 * (parent, level), a wildcard child by its number in the parent. Both kinds of filter share the
 * node below. A match walks the tree depth first and returns along the parent numbers, so its state
 * is one node, one depth and, per depth of the tree, where the level stands in the name (`path`,
 * made when filters are added). Each node is entered once at most, since it has one parent.
 */
#include "topic/subindex.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "topic/cells.h"
#include "topic/intern.h"
#include "topic/name.h"
#include "topic/slots.h"

/* Levels of a node; the numbers of interned ones are moved up by LEVEL_BASE. */
#define LEVEL_PLUS 1u
#define LEVEL_HASH 2u
#define LEVEL_BASE 2u

#define PARENT_NONE  0u /* the root's */
#define PARENT_EXACT UINT32_MAX

struct gw_subindex_node {
    struct gw_list entries;
    uint32_t self;
    uint32_t parent;
    union {
        struct {
            uint32_t level;
            uint32_t literals; /* children that are found by (parent, level) */
            uint32_t plus;     /* the '+' child, 0 if there is none */
            uint32_t hash;     /* the '#' child */
        } tree;
        struct text *text; /* of an exact filter */
    } is;
};
_Static_assert(sizeof(struct gw_subindex_node) == 40, "about two per filter");

struct text {
    uint16_t size;
    uint8_t bytes[];
};

/* Where one depth of the tree stands in the name that is being matched. */
struct place {
    uint32_t begin; /* above the name's size: the name has no such level */
    uint32_t end;
    uint32_t level; /* its number, 0 if no filter has it, or UNRESOLVED */
};
#define UNRESOLVED UINT32_MAX

struct gw_subindex {
    struct gw_cells nodes;
    struct gw_slots exact; /* by hash of the text */
    struct gw_slots tree;  /* by hash of (parent, level) */
    struct gw_intern levels;
    struct place *path;
    size_t path_capacity;
    uint32_t root;
    uint64_t seed;
    uint64_t generation;
    size_t entry_count;
};

static struct gw_subindex_node *node_at(const struct gw_subindex *index, uint32_t number)
{
    return gw_cells_at(&index->nodes, number);
}

static struct gw_subindex_node *new_node(struct gw_subindex *index, uint32_t parent)
{
    uint32_t number = gw_cells_take(&index->nodes);
    if (number == 0)
        return NULL;
    struct gw_subindex_node *node = node_at(index, number);
    gw_list_init(&node->entries);
    node->self = number;
    node->parent = parent;
    return node;
}

struct gw_subindex *gw_subindex_new(uint64_t hash_seed)
{
    struct gw_subindex *index = calloc(1, sizeof(*index));
    if (!index)
        return NULL;
    gw_cells_init(&index->nodes, sizeof(struct gw_subindex_node));
    gw_slots_init(&index->exact);
    gw_slots_init(&index->tree);
    gw_intern_init(&index->levels, hash_seed);
    index->seed = hash_seed;
    struct gw_subindex_node *root = new_node(index, PARENT_NONE);
    if (!root) {
        gw_subindex_free(index);
        return NULL;
    }
    index->root = root->self;
    return index;
}

void gw_subindex_free(struct gw_subindex *index)
{
    if (!index)
        return;
    size_t at = 0;
    uint32_t number;
    while ((number = gw_slots_walk(&index->exact, &at)) != 0)
        free(node_at(index, number)->is.text);
    gw_intern_fini(&index->levels);
    gw_slots_fini(&index->tree);
    gw_slots_fini(&index->exact);
    gw_cells_fini(&index->nodes);
    free(index->path);
    free(index);
}

static uint32_t exact_hash(const struct gw_subindex *index, struct gw_span filter)
{
    return (uint32_t)(gw_hash_bytes(filter, index->seed) >> 32);
}

static struct gw_subindex_node *find_exact(const struct gw_subindex *index, struct gw_span filter,
                                           uint32_t hash)
{
    struct gw_slots_probe probe = gw_slots_find(&index->exact, hash);
    uint32_t number;
    while ((number = gw_slots_next(&probe)) != 0) {
        struct gw_subindex_node *node = node_at(index, number);
        const struct text *text = node->is.text;
        if (text->size == filter.size && memcmp(text->bytes, filter.data, filter.size) == 0)
            return node;
    }
    return NULL;
}

static uint32_t child_hash(const struct gw_subindex *index, uint32_t parent, uint32_t level)
{
    return (uint32_t)(gw_hash_mix(index->seed, (uint64_t)parent << 32 | level) >> 32);
}

static struct gw_subindex_node *find_child(const struct gw_subindex *index, uint32_t parent,
                                           uint32_t level)
{
    struct gw_slots_probe probe = gw_slots_find(&index->tree, child_hash(index, parent, level));
    uint32_t number;
    while ((number = gw_slots_next(&probe)) != 0) {
        struct gw_subindex_node *node = node_at(index, number);
        if (node->parent == parent && node->is.tree.level == level)
            return node;
    }
    return NULL;
}

/* The level of `topic` that begins at `begin`. */
static struct gw_span level_at(struct gw_span topic, size_t begin)
{
    struct gw_span rest = gw_span_from(topic, begin);
    const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
    if (slash)
        rest.size = (size_t)(slash - rest.data);
    return rest;
}

static uint32_t wildcard_of(struct gw_span level)
{
    if (level.size != 1)
        return 0;
    return level.data[0] == '+' ? LEVEL_PLUS : level.data[0] == '#' ? LEVEL_HASH : 0;
}

static uint32_t find_level(const struct gw_subindex *index, struct gw_span level)
{
    uint32_t number = gw_intern_find(&index->levels, level);
    return number ? number + LEVEL_BASE : 0;
}

static bool is_wildcard(uint32_t level)
{
    return level == LEVEL_PLUS || level == LEVEL_HASH;
}

/* Where a node keeps the number of its child of a wildcard level. */
static uint32_t *wildcard_child(struct gw_subindex_node *node, uint32_t level)
{
    return level == LEVEL_PLUS ? &node->is.tree.plus : &node->is.tree.hash;
}

/* The child for one level of a filter, NULL if there is none. */
static struct gw_subindex_node *child_of(const struct gw_subindex *index,
                                         struct gw_subindex_node *node, struct gw_span text)
{
    uint32_t level = wildcard_of(text);
    if (is_wildcard(level)) {
        uint32_t child = *wildcard_child(node, level);
        return child ? node_at(index, child) : NULL;
    }
    level = find_level(index, text);
    return level ? find_child(index, node->self, level) : NULL;
}

/* Releases a node of the tree that is not in the table (any more). */
static void drop_tree_node(struct gw_subindex *index, struct gw_subindex_node *node)
{
    if (!is_wildcard(node->is.tree.level))
        gw_intern_unref(&index->levels, node->is.tree.level - LEVEL_BASE);
    gw_cells_give(&index->nodes, node->self);
}

static struct gw_subindex_node *add_literal(struct gw_subindex *index,
                                            struct gw_subindex_node *parent, struct gw_span text)
{
    struct gw_subindex_node *node = new_node(index, parent->self);
    if (!node)
        return NULL;
    uint32_t number = gw_intern_ref(&index->levels, text);
    if (number == 0) {
        gw_cells_give(&index->nodes, node->self);
        return NULL;
    }
    uint32_t level = number + LEVEL_BASE;
    node->is.tree.level = level;
    if (gw_slots_insert(&index->tree, child_hash(index, parent->self, level), node->self) !=
        GW_OK) {
        drop_tree_node(index, node);
        return NULL;
    }
    parent->is.tree.literals++;
    return node;
}

static struct gw_subindex_node *add_child(struct gw_subindex *index,
                                          struct gw_subindex_node *parent, struct gw_span text)
{
    uint32_t level = wildcard_of(text);
    if (!is_wildcard(level))
        return add_literal(index, parent, text);
    struct gw_subindex_node *node = new_node(index, parent->self);
    if (!node)
        return NULL;
    node->is.tree.level = level;
    *wildcard_child(parent, level) = node->self;
    return node;
}

static bool is_needed(const struct gw_subindex *index, const struct gw_subindex_node *node)
{
    return node->self == index->root || !gw_list_empty(&node->entries) ||
           node->is.tree.literals > 0 || node->is.tree.plus != 0 || node->is.tree.hash != 0;
}

/* Removes a node that nobody needs, then its parents as far as that makes them needless too. */
static void prune(struct gw_subindex *index, struct gw_subindex_node *node)
{
    while (!is_needed(index, node)) {
        struct gw_subindex_node *parent = node_at(index, node->parent);
        uint32_t level = node->is.tree.level;
        if (is_wildcard(level)) {
            *wildcard_child(parent, level) = 0;
        } else {
            gw_slots_remove(&index->tree, child_hash(index, parent->self, level), node->self);
            parent->is.tree.literals--;
        }
        drop_tree_node(index, node);
        node = parent;
    }
}

static enum gw_status reserve_path(struct gw_subindex *index, struct gw_span filter)
{
    size_t needed = gw_name_levels(filter) + 1;
    if (needed <= index->path_capacity)
        return GW_OK;
    struct place *path = realloc(index->path, needed * sizeof(*path));
    if (!path)
        return GW_NO_MEMORY;
    index->path = path;
    index->path_capacity = needed;
    return GW_OK;
}

static struct gw_subindex_node *make_tree_node(struct gw_subindex *index, struct gw_span filter)
{
    struct gw_subindex_node *node = node_at(index, index->root);

    if (reserve_path(index, filter) != GW_OK)
        return NULL;
    for (size_t begin = 0; begin <= filter.size;) {
        struct gw_span text = level_at(filter, begin);
        struct gw_subindex_node *child = child_of(index, node, text);
        if (!child)
            child = add_child(index, node, text);
        if (!child) {
            prune(index, node);
            return NULL;
        }
        node = child;
        begin += text.size + 1;
    }
    return node;
}

static struct gw_subindex_node *make_exact_node(struct gw_subindex *index, struct gw_span filter)
{
    uint32_t hash = exact_hash(index, filter);
    struct gw_subindex_node *node = find_exact(index, filter, hash);
    if (node)
        return node;
    GW_ASSERT(filter.size > 0 && filter.size <= UINT16_MAX);
    struct text *text = malloc(sizeof(*text) + filter.size);
    if (!text)
        return NULL;
    text->size = (uint16_t)filter.size;
    memcpy(text->bytes, filter.data, filter.size);
    node = new_node(index, PARENT_EXACT);
    if (!node) {
        free(text);
        return NULL;
    }
    node->is.text = text;
    if (gw_slots_insert(&index->exact, hash, node->self) != GW_OK) {
        gw_cells_give(&index->nodes, node->self);
        free(text);
        return NULL;
    }
    return node;
}

enum gw_status gw_subindex_add(struct gw_subindex *index, struct gw_span filter,
                               struct gw_subindex_entry *entry)
{
    struct gw_subindex_node *node = gw_filter_has_wildcard(filter) ? make_tree_node(index, filter)
                                                                   : make_exact_node(index, filter);
    if (!node)
        return GW_NO_MEMORY;
    gw_list_push_back(&node->entries, &entry->link);
    entry->node = node;
    index->entry_count++;
    index->generation++;
    return GW_OK;
}

static void prune_exact(struct gw_subindex *index, struct gw_subindex_node *node)
{
    struct text *text = node->is.text;
    if (!gw_list_empty(&node->entries))
        return;
    struct gw_span filter = gw_span_of(text->bytes, text->size);
    gw_slots_remove(&index->exact, exact_hash(index, filter), node->self);
    gw_cells_give(&index->nodes, node->self);
    free(text);
}

void gw_subindex_remove(struct gw_subindex *index, struct gw_subindex_entry *entry)
{
    struct gw_subindex_node *node = entry->node;
    if (!node)
        return;
    gw_list_remove(&entry->link);
    entry->node = NULL;
    index->entry_count--;
    index->generation++;
    if (node->parent == PARENT_EXACT)
        prune_exact(index, node);
    else
        prune(index, node);
}

struct gw_list *gw_subindex_find(struct gw_subindex *index, struct gw_span filter)
{
    struct gw_subindex_node *node;

    if (!gw_filter_has_wildcard(filter)) {
        node = find_exact(index, filter, exact_hash(index, filter));
        return node ? &node->entries : NULL;
    }
    node = node_at(index, index->root);
    for (size_t begin = 0; begin <= filter.size;) {
        struct gw_span text = level_at(filter, begin);
        node = child_of(index, node, text);
        if (!node)
            return NULL;
        begin += text.size + 1;
    }
    return gw_list_empty(&node->entries) ? NULL : &node->entries;
}

/* One match on its way through the tree. */
struct walk {
    struct gw_subindex *index;
    struct gw_span name;
    struct place *at;     /* the depth whose level the children of the node stand for */
    struct place *filled; /* the first of path that is not known yet */
    bool dollar;          /* MQTT-4.7.2-1: no wildcard at the first level */
    gw_subindex_match_fn *fn;
    void *user;
};

static void give(const struct walk *walk, struct gw_subindex_node *node)
{
    GW_LIST_FOREACH (link, &node->entries)
        walk->fn(walk->user, GW_CONTAINER(link, struct gw_subindex_entry, link));
}

/* True where the name has no level for the children of the node. */
static bool name_ended(const struct walk *walk)
{
    return walk->at->begin > walk->name.size;
}

static bool wildcards_count(const struct walk *walk)
{
    return !walk->dollar || walk->at != walk->index->path;
}

/* Notes where the level of this depth stands in the name. */
static void fill_place(struct walk *walk, size_t begin)
{
    bool there = begin <= walk->name.size;
    size_t size = there ? level_at(walk->name, begin).size : 0;
    *walk->at = (struct place){(uint32_t)begin, (uint32_t)(begin + size), UNRESOLVED};
    walk->filled++;
}

/* Gives what matches at a node that the walk has come to from above. */
static void arrive(const struct walk *walk, struct gw_subindex_node *node)
{
    if (node->is.tree.hash && wildcards_count(walk))
        give(walk, node_at(walk->index, node->is.tree.hash));
    if (name_ended(walk))
        give(walk, node);
}

static struct gw_subindex_node *literal_child(const struct walk *walk,
                                              const struct gw_subindex_node *node)
{
    struct place *place = walk->at;
    if (node->is.tree.literals == 0)
        return NULL;
    if (place->level == UNRESOLVED) {
        const uint8_t *text = walk->name.data + place->begin;
        place->level = find_level(walk->index, gw_span_of(text, place->end - place->begin));
    }
    return place->level ? find_child(walk->index, node->self, place->level) : NULL;
}

/* The child to go to next: the literal one, then '+', then none. */
static struct gw_subindex_node *next_child(const struct walk *walk,
                                           const struct gw_subindex_node *node, bool literal_done)
{
    if (name_ended(walk))
        return NULL;
    struct gw_subindex_node *child = literal_done ? NULL : literal_child(walk, node);
    if (child || node->is.tree.plus == 0 || !wildcards_count(walk))
        return child;
    return node_at(walk->index, node->is.tree.plus);
}

static void match_tree(struct walk *walk)
{
    struct gw_subindex *index = walk->index;
    struct gw_subindex_node *node = node_at(index, index->root);
    bool literal_done = false;

    walk->at = walk->filled = index->path;
    fill_place(walk, 0);
    arrive(walk, node);
    for (;;) {
        struct gw_subindex_node *child = next_child(walk, node, literal_done);
        if (child) {
            walk->at++;
            if (walk->at == walk->filled)
                fill_place(walk, (size_t)walk->at[-1].end + 1);
            arrive(walk, child);
            node = child;
            literal_done = false;
            continue;
        }
        /* Back to the nearest node whose '+' has not been tried. */
        bool from_plus;
        do {
            if (node->self == index->root)
                return;
            from_plus = node->is.tree.level == LEVEL_PLUS;
            node = node_at(index, node->parent);
            walk->at--;
        } while (from_plus);
        literal_done = true;
    }
}

void gw_subindex_match(struct gw_subindex *index, struct gw_span name, gw_subindex_match_fn *fn,
                       void *user)
{
    struct walk walk = {.index = index, .name = name, .fn = fn, .user = user};

    if (name.size == 0)
        return;
    if (index->exact.count > 0) {
        struct gw_subindex_node *node = find_exact(index, name, exact_hash(index, name));
        if (node)
            give(&walk, node);
    }
    if (index->path_capacity == 0)
        return; /* never had a filter with a wildcard */
    walk.dollar = name.data[0] == '$';
    match_tree(&walk);
}

void gw_subindex_foresee(const struct gw_subindex *index, const struct gw_span *names, size_t count,
                         struct gw_subindex_entry **ret_entries)
{
    uint32_t hashes[GW_SUBINDEX_FORESEEN_MAX];
    struct gw_subindex_node *nodes[GW_SUBINDEX_FORESEEN_MAX];

    GW_ASSERT(count <= GW_SUBINDEX_FORESEEN_MAX);
    if (index->exact.count == 0) {
        memset(ret_entries, 0, count * sizeof(*ret_entries));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        hashes[i] = exact_hash(index, names[i]);
        GW_PREFETCH(&index->exact.now.slots[gw_slots_home(&index->exact.now, hashes[i])]);
    }
    for (size_t i = 0; i < count; i++) {
        struct gw_slots_probe probe = gw_slots_find(&index->exact, hashes[i]);
        uint32_t number = gw_slots_next(&probe);
        nodes[i] = number != 0 ? node_at(index, number) : NULL;
        GW_PREFETCH(nodes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        ret_entries[i] = NULL;
        if (!nodes[i] || gw_list_empty(&nodes[i]->entries))
            continue;
        GW_PREFETCH(nodes[i]->is.text);
        ret_entries[i] = GW_CONTAINER(nodes[i]->entries.next, struct gw_subindex_entry, link);
        GW_PREFETCH(ret_entries[i]);
    }
}

uint64_t gw_subindex_generation(const struct gw_subindex *index)
{
    return index->generation;
}

size_t gw_subindex_count(const struct gw_subindex *index)
{
    return index->entry_count;
}

size_t gw_subindex_node_count(const struct gw_subindex *index)
{
    return index->nodes.count - 1;
}
