/*
 * auth/stored: what a data base has stored of a user, a hash and groups, against what he gives.
 *
 * Layer   auth (may include topic, base, os).
 * Owner   one worker; slow by design (auth/password).
 * Life    init on the caller's memory; nothing to release.
 * Limits  GW_STORED_NAME_MAX; groups: GW_WARRANT_TEXT_MAX.
 *
 * To ask for somebody who is not there takes as long as for somebody who is.
 */
#ifndef GW_AUTH_STORED_H
#define GW_AUTH_STORED_H

#include "auth/backend.h"
#include "auth/hashtext.h"

#define GW_STORED_NAME_MAX 1024u /* bytes; nobody has a longer name */

struct gw_stored {
    struct gw_hashtext dearest; /* of all hashes seen so far the one that costs most */
    bool seen;
};

void gw_stored_init(struct gw_stored *stored);

/* False for what can be nobody's name in a data base: empty, too long, with U+0000. */
bool gw_stored_may_be(struct gw_span user);

/* Holds the login's password against a stored hash; with YES the reply's warrant has the groups
 * (names with commas between them, blanks around them do not count). An empty hash lets nobody
 * in. */
enum gw_backend_answer gw_stored_check(struct gw_stored *stored, struct gw_span hash,
                                       struct gw_span groups, const struct gw_backend_login *login,
                                       struct gw_backend_reply *reply);
/* There is no such user: UNKNOWN, after the time that it takes to be sure of one. */
enum gw_backend_answer gw_stored_unknown(struct gw_stored *stored,
                                         const struct gw_backend_login *login,
                                         struct gw_backend_reply *reply);

#endif
