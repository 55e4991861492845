/*
 * auth/authority: may this peer connect, publish, subscribe?
 *
 * Layer   auth (may include topic, base, os).
 * Owner   immutable; any thread.
 * Life    none.
 * Limits  none.
 *
 * Today's rules: who comes through a listener that lets strangers in may do everything but write
 * below $SYS, which is the broker's own. User files, access rules and questions to the outside take
 * their place behind these calls.
 */
#ifndef GW_AUTH_AUTHORITY_H
#define GW_AUTH_AUTHORITY_H

#include "base/span.h"

enum gw_authority_verdict {
    GW_AUTHORITY_YES,
    GW_AUTHORITY_NO,           /* not authorized */
    GW_AUTHORITY_BAD_PASSWORD, /* user name or password wrong */
};

struct gw_authority_peer {
    struct gw_span client_id;
    struct gw_span user_name;
    struct gw_span password;
    bool has_user_name;
    bool has_password;
    bool anonymous; /* its listener lets strangers in */
};

/* May it connect? *ret_why, on a no, are words for the log and the Reason String. */
enum gw_authority_verdict gw_authority_connect(const struct gw_authority_peer *peer,
                                               const char **ret_why);
/* May it publish to this topic name (its will's included)? */
enum gw_authority_verdict gw_authority_publish(struct gw_span topic_name);
/* May it subscribe to this bare filter ($share taken off)? */
enum gw_authority_verdict gw_authority_subscribe(struct gw_span filter);

#endif
