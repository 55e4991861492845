#include "net/listener.h"

#include <stdlib.h>

#include "base/assert.h"
#include "net/turn.h"

/* How long a loop stops accepting when a connection can be neither taken nor refused. */
#define BACK_OFF_NS (100 * GW_NS_PER_MS)

struct gw_listener {
    const struct gw_sockets *sockets;
    gw_socket socket;
    atomic_uint joined; /* loops; release by leave, acquire by close */
    bool is_given;      /* somebody else opened it, and goes on listening */
    size_t layer_count;
    struct gw_transport_layer layers[GW_TRANSPORT_LAYERS_MAX];
    struct gw_address address;
};

/* A listener on one loop. */
struct accept {
    struct gw_source source; /* first: what the poller gives back */
    struct gw_list link;     /* in loop->accepts */
    struct gw_list called;   /* in loop->callers while somebody waits */
    struct gw_listener *listener;
    struct gw_loop *loop;
    gw_listener_fn *fn;
    void *user;
    struct gw_timer timer; /* armed while backing off */
};

enum gw_status gw_listener_open(const struct gw_sockets *sockets,
                                const struct gw_socket_place *place,
                                struct gw_listener **ret_listener, int *ret_errno)
{
    *ret_listener = NULL;
    *ret_errno = 0;
    struct gw_listener *listener = malloc(sizeof *listener);
    if (listener == NULL)
        return GW_NO_MEMORY;
    listener->sockets = sockets;
    listener->layer_count = 0;
    listener->is_given = place->is_given;
    atomic_init(&listener->joined, 0);
    enum gw_status status = sockets->ops->listen(sockets->ctx, place, &listener->socket, ret_errno);
    if (status != GW_OK) {
        free(listener);
        return status;
    }
    if (sockets->ops->local(sockets->ctx, listener->socket, &listener->address) != GW_OK)
        gw_address_copy(&listener->address, place->address);
    *ret_listener = listener;
    return GW_OK;
}

static enum gw_status watch(struct accept *accept)
{
    const struct gw_sockets *sockets = accept->listener->sockets;
    return sockets->ops->add(sockets->ctx, accept->loop->poller, accept->listener->socket,
                             GW_POLL_READ, true, &accept->source);
}

static void back_off(struct accept *accept, gw_mono_ns until)
{
    const struct gw_sockets *sockets = accept->listener->sockets;
    sockets->ops->remove(sockets->ctx, accept->loop->poller, accept->listener->socket);
    gw_wheel_arm(&accept->loop->wheel, &accept->timer, until);
}

static void on_timer(struct gw_timer *timer, gw_mono_ns now)
{
    struct accept *accept = GW_CONTAINER(timer, struct accept, timer);
    if (watch(accept) != GW_OK)
        gw_wheel_arm(&accept->loop->wheel, timer, now + BACK_OFF_NS);
}

void gw_listener_set_layers(struct gw_listener *listener, const struct gw_transport_layer *layers,
                            size_t count)
{
    GW_ASSERT(count <= GW_TRANSPORT_LAYERS_MAX);
    for (size_t i = 0; i < count; i++)
        listener->layers[i] = layers[i];
    listener->layer_count = count;
}

static bool build_stack(const struct gw_listener *listener, struct gw_conn *conn)
{
    for (size_t i = 0; i < listener->layer_count; i++) {
        struct gw_transport *transport = listener->layers[i].make(listener->layers[i].ctx);
        if (transport == NULL)
            return false;
        gw_conn_push(conn, transport);
    }
    return true;
}

static void take(struct accept *accept, gw_socket socket, const struct gw_address *peer,
                 gw_mono_ns now)
{
    const struct gw_sockets *sockets = accept->listener->sockets;
    struct gw_conn *conn = gw_conn_new(sockets, socket, peer);
    if (conn == NULL) {
        accept->loop->counters.accept_refused++;
        sockets->ops->close(sockets->ctx, socket);
        return;
    }
    if (!build_stack(accept->listener, conn)) {
        accept->loop->counters.accept_refused++;
        gw_conn_close(conn, false, 0);
        return;
    }
    accept->loop->counters.accepted++;
    accept->fn(accept->user, accept->listener, conn, now);
}

static void on_ready(struct gw_source *source, GW_UNUSED uint32_t bits, GW_UNUSED gw_mono_ns now)
{
    struct accept *accept = GW_CONTAINER(source, struct accept, source);
    gw_list_push_back(&accept->loop->callers, &accept->called);
}

static void serve(struct accept *accept, gw_mono_ns now)
{
    const struct gw_sockets *sockets = accept->listener->sockets;
    struct gw_loop *loop = accept->loop;
    gw_socket listening = accept->listener->socket;
    loop->turn.accepting = accept;
    for (int i = 0; i < GW_LISTENER_ACCEPTS_PER_TURN; i++) {
        gw_socket socket = -1;
        struct gw_address peer;
        switch (sockets->ops->accept(sockets->ctx, loop->poller, listening, &socket, &peer)) {
        case GW_OK: take(accept, socket, &peer, now); break;
        case GW_LIMIT: loop->counters.accept_refused++; break;
        case GW_AGAIN: return;
        default: back_off(accept, now + BACK_OFF_NS); return;
        }
        if (loop->turn.accepting != accept) /* fn left */
            return;
        if (loop->accepts_slowly) {
            back_off(accept, now + GW_LOOP_SLOW_ACCEPT_NS);
            return;
        }
    }
}

void gw_listener_serve(struct gw_loop *loop)
{
    struct gw_list *called;
    while ((called = gw_list_pop_front(&loop->callers)) != NULL)
        serve(GW_CONTAINER(called, struct accept, called), loop->turn.now);
}

enum gw_status gw_listener_join(struct gw_listener *listener, struct gw_loop *loop,
                                gw_listener_fn *fn, void *user)
{
    struct accept *accept = calloc(1, sizeof *accept);
    if (accept == NULL)
        return GW_NO_MEMORY;
    accept->source.on_ready = on_ready;
    accept->listener = listener;
    accept->loop = loop;
    accept->fn = fn;
    accept->user = user;
    gw_list_init(&accept->called);
    gw_timer_init(&accept->timer, on_timer);
    enum gw_status status = watch(accept);
    if (status != GW_OK) {
        free(accept);
        return status;
    }
    gw_list_push_back(&loop->accepts, &accept->link);
    atomic_fetch_add_explicit(&listener->joined, 1, memory_order_relaxed);
    return GW_OK;
}

static void leave(struct accept *accept)
{
    struct gw_listener *listener = accept->listener;
    struct gw_loop *loop = accept->loop;
    if (!gw_timer_armed(&accept->timer))
        listener->sockets->ops->remove(listener->sockets->ctx, loop->poller, listener->socket);
    gw_wheel_cancel(&loop->wheel, &accept->timer);
    gw_loop_forget(loop, &accept->source);
    if (loop->turn.accepting == accept)
        loop->turn.accepting = NULL;
    gw_list_remove(&accept->link);
    gw_list_remove(&accept->called);
    free(accept);
    atomic_fetch_sub_explicit(&listener->joined, 1, memory_order_release);
}

void gw_listener_leave(struct gw_listener *listener, struct gw_loop *loop)
{
    GW_LIST_FOREACH (link, &loop->accepts) {
        struct accept *accept = GW_CONTAINER(link, struct accept, link);
        if (accept->listener == listener) {
            leave(accept);
            return;
        }
    }
}

void gw_listener_close(struct gw_listener *listener)
{
    if (listener == NULL)
        return;
    GW_ASSERT(atomic_load_explicit(&listener->joined, memory_order_acquire) == 0);
    const struct gw_sockets *sockets = listener->sockets;
    sockets->ops->close(sockets->ctx, listener->socket);
    if (!listener->is_given) /* to look whether it is stale would wake who listens there */
        sockets->ops->sweep(sockets->ctx, &listener->address);
    free(listener);
}

const struct gw_address *gw_listener_address(const struct gw_listener *listener)
{
    return &listener->address;
}
