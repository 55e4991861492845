/*
 * auth/identity: who somebody is, as far as rules about him are concerned.
 *
 * Layer   auth (may include topic, base, os).
 * Owner   a borrowed view, for the length of a call; who lends it says how long it holds.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_AUTH_IDENTITY_H
#define GW_AUTH_IDENTITY_H

#include "base/span.h"
#include "os/address.h"

struct gw_identity {
    struct gw_span user;      /* proved; any UTF-8 without U+0000; empty if anonymous */
    struct gw_span groups;    /* of the user: names with a comma between them; may be empty */
    struct gw_span client_id; /* given or assigned; what the client chose proves nothing */
    const struct gw_address *address; /* of the peer; NULL: not of the network */
    struct gw_span listener;          /* URL of the listener that it came by; empty: not known */
    struct gw_span attributes;        /* what was proved besides, see auth/warrant; may be empty */
    bool anonymous;                   /* nobody vouched for a name: rules by user do not hold */
};

/* True if one of its groups has this name; never for an empty name. */
bool gw_identity_in_group(const struct gw_identity *who, struct gw_span group);

#endif
