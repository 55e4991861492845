#include "broker/entrance.h"

#include <stdlib.h>

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

enum gw_status gw_entrance_init(struct gw_entrance *entrance,
                                const struct gw_config_listener *listener, struct gw_tls_slot *tls)
{
    *entrance = (struct gw_entrance){.anonymous = listener->anonymous};
    entrance->url = gw_span_dup(gw_span_str(listener->url));
    if (!entrance->url)
        return GW_NO_MEMORY;
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
    free(entrance->url);
    *entrance = (struct gw_entrance){0};
}
