/*
 * base/jsontree: a JSON text (RFC 8259, strictly) as a tree to look things up in.
 *
 * Layer   base. Allocates with malloc.
 * Owner   whoever holds it; not thread-safe.
 * Life    init, parse as often as needed, fini. Texts of the nodes point into what was parsed,
 *         which is changed: escapes are resolved in place.
 * Limits  GW_JSONTREE_DEPTH_MAX nested values; a node for each value, so the size of the text
 *         bounds them. Texts are UTF-8, and may say U+0000.
 */
#ifndef GW_BASE_JSONTREE_H
#define GW_BASE_JSONTREE_H

#include "base/span.h"
#include "base/status.h"

#define GW_JSONTREE_DEPTH_MAX 16u

enum gw_jsontree_type {
    GW_JSONTREE_NULL,
    GW_JSONTREE_BOOL,
    GW_JSONTREE_NUMBER, /* whole, not negative, below 2^64 */
    GW_JSONTREE_REAL,   /* any other number */
    GW_JSONTREE_TEXT,
    GW_JSONTREE_ARRAY,
    GW_JSONTREE_OBJECT,
};

struct gw_jsontree_node {
    enum gw_jsontree_type type;
    uint32_t first;      /* index of the first member or element, 0 = none */
    uint32_t next;       /* of the next one beside this, 0 = none */
    uint64_t number;     /* NUMBER; BOOL: 1 is true */
    struct gw_span text; /* TEXT; NUMBER and REAL: as written */
    struct gw_span key;  /* of a member */
};

struct gw_jsontree {
    struct gw_jsontree_node *nodes; /* the root is the first one */
    uint32_t count, capacity;
    const char *why; /* after GW_MALFORMED */
    size_t at;       /* the offset of the fault */
};

void gw_jsontree_init(struct gw_jsontree *tree);
void gw_jsontree_fini(struct gw_jsontree *tree);
/* Parses one whole value; GW_MALFORMED with `why` and `at`, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jsontree_parse(struct gw_jsontree *tree, uint8_t *text, size_t size);
/* The member of an object, or NULL; NULL for what is no object too. */
const struct gw_jsontree_node *gw_jsontree_member(const struct gw_jsontree *tree,
                                                  const struct gw_jsontree_node *node,
                                                  const char *key);
/* True if two members of an object have the same name: who would know which of them was meant? */
bool gw_jsontree_has_twins(const struct gw_jsontree *tree, const struct gw_jsontree_node *node);
/* The first member or element, the next one; NULL at the end. */
const struct gw_jsontree_node *gw_jsontree_first(const struct gw_jsontree *tree,
                                                 const struct gw_jsontree_node *node);
const struct gw_jsontree_node *gw_jsontree_next(const struct gw_jsontree *tree,
                                                const struct gw_jsontree_node *node);

#endif
