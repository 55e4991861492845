#include "os/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "os/poller.h"

static int fail(int fd, int *ret_errno)
{
    *ret_errno = errno;
    if (fd >= 0)
        close(fd);
    return -1;
}

static const struct sockaddr *sockaddr_of(const struct gw_address *address)
{
    return (const struct sockaddr *)&address->storage;
}

static bool is_tcp(const struct gw_address *address)
{
    return address->storage.ss_family == AF_INET || address->storage.ss_family == AF_INET6;
}

static bool is_any_v6(const struct gw_address *address)
{
    const struct sockaddr_in6 *v6 = (const void *)&address->storage;
    return address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

static int option_on(int fd, int level, int name)
{
    const int on = 1;
    return setsockopt(fd, level, name, &on, sizeof on);
}

/* The name of a Unix socket whose listener is gone stays behind and blocks the next bind. */
static void system_sweep(GW_UNUSED void *ctx, const struct gw_address *address)
{
    const struct sockaddr_un *un = (const void *)&address->storage;
    struct stat info;
    if (address->storage.ss_family != AF_UNIX || un->sun_path[0] == 0 ||
        lstat(un->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, sockaddr_of(address), address->size) != 0 && errno == ECONNREFUSED)
        unlink(un->sun_path);
    close(fd);
}

/* Between bind and listen nobody can connect: what the file is to be it becomes there. */
static int set_access(const struct gw_socket_place *place)
{
    const struct sockaddr_un *un = (const void *)&place->address->storage;
    if (place->has_group && lchown(un->sun_path, (uid_t)-1, (gid_t)place->group) != 0)
        return -1;
    return place->mode == 0 ? 0 : chmod(un->sun_path, (mode_t)place->mode);
}

static int bind_unix(int fd, const struct gw_socket_place *place)
{
    const struct gw_address *address = place->address;
    system_sweep(NULL, address);
    if (bind(fd, sockaddr_of(address), address->size) != 0)
        return -1;
    if (set_access(place) == 0 && listen(fd, place->backlog) == 0)
        return 0;
    int error = errno;
    system_sweep(NULL, address);
    errno = error;
    return -1;
}

static int bind_and_listen(const struct gw_socket_place *place, int *ret_errno)
{
    const struct gw_address *address = place->address;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(fd, ret_errno);
    if (!is_tcp(address))
        return bind_unix(fd, place) == 0 ? fd : fail(fd, ret_errno);
    /* Accepted sockets inherit TCP_NODELAY: one call here, none per connection. */
    if (option_on(fd, SOL_SOCKET, SO_REUSEADDR) != 0 ||
        option_on(fd, IPPROTO_TCP, TCP_NODELAY) != 0)
        return fail(fd, ret_errno);
    const int off = 0;
    if (is_any_v6(address) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
        return fail(fd, ret_errno);
    if (bind(fd, sockaddr_of(address), address->size) != 0 || listen(fd, place->backlog) != 0)
        return fail(fd, ret_errno);
    return fd;
}

static enum gw_status system_listen(GW_UNUSED void *ctx, const struct gw_socket_place *place,
                                    gw_socket *ret_socket, int *ret_errno)
{
    const struct gw_address *address = place->address;
    if (place->is_given) {
        *ret_socket = place->given;
        if (is_tcp(address))
            (void)option_on(place->given, IPPROTO_TCP, TCP_NODELAY); /* slower without, no more */
        return GW_OK;
    }
    int fd = bind_and_listen(place, ret_errno);
    if (fd < 0 && is_any_v6(address) &&
        (*ret_errno == EAFNOSUPPORT || *ret_errno == EADDRNOTAVAIL)) {
        /* A machine without IPv6: "any" means what it has. */
        const struct sockaddr_in6 *v6 = (const void *)&address->storage;
        struct gw_address any = {.size = sizeof(struct sockaddr_in)};
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6->sin6_port};
        memcpy(&any.storage, &v4, sizeof v4);
        const struct gw_socket_place v4_place = {.address = &any, .backlog = place->backlog};
        fd = bind_and_listen(&v4_place, ret_errno);
    }
    *ret_socket = fd;
    return fd < 0 ? GW_OS_ERROR : GW_OK;
}

/* A peer on this machine is told by the file that it opened and by whom the system says it is. */
static void name_unix_peer(int fd, struct gw_address *address)
{
    struct sockaddr_un own = {0};
    struct ucred peer;
    socklen_t size = sizeof peer, own_size = sizeof own;
    if (address->storage.ss_family != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &own_size) != 0)
        return;
    own.sun_path[sizeof own.sun_path - 1] = 0;
    gw_address_set_local(address, gw_span_str(own.sun_path), peer.uid);
}

/* IPv4 peers of a listener for both are shown and judged as IPv4. */
static void unmap_v4(struct gw_address *address)
{
    struct sockaddr_in6 v6;
    if (address->storage.ss_family != AF_INET6)
        return;
    memcpy(&v6, &address->storage, sizeof v6);
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port};
    memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    memset(&address->storage, 0, sizeof address->storage);
    memcpy(&address->storage, &v4, sizeof v4);
    address->size = sizeof v4;
}

static int accept_one(int listener, struct gw_address *ret_peer)
{
    memset(ret_peer, 0, sizeof *ret_peer);
    ret_peer->size = sizeof ret_peer->storage;
    return accept4(listener, (struct sockaddr *)&ret_peer->storage, &ret_peer->size,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* The table is full: gives up the reserve, takes the oldest waiting connection, closes it. */
static enum gw_status refuse_one(struct gw_poller *poller, int listener)
{
    if (!gw_poller_release(poller))
        return GW_OS_ERROR;
    struct gw_address peer;
    int fd = accept_one(listener, &peer);
    bool none = fd < 0 && errno == EAGAIN;
    if (fd >= 0)
        close(fd);
    gw_poller_hold(poller);
    return fd >= 0 ? GW_LIMIT : none ? GW_AGAIN : GW_OS_ERROR;
}

static enum gw_status system_accept(GW_UNUSED void *ctx, struct gw_poller *poller,
                                    gw_socket listener, gw_socket *ret_socket,
                                    struct gw_address *ret_peer)
{
    gw_poller_hold(poller);
    int fd = accept_one(listener, ret_peer);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO))
        fd = accept_one(listener, ret_peer);
    *ret_socket = fd;
    if (fd >= 0) {
        unmap_v4(ret_peer);
        name_unix_peer(fd, ret_peer);
        return GW_OK;
    }
    switch (errno) {
    case EAGAIN: return GW_AGAIN;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return refuse_one(poller, listener);
    default: return GW_OS_ERROR;
    }
}

static enum gw_status system_connect(GW_UNUSED void *ctx, const struct gw_address *address,
                                     gw_socket *ret_socket, int *ret_errno)
{
    *ret_socket = -1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || (is_tcp(address) && option_on(fd, IPPROTO_TCP, TCP_NODELAY) != 0) ||
        (connect(fd, sockaddr_of(address), address->size) != 0 && errno != EINPROGRESS)) {
        fail(fd, ret_errno);
        return GW_OS_ERROR;
    }
    *ret_socket = fd;
    return GW_OK;
}

static int system_error(GW_UNUSED void *ctx, gw_socket socket)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

static enum gw_status transfer_failed(int *ret_errno)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return GW_AGAIN;
    *ret_errno = errno;
    return GW_OS_ERROR;
}

static enum gw_status system_recv(GW_UNUSED void *ctx, gw_socket socket, void *memory, size_t size,
                                  size_t *ret_size, int *ret_errno)
{
    ssize_t got;
    do
        got = recv(socket, memory, size, 0);
    while (got < 0 && errno == EINTR);
    *ret_size = got > 0 ? (size_t)got : 0;
    if (got > 0)
        return GW_OK;
    return got == 0 ? GW_CLOSED : transfer_failed(ret_errno);
}

static enum gw_status system_sendv(GW_UNUSED void *ctx, gw_socket socket, const struct iovec *parts,
                                   int part_count, size_t *ret_size, int *ret_errno)
{
    struct msghdr message = {.msg_iovlen = (size_t)part_count};
    /* The kernel does not write there; the member only lacks the const. */
    memcpy(&message.msg_iov, &parts, sizeof parts);
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    *ret_size = sent > 0 ? (size_t)sent : 0;
    return sent >= 0 ? GW_OK : transfer_failed(ret_errno);
}

static void system_shutdown(GW_UNUSED void *ctx, gw_socket socket)
{
    (void)shutdown(socket, SHUT_WR); /* fails only if the connection is gone already */
}

static void system_close(GW_UNUSED void *ctx, gw_socket socket)
{
    close(socket);
}

static enum gw_status system_local(GW_UNUSED void *ctx, gw_socket socket,
                                   struct gw_address *ret_address)
{
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->size = sizeof ret_address->storage;
    if (getsockname(socket, (struct sockaddr *)&ret_address->storage, &ret_address->size) == 0)
        return GW_OK;
    ret_address->size = 0;
    return GW_OS_ERROR;
}

const struct gw_sockets *gw_socket_system(void)
{
    static const struct gw_socket_ops ops = {
        .listen = system_listen,
        .accept = system_accept,
        .connect = system_connect,
        .error = system_error,
        .recv = system_recv,
        .sendv = system_sendv,
        .shutdown = system_shutdown,
        .close = system_close,
        .sweep = system_sweep,
        .local = system_local,
        .poller_new = gw_poller_new,
        .poller_free = gw_poller_free,
        .add = gw_poller_add,
        .set = gw_poller_set,
        .remove = gw_poller_remove,
        .wait = gw_poller_wait,
        .wake = gw_poller_wake,
    };
    static const struct gw_sockets sockets = {&ops, NULL};
    return &sockets;
}
