/*
 * broker/login: whether a client that wants to connect is who it says: it is proved to user files,
 *               or to whoever else auth names.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    begin with a CONNECT that is in order otherwise; while it waits the client is not read
 *         from. Then either gw_connector_go_on is called or the client is refused.
 * Limits  limits.connect_time, limits.login.queue, limits.login.delay, limits.login.failures,
 *         limits.login.ban.
 *
 * Who gives a user name must prove it, unless no users are configured at all. Who gives none is let
 * in where the listener lets strangers in. Whatever goes wrong on the way, nobody is let in by it.
 */
#ifndef GW_BROKER_LOGIN_H
#define GW_BROKER_LOGIN_H

#include "auth/warrant.h"
#include "broker/guest.h"
#include "wire/connect.h"

enum gw_login_outcome {
    GW_LOGIN_PASSED,
    GW_LOGIN_WAITS,   /* the answer comes later */
    GW_LOGIN_REFUSED, /* and it was told */
};

/* Judges; `body` is that of the CONNECT. */
enum gw_login_outcome gw_login_begin(struct gw_guest *client, const struct gw_connect *connect,
                                     struct gw_span body, gw_mono_ns now);

/* The client's timer is due while its login waits. */
void gw_login_on_timer(struct gw_guest *client, gw_mono_ns now);
/* Releases a login that waits; fine if there is none. */
void gw_login_drop(struct gw_guest *client);
/* Bytes that it holds. */
size_t gw_login_bytes(const struct gw_guest *client);

/* Notes that somebody vouched for a client: the sponsor of this id (broker/chain), or with 0 a user
 * file. Its name, if the warrant has one, its groups and what else stands there are its own from
 * now on; may be called again. GW_NO_MEMORY, GW_LIMIT (gw_rights_set_attributes): nothing has
 * changed. */
GW_MUST_USE enum gw_status gw_login_grant(struct gw_guest *client, const struct gw_warrant *warrant,
                                          uint64_t by);

/* The shard's users, or who else is asked, have changed: whoever is not among them any more, or not
 * with the password that he came in by, is sent away, and so is whom nobody vouches for any more;
 * groups are brought up to date. */
void gw_login_review(struct gw_shard *shard);

#endif
