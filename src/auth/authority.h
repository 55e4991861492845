/*
 * auth/authority: may this peer publish, subscribe?
 *
 * Layer   auth (may include topic, base, os).
 * Owner   immutable; any thread.
 * Life    none.
 * Limits  none.
 *
 * Today's rules: who was let in may do everything but write below $SYS, which is the broker's own.
 * Access rules take their place behind these calls.
 */
#ifndef GW_AUTH_AUTHORITY_H
#define GW_AUTH_AUTHORITY_H

#include "base/span.h"

enum gw_authority_verdict {
    GW_AUTHORITY_YES,
    GW_AUTHORITY_NO,
};

/* May it publish to this topic name (its will's included)? */
enum gw_authority_verdict gw_authority_publish(struct gw_span topic_name);
/* May it subscribe to this bare filter ($share taken off)? */
enum gw_authority_verdict gw_authority_subscribe(struct gw_span filter);

#endif
