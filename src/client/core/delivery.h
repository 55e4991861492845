/*
 * client/core/delivery: the outgoing messages of a client: ids, flow control, acknowledgements,
 * repetition. A part of client.c; applications use client.h.
 *
 * Layer   client/core (may include proto, topic, wire, base). Pure.
 * Owner   the client.
 * Life    none of its own.
 * Limits  the server's receive maximum and inflight_max.
 */
#ifndef GW_CLIENT_CORE_DELIVERY_H
#define GW_CLIENT_CORE_DELIVERY_H

#include "client/core/client.h"

/* A packet id that nothing unfinished uses; 0 if there is none. */
gw_packet_id gw_delivery_next_id(struct gw_client *client);

/* Sends queued messages while there is room in flight. */
void gw_delivery_pump(struct gw_client *client, gw_mono_ns now);

/* Repeats (same session) or sends anew (new session) what is unfinished, after a CONNACK. */
void gw_delivery_resume(struct gw_client *client, bool session_present, gw_mono_ns now);

/* PUBACK, PUBREC or PUBCOMP arrived. GW_AGAIN: its answer does not fit, nothing changed. */
GW_MUST_USE enum gw_status gw_delivery_on_ack(struct gw_client *client, const struct gw_ack *ack,
                                              gw_mono_ns now);

#endif
