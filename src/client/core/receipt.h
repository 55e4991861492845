/*
 * client/core/receipt: the incoming messages of a client: aliases, the ids of QoS 2, answers.
 * A part of client.c; applications use client.h.
 *
 * Layer   client/core (may include proto, topic, wire, base). Pure.
 * Owner   the client.
 * Life    none of its own.
 * Limits  incoming_max unfinished QoS 2 messages.
 */
#ifndef GW_CLIENT_CORE_RECEIPT_H
#define GW_CLIENT_CORE_RECEIPT_H

#include "client/core/client.h"

/* PUBLISH arrived: shows it and answers. GW_PROTOCOL with *ret_fault. An answer that does not fit
 * is kept in client->reply. */
GW_MUST_USE enum gw_status gw_receipt_on_publish(struct gw_client *client,
                                                 struct gw_publish *publish, gw_mono_ns now,
                                                 struct gw_fault *ret_fault);

/* PUBREL arrived: forgets the id and answers. */
void gw_receipt_on_pubrel(struct gw_client *client, const struct gw_ack *pubrel, gw_mono_ns now);

/* Writes the kept answer; GW_OK also if there is none. */
GW_MUST_USE enum gw_status gw_receipt_flush(struct gw_client *client, gw_mono_ns now);

#endif
