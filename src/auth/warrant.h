/*
 * auth/warrant: what somebody who was let in may be called by: who vouched for him says it.
 *
 * Layer   auth (may include topic, base, os).
 * Owner   whoever holds it; a message where it crosses threads.
 * Life    init on the caller's memory; fini releases and leaves it empty; wiped, for tokens stand
 *         in it.
 * Limits  GW_WARRANT_TEXT_MAX bytes of each text.
 */
#ifndef GW_AUTH_WARRANT_H
#define GW_AUTH_WARRANT_H

#include "base/buf.h"

#define GW_WARRANT_TEXT_MAX ((size_t)16 * 1024)

struct gw_warrant {
    struct gw_buf user;       /* the user's name; empty: the one that was given is right */
    struct gw_buf groups;     /* names with a comma between them */
    struct gw_buf attributes; /* what rules may ask for besides, see gw_warrant_add_attribute */
    uint64_t expires;         /* seconds since 1970 at which it ends; 0: never */
    uint64_t proof;           /* changes with what he proved it by; 0: not known */
};

void gw_warrant_init(struct gw_warrant *warrant);
void gw_warrant_fini(struct gw_warrant *warrant);

/* Adds a group. GW_INVALID: it is empty or has a comma; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_warrant_add_group(struct gw_warrant *warrant, struct gw_span group);

/* Adds an attribute: "claim.role" = "operator", "cert.o" = "Example". A name may have several
 * values. GW_INVALID: the name is empty, or there is a U+0000 in one; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_warrant_add_attribute(struct gw_warrant *warrant, struct gw_span name,
                                                    struct gw_span value);

/* Appends one in the form of a warrant's attributes to any text; as above. */
GW_MUST_USE enum gw_status gw_warrant_put(struct gw_buf *attributes, struct gw_span name,
                                          struct gw_span value);

/* Takes the next one out of attributes that came from there; false: there is none. */
bool gw_warrant_next(struct gw_span *attributes, struct gw_span *ret_name,
                     struct gw_span *ret_value);

/* True if attributes (of a warrant, as bytes) have this name with this value. */
bool gw_warrant_has_attribute(struct gw_span attributes, struct gw_span name, struct gw_span value);

#endif
