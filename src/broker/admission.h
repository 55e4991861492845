/*
 * broker/admission: whether a decoded CONNECT is let in, what becomes of an older connection and
 *                   session, and the CONNACK either way (MQTT 5.0 section 3.1.4).
 *
 * Layer   broker.
 * Owner   the client's shard, which owns the client identifier.
 * Life    none.
 * Limits  limits.client_id, limits.sessions, limits.session_expiry, limits.will_delay.
 */
#ifndef GW_BROKER_ADMISSION_H
#define GW_BROKER_ADMISSION_H

#include "broker/guest.h"
#include "wire/connect.h"

/* Everything that can be judged before it is known who the client is: version, identifier, will.
 * False: it was refused. */
bool gw_admission_check(struct gw_guest *client, const struct gw_connect *connect);

/* Lets the client in: takes the session over, answers, sends what waits. False: it was refused.
 * auth_data goes into CONNACK after an enhanced authentication. */
bool gw_admission_admit(struct gw_guest *client, const struct gw_connect *connect,
                        struct gw_span auth_data, gw_mono_ns now);

/* Answers with a refusing CONNACK in the client's version, or without a word where there is none,
 * and closes. */
void gw_admission_refuse(struct gw_guest *client, uint8_t reason, const char *what,
                         const char *clause);

#endif
