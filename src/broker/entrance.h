/*
 * broker/entrance: what the connections of one listener share: how they are built up below MQTT.
 *
 * Layer   broker.
 * Owner   the broker; immutable while its listener is open.
 * Life    init before the listener opens; fini after the last of its connections was released.
 * Limits  GW_TRANSPORT_LAYERS_MAX.
 */
#ifndef GW_BROKER_ENTRANCE_H
#define GW_BROKER_ENTRANCE_H

#include "config/config.h"
#include "net/listener.h"
#include "net/proxied.h"
#include "net/tls.h"
#include "net/ws.h"

struct gw_entrance {
    struct gw_transport_layer layers[GW_TRANSPORT_LAYERS_MAX]; /* the lowest first */
    size_t layer_count;
    struct gw_ws_listener ws; /* its texts are the entrance's own */
    char *ws_texts;
    char *url; /* of the listener, by which rules call it */
    struct gw_proxied_rules proxied;
    struct gw_access_net *trusted; /* proxies; an empty one stands for who comes by Unix sockets */
    size_t trusted_count;          /* 0: clients come without a proxy */
    bool anonymous;                /* clients without a name are let in */
};

/* Prepares for the connections of a listener of the configuration; stays where it is. `tls` is what
 * a TLS listener takes its certificates from, NULL for others. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_entrance_init(struct gw_entrance *entrance,
                                            const struct gw_config *config,
                                            const struct gw_config_listener *listener,
                                            struct gw_tls_slot *tls);
/* True if a connection from this address may say for whom it comes, or need not. */
bool gw_entrance_trusts(const struct gw_entrance *entrance, const struct gw_address *peer);

void gw_entrance_fini(struct gw_entrance *entrance);

#endif
