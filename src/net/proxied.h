/*
 * net/proxied: a connection that comes by a proxy: the lowest transport, which takes the PROXY
 *              header off and knows who the client is.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   the connection's loop; rules: whoever made the layer, they outlive its connections.
 * Life    made by its layer, freed with its connection.
 * Limits  GW_PROXYHEAD_SIZE_MAX bytes until the header is whole, none afterwards.
 *
 * Whether the connection's own address is one that may speak for others is asked before, by whoever
 * accepts it: what a header says is believed here.
 */
#ifndef GW_NET_PROXIED_H
#define GW_NET_PROXIED_H

#include "net/transport.h"

struct gw_proxied_rules {
    bool
        names_client; /* the common name of a certificate that the proxy verified is the client's */
                      /* proved name */
    bool cert_required; /* without such a certificate it is refused */
    /* Asked once the client's address is told: NULL lets it in, else why not (constant words). May
     * be NULL. */
    const char *(*judge)(void *ctx, struct gw_conn *conn);
    void *ctx;
};

/* Makes the layer, which borrows the rules. */
struct gw_transport_layer gw_proxied_layer(struct gw_proxied_rules *rules);

#endif
