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

/* What is not known of somebody who is not there: rules that ask for it hold if they allow. */
enum gw_identity_unknown {
    GW_IDENTITY_GROUPS = 1,
    GW_IDENTITY_ATTRIBUTES = 2,
    GW_IDENTITY_CLIENT_ID = 4, /* but for its hash; a part of the topic may have turned out as it */
};

struct gw_identity {
    struct gw_span user;      /* proved; any UTF-8 without U+0000; empty if anonymous */
    struct gw_span groups;    /* of the user: names with a comma between them; may be empty */
    struct gw_span client_id; /* given or assigned; what the client chose proves nothing */
    const struct gw_address *address; /* of the peer; NULL: not of the network */
    struct gw_span listener;          /* URL of the listener that it came by; empty: not known */
    struct gw_span attributes;        /* what was proved besides, see auth/warrant; may be empty */
    uint64_t client_hash; /* of the identifier under client_seed, if that is not known */
    uint64_t client_seed;
    uint8_t unknown; /* enum gw_identity_unknown */
    bool anonymous;  /* nobody vouched for a name: rules by user do not hold */
};

/* True if one of its groups has this name; never for an empty name. */
bool gw_identity_in_group(const struct gw_identity *who, struct gw_span group);

#endif
