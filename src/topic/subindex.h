/*
 * topic/subindex: which subscribers want a topic name; a table and a tree of levels, for one loop.
 *
 * Layer   topic (may include base). Pure but for malloc when filters are added (never on match).
 * Owner   one loop; not thread-safe.
 * Life    init/fini; entries are intrusive and the caller's.
 * Limits  none of its own: the caller counts filters. Filters and names of any depth. A match
 *         enters each node of the tree once at most, without recursion or memory: at most as many
 *         as there are filters times their levels, and 2^depth in a tree full of wildcards. Tables
 *         grow a few slots per add, no add is long.
 *
 * Filters without wildcards are found by their whole text; the others form a tree of interned
 * levels, one open-addressing table keyed by (parent node, level). A node holds a list of entries.
 * Entries of one filter are found by gw_subindex_find, so the caller can keep "one entry per
 * (subscriber, filter)".
 */
#ifndef GW_TOPIC_SUBINDEX_H
#define GW_TOPIC_SUBINDEX_H

#include "base/list.h"
#include "base/span.h"
#include "base/status.h"

struct gw_subindex;
struct gw_subindex_node;

/* One subscription in the index; embed it. */
struct gw_subindex_entry {
    struct gw_list link;           /* the index's */
    struct gw_subindex_node *node; /* the filter's place; NULL while not in an index */
};

/* Makes an empty index; NULL when memory is out. */
struct gw_subindex *gw_subindex_new(uint64_t hash_seed);

/* Releases the index; entries still in it are left alone (node becomes dangling). NULL is fine. */
void gw_subindex_free(struct gw_subindex *index);

/* Adds an entry under a valid filter (bare: no $share), behind those already there; GW_NO_MEMORY.
 */
GW_MUST_USE enum gw_status gw_subindex_add(struct gw_subindex *index, struct gw_span filter,
                                           struct gw_subindex_entry *entry);

/* Takes an entry out and prunes nodes that nobody needs; fine if it is not in an index. */
void gw_subindex_remove(struct gw_subindex *index, struct gw_subindex_entry *entry);

/* The list of entries (gw_subindex_entry.link) at exactly this filter, or NULL. */
struct gw_list *gw_subindex_find(struct gw_subindex *index, struct gw_span filter);

/* Called once per entry whose filter matches. */
typedef void gw_subindex_match_fn(void *user, struct gw_subindex_entry *entry);

/* Calls fn for each entry that matches a valid topic name. fn must not add or remove entries. */
void gw_subindex_match(struct gw_subindex *index, struct gw_span name, gw_subindex_match_fn *fn,
                       void *user);

/* A hint that these names are matched next: brings near what finding them in the table takes, for
 * all of them at the same time, where one match after the other would wait for memory three times
 * each. ret_entries[i] is an entry that names[i] will probably give, NULL if it is not that simple;
 * good until the index changes, for hints of the caller's own. `count` is at most
 * GW_SUBINDEX_FORESEEN_MAX. */
#define GW_SUBINDEX_FORESEEN_MAX 16u
void gw_subindex_foresee(const struct gw_subindex *index, const struct gw_span *names, size_t count,
                         struct gw_subindex_entry **ret_entries);

/* Grows by one with each add and remove: what was resolved under another generation is stale. */
uint64_t gw_subindex_generation(const struct gw_subindex *index);

/* Entries held, nodes held (for metrics and tests). */
size_t gw_subindex_count(const struct gw_subindex *index);
size_t gw_subindex_node_count(const struct gw_subindex *index);

#endif
