/*
 * broker/exchange: enhanced authentication (MQTT 5.0 section 4.12): AUTH packets between CONNECT
 *                  and CONNACK, and again on a living connection (4.12.1).
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    begins with a CONNECT that names a method; what it holds hangs on the client, little of
 *         it once the exchange is over.
 * Limits  limits.connect_time for an exchange, GW_METHOD_STEPS_MAX steps, limits.login (as for
 *         passwords), limits.login.renewals re-authentications a minute.
 *
 * A method proves who the client is, so no password is asked for besides. What it proved again must
 * be the same user.
 */
#ifndef GW_BROKER_EXCHANGE_H
#define GW_BROKER_EXCHANGE_H

#include "broker/guest.h"
#include "wire/connect.h"

/* True if the CONNECT names a method, and that method wants the client to log in besides. */
bool gw_exchange_wants_login(const struct gw_guest *client, const struct gw_connect *connect);
/* Begins the exchange that a CONNECT, whose body this is, names; false if it names none. The end
 * is gw_connector_admit, or the client is refused. */
bool gw_exchange_begin(struct gw_guest *client, const struct gw_connect *connect,
                       struct gw_span body, gw_mono_ns now);

void gw_exchange_on_auth(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now);
/* The client's timer is due before it is connected; false: the exchange has no use for it. */
bool gw_exchange_on_timer(struct gw_guest *client, gw_mono_ns now);

/* The method that its CONNECT named; there is an exchange. */
const char *gw_exchange_method(const struct gw_guest *client);
/* True while it is not the client's turn: nothing is read from it. */
bool gw_exchange_holds(const struct gw_guest *client);
/* Bytes that it holds. */
size_t gw_exchange_bytes(const struct gw_guest *client);
/* Releases it; fine if there is none. */
void gw_exchange_drop(struct gw_guest *client);

#endif
