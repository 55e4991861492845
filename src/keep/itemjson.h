/*
 * keep/itemjson: an item as a JSON object on one line, as `godwit export` prints it.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base). Pure but for the
 *         buffer's malloc.
 * Owner   the main thread.
 * Life    none.
 * Limits  the buffer's bound.
 *
 * Bytes that are no UTF-8 stand as base64 under a name that ends in _b64, so nothing is lost; what
 * has its usual value (false, none, empty) is left out. The members are in docs/reference/cli.md.
 */
#ifndef GW_KEEP_ITEMJSON_H
#define GW_KEEP_ITEMJSON_H

#include "base/buf.h"
#include "keep/item.h"

/* Appends the object and a newline; GW_LIMIT, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_itemjson_write(const struct gw_item *item, struct gw_buf *buf);

#endif
