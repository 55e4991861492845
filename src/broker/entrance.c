#include "broker/entrance.h"

#include <stdlib.h>

#include "broker/arrival.h"
#include "config/confsocket.h"
#include "config/conftls.h"
#include "net/peeruser.h"

static void add_layer(struct gw_entrance *entrance, struct gw_transport *(*make)(void *ctx),
                      void *ctx)
{
    entrance->layers[entrance->layer_count++] = (struct gw_transport_layer){make, ctx};
}

/* The configuration may be replaced while connections still look at these: they are copied. */
static enum gw_status add_websocket(struct gw_entrance *entrance,
                                    const struct gw_config_listener *listener)
{
    struct gw_span path = gw_span_str(listener->path), origins = gw_span_str(listener->origins);
    char *texts = calloc(1, path.size + 1 + origins.size + 1);
    if (!texts)
        return GW_NO_MEMORY;
    memcpy(texts, path.data, path.size);
    if (origins.size > 0)
        memcpy(texts + path.size + 1, origins.data, origins.size);
    entrance->ws_texts = texts;
    entrance->ws = (struct gw_ws_listener){
        .path = texts,
        .origins = texts + path.size + 1,
        /* Whoever asks for a password need not fear a page that knows none. */
        .names_refused = listener->anonymous && !listener->insecure,
    };
    add_layer(entrance, gw_ws_make, &entrance->ws);
    return GW_OK;
}

/* Proxies that may speak for others. */
static enum gw_status add_proxies(struct gw_entrance *entrance, struct gw_span list)
{
    struct gw_access_net net;
    struct gw_span bad;
    while (gw_confsocket_next_proxy(&list, &net, &bad)) {
        struct gw_access_net *nets =
            realloc(entrance->trusted, (entrance->trusted_count + 1) * sizeof(*nets));
        if (!nets)
            return GW_NO_MEMORY;
        nets[entrance->trusted_count++] = net;
        entrance->trusted = nets;
    }
    return GW_OK;
}

static enum gw_status add_proxied(struct gw_entrance *entrance, const struct gw_config *config,
                                  const struct gw_config_listener *listener, bool own_tls)
{
    struct gw_config_tls tls;
    gw_conftls_resolve(config, listener, &tls);
    entrance->proxied = (struct gw_proxied_rules){
        /* Whoever speaks TLS with us shows us his certificate himself. */
        .names_client = !own_tls && tls.identity == GW_CONFIG_IDENTITY_CN,
        .cert_required = !own_tls && tls.client_cert == GW_CONFIG_CLIENT_CERT_REQUIRED,
        .judge = gw_arrival_judge,
    };
    entrance->layers[entrance->layer_count++] = gw_proxied_layer(&entrance->proxied);
    return add_proxies(entrance, gw_span_str(listener->socket.trusted));
}

bool gw_entrance_trusts(const struct gw_entrance *entrance, const struct gw_address *peer)
{
    for (size_t i = 0; i < entrance->trusted_count; i++) {
        const struct gw_access_net *net = &entrance->trusted[i];
        uint32_t uid;
        if (net->stands ? gw_access_net_has(net, peer) : gw_address_uid(peer, &uid))
            return true;
    }
    return entrance->trusted_count == 0;
}

enum gw_status gw_entrance_init(struct gw_entrance *entrance, const struct gw_config *config,
                                const struct gw_config_listener *listener, struct gw_tls_slot *tls)
{
    *entrance = (struct gw_entrance){.anonymous = listener->anonymous};
    entrance->url = gw_span_dup(gw_span_str(listener->url));
    if (!entrance->url)
        return GW_NO_MEMORY;
    if (listener->socket.proxy_protocol)
        GW_TRY(add_proxied(entrance, config, listener, tls != NULL));
    if (listener->socket.peer_user)
        entrance->layers[entrance->layer_count++] = gw_peeruser_layer();
    if (tls)
        entrance->layers[entrance->layer_count++] = gw_tls_slot_layer(tls);
    if (listener->scheme == GW_CONFIG_WS || listener->scheme == GW_CONFIG_WSS)
        return add_websocket(entrance, listener);
    return GW_OK;
}

void gw_entrance_fini(struct gw_entrance *entrance)
{
    free(entrance->ws_texts);
    free(entrance->trusted);
    free(entrance->url);
    *entrance = (struct gw_entrance){0};
}
