/*
 * broker/connector: CONNECT to CONNACK, with a login (broker/login) or an exchange of AUTH packets
 *                   (broker/exchange) in between.
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    none.
 * Limits  limits.connect_time (client), limits.client_id, limits.sessions.
 */
#ifndef GW_BROKER_CONNECTOR_H
#define GW_BROKER_CONNECTOR_H

#include "broker/guest.h"

/* The client identifier in a CONNECT; empty if it has none or is not well formed. */
struct gw_span gw_connector_client_id(struct gw_guest *client, const struct gw_frame *frame);

void gw_connector_on_connect(struct gw_guest *client, const struct gw_frame *frame, gw_mono_ns now);

/* Goes on with a CONNECT, whose body this is, once it is known who the client is. */
void gw_connector_go_on(struct gw_guest *client, struct gw_span body, gw_mono_ns now);

/* Lets a client in by its CONNECT, whose body this is, or refuses it; auth_data goes into CONNACK.
 */
void gw_connector_admit(struct gw_guest *client, struct gw_span body, struct gw_span auth_data,
                        gw_mono_ns now);

#endif
