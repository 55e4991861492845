/*
 * proto/alias: topic aliases of one connection, one table for each direction (MQTT 5.0 3.3.2.3.4).
 *
 * Layer   proto (may include wire, base). Allocates when an alias is set.
 * Owner   whoever owns the connection; not thread-safe.
 * Life    init/fini; nothing survives the connection (MQTT-3.3.2-7).
 * Limits  `maximum` aliases, given at init; a table of 0 allocates nothing.
 */
#ifndef GW_PROTO_ALIAS_H
#define GW_PROTO_ALIAS_H

#include "base/span.h"
#include "base/status.h"

struct gw_alias_name {
    uint8_t *data;
    uint64_t hash; /* outbound only */
    uint64_t used; /* outbound only: when, in sends; 0 = never */
    uint16_t size;
};

struct gw_alias_table {
    struct gw_alias_name *names; /* index = alias - 1; NULL until the first use */
    uint64_t clock;
    size_t bytes; /* held */
    uint16_t maximum;
};

void gw_alias_init(struct gw_alias_table *table, uint16_t maximum);
void gw_alias_fini(struct gw_alias_table *table);

/* Inbound: maps alias to a topic name (copied). GW_LIMIT: 0 or above the maximum; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_alias_set(struct gw_alias_table *table, uint16_t alias,
                                        struct gw_span topic_name);
/* Inbound: the name of an alias, borrowed until it is set again. GW_LIMIT, GW_NOT_FOUND. */
GW_MUST_USE enum gw_status gw_alias_get(const struct gw_alias_table *table, uint16_t alias,
                                        struct gw_span *ret_topic_name);

/* Outbound: the alias to send for a topic name, 0 for none. *ret_known tells that the peer has the
 * mapping already and the name may be left out. When all are in use, names go without until the
 * least recently used alias was idle for long enough; then it is mapped anew. */
uint16_t gw_alias_assign(struct gw_alias_table *table, struct gw_span topic_name,
                         uint64_t topic_hash, bool *ret_known);

#endif
