#include "net/transport.h"

void gw_transport_init(struct gw_transport *transport, const struct gw_transport_ops *ops)
{
    *transport = (struct gw_transport){.ops = ops, .socket = -1};
    gw_list_init(&transport->link);
}

enum gw_status gw_transport_recv(struct gw_transport *transport, void *memory, size_t size,
                                 size_t *ret_size, int *ret_errno)
{
    struct gw_transport *below = transport->below;
    *ret_size = 0;
    if (below != NULL)
        return below->ops->recv(below, memory, size, ret_size, ret_errno);
    const struct gw_sockets *sockets = transport->sockets;
    enum gw_status status =
        sockets->ops->recv(sockets->ctx, transport->socket, memory, size, ret_size, ret_errno);
    transport->wire_in += *ret_size;
    return status;
}

enum gw_status gw_transport_sendv(struct gw_transport *transport, const struct iovec *parts,
                                  int part_count, size_t *ret_size, int *ret_errno)
{
    struct gw_transport *below = transport->below;
    *ret_size = 0;
    if (below != NULL)
        return below->ops->sendv(below, parts, part_count, ret_size, ret_errno);
    if (transport->mute)
        return GW_CLOSED;
    if (part_count == 0)
        return GW_OK;
    const struct gw_sockets *sockets = transport->sockets;
    enum gw_status status = sockets->ops->sendv(sockets->ctx, transport->socket, parts, part_count,
                                                ret_size, ret_errno);
    transport->wire_out += *ret_size;
    return status;
}

enum gw_status gw_transport_pass(struct gw_transport *transport, const struct iovec *parts,
                                 int part_count, size_t *ret_size, int *ret_errno)
{
    enum gw_status status = gw_transport_sendv(transport, parts, part_count, ret_size, ret_errno);
    size_t offered = 0;
    for (int i = 0; i < part_count; i++)
        offered += parts[i].iov_len;
    bool waits = status == GW_AGAIN || (status == GW_OK && *ret_size < offered);
    transport->send_wants = waits ? GW_POLL_WRITE : 0;
    return status;
}

enum gw_status gw_transport_shut(struct gw_transport *transport)
{
    return transport->below == NULL ? GW_OK : transport->below->ops->shut(transport->below);
}

uint8_t gw_transport_wants(const struct gw_transport *top)
{
    unsigned bits = 0;
    for (; top != NULL; top = top->below)
        bits |= (unsigned)top->recv_wants | top->send_wants;
    return (uint8_t)bits;
}

bool gw_transport_pending(const struct gw_transport *top)
{
    for (; top != NULL; top = top->below)
        if (top->pending)
            return true;
    return false;
}

bool gw_transport_heavy(const struct gw_transport *top)
{
    for (; top != NULL; top = top->below)
        if (top->heavy)
            return true;
    return false;
}

const char *gw_transport_trouble(const struct gw_transport *top)
{
    for (; top != NULL; top = top->below)
        if (top->trouble != NULL)
            return top->trouble;
    return NULL;
}

const struct gw_address *gw_transport_peer(const struct gw_transport *top,
                                           const struct gw_address *own)
{
    for (; top != NULL; top = top->below)
        if (top->peer != NULL)
            return top->peer;
    return own;
}

void gw_transport_describe(const struct gw_transport *top, struct gw_transport_story *ret_story)
{
    const struct gw_transport *stack[GW_TRANSPORT_LAYERS_MAX];
    int count = 0;
    *ret_story = (struct gw_transport_story){0};
    for (; top != NULL && count < GW_TRANSPORT_LAYERS_MAX; top = top->below)
        stack[count++] = top;
    while (count-- > 0)
        stack[count]->ops->describe(stack[count], ret_story);
}

enum gw_status gw_transport_attest(const struct gw_transport *top, gw_transport_attest_fn *fn,
                                   void *user)
{
    for (; top != NULL; top = top->below)
        if (top->ops->attest != NULL)
            GW_TRY(top->ops->attest(top, fn, user));
    return GW_OK;
}

void gw_transport_mute(struct gw_transport *top)
{
    for (; top != NULL; top = top->below)
        top->mute = true;
}

void gw_transport_take_counts(struct gw_transport *top, uint64_t *ret_in, uint64_t *ret_out)
{
    while (top->below != NULL)
        top = top->below;
    *ret_in = top->wire_in;
    *ret_out = top->wire_out;
    top->wire_in = 0;
    top->wire_out = 0;
}

void gw_transport_free(struct gw_transport *top)
{
    while (top != NULL) {
        struct gw_transport *below = top->below;
        gw_list_remove(&top->link);
        top->ops->free(top);
        top = below;
    }
}
