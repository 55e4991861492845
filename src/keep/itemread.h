/*
 * keep/itemread: an item from a JSON line, as keep/itemjson writes it.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base). Pure but for
 *         malloc.
 * Owner   whoever holds the reader; not thread-safe.
 * Life    init, read as often as needed, fini; an item is valid until the next read.
 * Limits  those of MQTT for each text.
 *
 * Everything is judged as a packet would be: a store never holds what no client could have sent.
 * Members that are not known are not looked at.
 */
#ifndef GW_KEEP_ITEMREAD_H
#define GW_KEEP_ITEMREAD_H

#include "base/buf.h"
#include "base/jsontree.h"
#include "keep/item.h"
#include "keep/trouble.h"

struct gw_itemread {
    struct gw_jsontree tree;
    struct gw_buf props;        /* encoded */
    struct gw_buf numbers;      /* packet identifiers, subscription identifiers */
    struct gw_buf names;        /* gw_span each, of both lists */
    struct gw_trouble *trouble; /* of the read that is under way */
    uint64_t seed;              /* of the keys of messages */
};

void gw_itemread_init(struct gw_itemread *reader, uint64_t seed);
void gw_itemread_fini(struct gw_itemread *reader);

/* Reads the object of a line, whose bytes are changed. GW_MALFORMED, GW_INVALID with the trouble;
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_itemread_line(struct gw_itemread *reader, uint8_t *line, size_t size,
                                            struct gw_item *ret_item, struct gw_trouble *trouble);

#endif
