#include "net/peeruser.h"

#include <stdlib.h>

#include "net/conn.h"
#include "os/account.h"

struct peeruser {
    struct gw_transport base; /* first */
    char *name;               /* NULL: not looked up yet */
};

static struct peeruser *of(struct gw_transport *transport)
{
    return (struct peeruser *)(void *)transport;
}

static enum gw_status look_up(struct peeruser *peer)
{
    struct gw_account account;
    uint32_t uid;
    if (!gw_address_uid(gw_conn_peer(peer->base.conn), &uid)) {
        peer->base.trouble = "the system does not say who the peer is";
        return GW_PROTOCOL;
    }
    if (gw_account_of(uid, &account) != GW_OK) {
        peer->base.trouble = "the system has no name for the peer's user";
        return GW_PROTOCOL;
    }
    peer->name = strdup(account.name);
    if (peer->name == NULL) {
        peer->base.trouble = "out of memory";
        return GW_PROTOCOL;
    }
    return GW_OK;
}

static enum gw_status peeruser_recv(struct gw_transport *transport, void *memory, size_t size,
                                    size_t *ret_size, int *ret_errno)
{
    struct peeruser *peer = of(transport);
    *ret_size = 0;
    if (transport->trouble != NULL)
        return GW_PROTOCOL;
    if (peer->name == NULL)
        GW_TRY(look_up(peer));
    return gw_transport_recv(transport, memory, size, ret_size, ret_errno);
}

static void peeruser_describe(const struct gw_transport *transport,
                              struct gw_transport_story *story)
{
    story->peer_name = ((const struct peeruser *)(const void *)transport)->name;
}

static void peeruser_free(struct gw_transport *transport)
{
    free(of(transport)->name);
    free(transport);
}

static const struct gw_transport_ops peeruser_ops = {
    .recv = peeruser_recv,
    .sendv = gw_transport_pass,
    .shut = gw_transport_shut,
    .describe = peeruser_describe,
    .free = peeruser_free,
};

static struct gw_transport *make(GW_UNUSED void *ctx)
{
    struct peeruser *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    gw_transport_init(&peer->base, &peeruser_ops);
    return &peer->base;
}

struct gw_transport_layer gw_peeruser_layer(void)
{
    return (struct gw_transport_layer){make, NULL};
}
