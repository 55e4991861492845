/*
 * base/list: doubly linked list with its links inside the members.
 *
 * Layer   base. Pure.
 * Owner   whoever owns the head; not thread-safe.
 * Life    init the head and each node before use; nothing to release.
 * Limits  none; every call is O(1).
 */
#ifndef GW_BASE_LIST_H
#define GW_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct gw_list {
    struct gw_list *prev;
    struct gw_list *next;
};

static inline void gw_list_init(struct gw_list *node)
{
    node->prev = node->next = node;
}

/* True for an empty head and for a node that is in no list. */
static inline bool gw_list_empty(const struct gw_list *head)
{
    return head->next == head;
}

static inline void gw_list_insert_before(struct gw_list *where, struct gw_list *node)
{
    node->prev = where->prev;
    node->next = where;
    where->prev->next = node;
    where->prev = node;
}

static inline void gw_list_push_back(struct gw_list *head, struct gw_list *node)
{
    gw_list_insert_before(head, node);
}

static inline void gw_list_push_front(struct gw_list *head, struct gw_list *node)
{
    gw_list_insert_before(head->next, node);
}

/* Takes the node out of its list, if it is in one, and leaves it ready for another. */
static inline void gw_list_remove(struct gw_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    gw_list_init(node);
}

/* The first member, taken out; NULL if there is none. */
static inline struct gw_list *gw_list_pop_front(struct gw_list *head)
{
    struct gw_list *node = head->next;
    if (node == head)
        return NULL;
    /* Written out, not gw_list_remove(node): so an analyser sees that the head moves on. */
    head->next = node->next;
    node->next->prev = head;
    gw_list_init(node);
    return node;
}

/* Moves all members of `from` to the end of `to`, order kept. */
static inline void gw_list_splice_back(struct gw_list *to, struct gw_list *from)
{
    if (gw_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    gw_list_init(from);
}

/* Visits each node; the body may remove `node` itself, nothing else. */
#define GW_LIST_FOREACH(node, head)                                                                \
    for (struct gw_list *node = (head)->next, *node##_next_ = node->next; node != (head);          \
         node = node##_next_, node##_next_ = node->next)

#endif
