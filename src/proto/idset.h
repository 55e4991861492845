/*
 * proto/idset: a set of packet identifiers that the peer chose (received QoS 2, not yet released).
 *
 * Layer   proto (may include wire, base). Allocates as it grows; an empty set holds nothing.
 * Owner   whoever owns the session; not thread-safe.
 * Life    init/fini.
 * Limits  65,535 identifiers by the format; one slot per identifier.
 */
#ifndef GW_PROTO_IDSET_H
#define GW_PROTO_IDSET_H

#include "wire/packet.h"

struct gw_idset {
    gw_packet_id *slots; /* open addressing, 0 = free */
    uint32_t capacity;   /* a power of two, or 0 */
    uint32_t count;
};

void gw_idset_init(struct gw_idset *set);
void gw_idset_fini(struct gw_idset *set);
bool gw_idset_has(const struct gw_idset *set, gw_packet_id id);
/* Adds an identifier (not 0); GW_EXISTS, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_idset_add(struct gw_idset *set, gw_packet_id id);
/* Removes one; GW_NOT_FOUND. The last removal releases the memory. */
enum gw_status gw_idset_remove(struct gw_idset *set, gw_packet_id id);

#endif
