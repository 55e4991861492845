#include "sim/simnet.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define LISTENER  0
#define LINKS_MAX 256

struct pipe {
    uint8_t *data;
    size_t size;    /* written and not yet read */
    size_t visible; /* the part that has arrived */
    bool finished;  /* the writer has ended in order */
};

struct watch {
    struct gw_poller *poller; /* NULL: not watched */
    uint32_t bits;
    void *user;
};

/* A link between a client (end number = index) and a broker (socket number = index). */
struct link {
    struct pipe up, down; /* to the broker, to the client */
    struct watch watch;
    bool used, accepted, cut;
    bool client_closed, broker_closed;
};

struct gw_poller {
    struct simnet *net;
    struct watch listener;
    struct gw_poller *next;
};

struct simnet {
    struct gw_random *random;
    struct gw_sockets sockets;
    struct gw_clock clock;
    gw_mono_ns now;
    bool listening;
    void (*watcher)(void *user);
    void *watcher_user;
    struct link links[LINKS_MAX]; /* [0] is the listener's number, never a link */
};

/* -- time -- */

static gw_mono_ns clock_mono(void *user)
{
    return ((struct simnet *)user)->now;
}

static gw_wall_ns clock_wall(void *user)
{
    return (gw_wall_ns)((struct simnet *)user)->now + 1700000000000000000;
}

gw_mono_ns simnet_now(const struct simnet *net)
{
    return net->now;
}

void simnet_advance(struct simnet *net, uint64_t time)
{
    net->now += time;
}

/* -- pipes -- */

static size_t some_of(struct simnet *net, size_t size)
{
    if (size <= 1 || !net->random || gw_random_below(net->random, 4) != 0)
        return size;
    return 1 + (size_t)gw_random_below(net->random, size);
}

static size_t pipe_write(struct simnet *net, struct pipe *pipe, const void *bytes, size_t size)
{
    size_t room = SIMNET_PIPE_MAX - pipe->size;
    size = some_of(net, size < room ? size : room);
    if (size == 0)
        return 0;
    if (!pipe->data)
        pipe->data = malloc(SIMNET_PIPE_MAX);
    GW_ASSERT(pipe->data != NULL);
    memcpy(pipe->data + pipe->size, bytes, size);
    pipe->size += size;
    return size;
}

static size_t pipe_read(struct simnet *net, struct pipe *pipe, void *memory, size_t size)
{
    size = some_of(net, size < pipe->visible ? size : pipe->visible);
    if (size == 0)
        return 0;
    memcpy(memory, pipe->data, size);
    memmove(pipe->data, pipe->data + size, pipe->size - size);
    pipe->size -= size;
    pipe->visible -= size;
    return size;
}

static void pipe_step(struct simnet *net, struct pipe *pipe)
{
    if (pipe->visible < pipe->size && (!net->random || gw_random_below(net->random, 3) != 0))
        pipe->visible += some_of(net, pipe->size - pipe->visible);
}

static void forget_if_closed(struct link *link)
{
    if (!link->client_closed || !link->broker_closed)
        return;
    free(link->up.data);
    free(link->down.data);
    *link = (struct link){0};
}

void simnet_step(struct simnet *net)
{
    for (int i = 1; i < LINKS_MAX; i++) {
        struct link *link = &net->links[i];
        if (!link->used || link->cut)
            continue;
        pipe_step(net, &link->up);
        pipe_step(net, &link->down);
    }
}

/* -- the brokers' side -- */

static void op_sweep(void *ctx, const struct gw_address *address)
{
    (void)ctx;
    (void)address;
}

static enum gw_status op_listen(void *ctx, const struct gw_socket_place *place,
                                gw_socket *ret_socket, int *ret_errno)
{
    struct simnet *net = ctx;
    (void)place;
    if (net->listening) {
        *ret_errno = EADDRINUSE;
        return GW_OS_ERROR;
    }
    net->listening = true;
    *ret_socket = LISTENER;
    return GW_OK;
}

static enum gw_status op_local(void *ctx, gw_socket socket, struct gw_address *ret_address)
{
    (void)ctx;
    (void)socket;
    return gw_address_parse(GW_SPAN_LIT("127.0.0.1"), 1883, ret_address);
}

static struct link *waiting_link(struct simnet *net, int *ret_index)
{
    for (int i = 1; i < LINKS_MAX; i++)
        if (net->links[i].used && !net->links[i].accepted) {
            *ret_index = i;
            return &net->links[i];
        }
    return NULL;
}

static enum gw_status op_accept(void *ctx, struct gw_poller *poller, gw_socket listener,
                                gw_socket *ret_socket, struct gw_address *ret_peer)
{
    struct link *link = waiting_link(ctx, ret_socket);
    (void)poller;
    (void)listener;
    if (!link)
        return GW_AGAIN;
    link->accepted = true;
    return gw_address_parse(GW_SPAN_LIT("127.0.0.1"), (uint16_t)(1024 + *ret_socket), ret_peer);
}

static enum gw_status op_connect(void *ctx, const struct gw_address *address, gw_socket *ret_socket,
                                 int *ret_errno)
{
    (void)ctx;
    (void)address;
    (void)ret_socket;
    *ret_errno = ECONNREFUSED;
    return GW_OS_ERROR;
}

static int op_error(void *ctx, gw_socket socket)
{
    const struct simnet *net = ctx;
    return net->links[socket].cut ? ECONNRESET : 0;
}

static void tell_watcher(const struct simnet *net)
{
    if (net->watcher)
        net->watcher(net->watcher_user);
}

static enum gw_status op_recv(void *ctx, gw_socket socket, void *memory, size_t size,
                              size_t *ret_size, int *ret_errno)
{
    struct simnet *net = ctx;
    struct link *link = &net->links[socket];
    tell_watcher(net);
    GW_ASSERT(link->used && !link->broker_closed);
    *ret_size = pipe_read(net, &link->up, memory, size);
    if (*ret_size > 0)
        return GW_OK;
    if (link->cut) {
        *ret_errno = ECONNRESET;
        return GW_OS_ERROR;
    }
    return link->up.finished && link->up.size == 0 ? GW_CLOSED : GW_AGAIN;
}

static enum gw_status op_sendv(void *ctx, gw_socket socket, const struct iovec *parts,
                               int part_count, size_t *ret_size, int *ret_errno)
{
    struct simnet *net = ctx;
    struct link *link = &net->links[socket];
    tell_watcher(net);
    GW_ASSERT(link->used && !link->broker_closed);
    *ret_size = 0;
    if (link->cut || link->client_closed) {
        *ret_errno = EPIPE;
        return GW_OS_ERROR;
    }
    for (int i = 0; i < part_count; i++) {
        size_t taken = pipe_write(net, &link->down, parts[i].iov_base, parts[i].iov_len);
        *ret_size += taken;
        if (taken < parts[i].iov_len)
            break;
    }
    return *ret_size > 0 ? GW_OK : GW_AGAIN;
}

static void op_shutdown(void *ctx, gw_socket socket)
{
    ((struct simnet *)ctx)->links[socket].down.finished = true;
}

static void op_close(void *ctx, gw_socket socket)
{
    struct simnet *net = ctx;
    if (socket == LISTENER) {
        net->listening = false;
        int index;
        for (struct link *link; (link = waiting_link(net, &index)) != NULL;) {
            link->accepted = link->cut = link->broker_closed = true;
            forget_if_closed(link);
        }
        return;
    }
    struct link *link = &net->links[socket];
    GW_ASSERT(link->used && !link->broker_closed);
    link->broker_closed = true;
    link->down.finished = true;
    link->watch.poller = NULL;
    forget_if_closed(link);
}

/* -- poller -- */

static enum gw_status op_poller_new(void *ctx, struct gw_poller **ret_poller)
{
    struct gw_poller *poller = calloc(1, sizeof(*poller));
    if (!poller)
        return GW_NO_MEMORY;
    poller->net = ctx;
    *ret_poller = poller;
    return GW_OK;
}

static void op_poller_free(void *ctx, struct gw_poller *poller)
{
    (void)ctx;
    free(poller);
}

static enum gw_status op_add(void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits,
                             bool shared, void *user)
{
    struct simnet *net = ctx;
    struct watch watch = {poller, bits, user};
    (void)shared;
    if (socket == LISTENER)
        poller->listener = watch;
    else
        net->links[socket].watch = watch;
    return GW_OK;
}

static void op_set(void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits, void *user)
{
    (void)op_add(ctx, poller, socket, bits, false, user);
}

static void op_remove(void *ctx, struct gw_poller *poller, gw_socket socket)
{
    struct simnet *net = ctx;
    if (socket == LISTENER)
        poller->listener.poller = NULL;
    else
        net->links[socket].watch.poller = NULL;
}

static uint32_t ready_bits(const struct link *link)
{
    uint32_t bits = 0;
    bool ended = link->up.finished && link->up.size == 0;
    if (link->up.visible > 0 || ended || link->cut)
        bits |= GW_POLL_READ;
    if (link->down.size < SIMNET_PIPE_MAX || link->cut || link->client_closed)
        bits |= GW_POLL_WRITE;
    bits &= link->watch.bits;
    if (link->cut || (ended && link->client_closed))
        bits |= GW_POLL_HANGUP;
    return bits;
}

static int op_wait(void *ctx, struct gw_poller *poller, gw_mono_ns deadline, gw_mono_ns now,
                   struct gw_poll_event *ret_events, int events_max)
{
    struct simnet *net = ctx;
    int count = 0, index;
    (void)deadline;
    (void)now;
    if (poller->listener.poller && waiting_link(net, &index))
        ret_events[count++] = (struct gw_poll_event){poller->listener.user, GW_POLL_READ};
    for (int i = 1; i < LINKS_MAX && count < events_max; i++) {
        const struct link *link = &net->links[i];
        if (!link->used || link->watch.poller != poller)
            continue;
        uint32_t bits = ready_bits(link);
        if (bits != 0)
            ret_events[count++] = (struct gw_poll_event){link->watch.user, bits};
    }
    return count;
}

static void op_wake(void *ctx, struct gw_poller *poller)
{
    (void)ctx;
    (void)poller; /* every loop is turned anyway */
}

static const struct gw_socket_ops ops = {
    .listen = op_listen,
    .accept = op_accept,
    .connect = op_connect,
    .error = op_error,
    .recv = op_recv,
    .sendv = op_sendv,
    .shutdown = op_shutdown,
    .close = op_close,
    .sweep = op_sweep,
    .local = op_local,
    .poller_new = op_poller_new,
    .poller_free = op_poller_free,
    .add = op_add,
    .set = op_set,
    .remove = op_remove,
    .wait = op_wait,
    .wake = op_wake,
};

/* -- the clients' side -- */

int simnet_connect(struct simnet *net)
{
    for (int i = 1; i < LINKS_MAX; i++)
        if (!net->links[i].used) {
            net->links[i] = (struct link){.used = true};
            return i;
        }
    GW_ASSERT(false && "enough links");
    return -1;
}

size_t simnet_write(struct simnet *net, int end, const void *bytes, size_t size)
{
    struct link *link = &net->links[end];
    if (link->cut || link->broker_closed)
        return size; /* into nothing */
    return pipe_write(net, &link->up, bytes, size);
}

size_t simnet_read(struct simnet *net, int end, void *memory, size_t size, bool *ret_ended)
{
    struct link *link = &net->links[end];
    size_t count = pipe_read(net, &link->down, memory, size);
    *ret_ended = count == 0 && (link->cut || (link->down.finished && link->down.size == 0));
    return count;
}

void simnet_finish(struct simnet *net, int end)
{
    struct link *link = &net->links[end];
    link->up.finished = true;
    link->client_closed = true;
    forget_if_closed(link);
}

void simnet_cut(struct simnet *net, int end)
{
    struct link *link = &net->links[end];
    link->cut = true;
    link->up.size = link->up.visible;
    link->client_closed = true;
    forget_if_closed(link);
}

void simnet_reset(struct simnet *net)
{
    for (int i = 1; i < LINKS_MAX; i++) {
        struct link *link = &net->links[i];
        if (!link->used || link->cut)
            continue;
        struct pipe *down = &link->down;
        if (down->size > down->visible && net->random && gw_random_below(net->random, 2) == 0)
            down->visible += gw_random_below(net->random, down->size - down->visible + 1);
        else if (!net->random || gw_random_below(net->random, 2) == 0)
            down->visible = down->size;
        down->size = down->visible;
        link->up.size = link->up.visible;
        link->cut = true;
    }
}

void simnet_watch(struct simnet *net, void (*fn)(void *user), void *user)
{
    net->watcher = fn;
    net->watcher_user = user;
}

size_t simnet_open_count(const struct simnet *net)
{
    size_t count = 0;
    for (int i = 1; i < LINKS_MAX; i++)
        count += net->links[i].used;
    return count;
}

const struct gw_sockets *simnet_sockets(struct simnet *net)
{
    return &net->sockets;
}

const struct gw_clock *simnet_clock(struct simnet *net)
{
    return &net->clock;
}

struct simnet *simnet_new(struct gw_random *random)
{
    struct simnet *net = calloc(1, sizeof(*net));
    GW_ASSERT(net != NULL);
    net->random = random;
    net->now = GW_NS_PER_S;
    net->sockets = (struct gw_sockets){&ops, net};
    net->clock = (struct gw_clock){clock_mono, clock_wall, net};
    return net;
}

void simnet_free(struct simnet *net)
{
    for (int i = 1; i < LINKS_MAX; i++) {
        free(net->links[i].up.data);
        free(net->links[i].down.data);
    }
    free(net);
}
