/*
 * client/core/emit: writes a client's packets to its transport. A part of client.c; applications
 * use client.h.
 *
 * Layer   client/core (may include proto, topic, wire, base). Pure.
 * Owner   the client.
 * Life    none of its own.
 * Limits  a packet's head must fit into the scratch memory (GW_NO_SPACE).
 */
#ifndef GW_CLIENT_CORE_EMIT_H
#define GW_CLIENT_CORE_EMIT_H

#include "client/core/client.h"

/* A writer over the scratch memory. */
struct gw_writer gw_emit_begin(struct gw_client *client);

/* Hands what w holds, and a payload behind it, to the transport and notes the time. `size` is what
 * an encoder returned: 0 gives GW_NO_SPACE. */
GW_MUST_USE enum gw_status gw_emit_end(struct gw_client *client, size_t size,
                                       struct gw_span payload, gw_mono_ns now);

GW_MUST_USE enum gw_status gw_emit_publish(struct gw_client *client,
                                           const struct gw_publish *publish, gw_mono_ns now);
GW_MUST_USE enum gw_status gw_emit_ack(struct gw_client *client, const struct gw_ack *ack,
                                       gw_mono_ns now);
GW_MUST_USE enum gw_status gw_emit_disconnect(struct gw_client *client,
                                              const struct gw_disconnect *disconnect,
                                              gw_mono_ns now);

/* Tells on_trace, if there is one. */
void gw_emit_trace(const struct gw_client *client, const struct gw_client_trace *trace);

#endif
