/*
 * net/tls: TLS 1.2 and 1.3 as a transport, either side of it, by OpenSSL.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   the connection's loop; a slot: any thread.
 * Life    made from a context, which it keeps; freed with its connection.
 * Limits  GW_TLS_RECORDS_PER_WRITE records a call; OpenSSL holds one record each way at most, and
 *         none at rest.
 */
#ifndef GW_NET_TLS_H
#define GW_NET_TLS_H

#include "net/tlscontext.h"
#include "net/transport.h"

#define GW_TLS_RECORDS_PER_WRITE 16

/* Makes the server's side of a connection; NULL when memory is out. */
struct gw_transport *gw_tls_server(struct gw_tlscontext *context);
/* Makes the client's side, which expects the server to prove that it is `host` (a name or an
 * address; borrowed for the life of the transport). NULL when memory is out. */
struct gw_transport *gw_tls_client(struct gw_tlscontext *context, const char *host);
/* Tells a client why a transport of its stack failed, with the names that were compared; after
 * GW_PROTOCOL. `top` may be another transport that stands on TLS. */
void gw_tls_explain(const struct gw_transport *top, struct gw_tlsfault *ret_fault);

/* Where a listener takes the context for its next connection from; it changes when certificates
 * are renewed, and connections that stand keep theirs. */
struct gw_tls_slot;

/* Takes a reference of its own; NULL when memory is out. */
struct gw_tls_slot *gw_tls_slot_new(struct gw_tlscontext *context);
/* Puts another context in force. */
void gw_tls_slot_put(struct gw_tls_slot *slot, struct gw_tlscontext *context);
/* NULL is fine. */
void gw_tls_slot_free(struct gw_tls_slot *slot);
/* Makes the TLS layer of a listener's stack. */
struct gw_transport_layer gw_tls_slot_layer(struct gw_tls_slot *slot);

#endif
