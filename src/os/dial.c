#include "os/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/patience.h"

static enum gw_status os_fault(struct gw_dial_fault *fault, int error)
{
    fault->os_error = error;
    fault->text = strerror(error);
    return GW_OS_ERROR;
}

/* Waits for a connect in progress; 0 or an errno. */
static int finish(int fd, gw_mono_ns deadline)
{
    struct gw_patience patience = gw_patience_for(GW_DIAL_TIMEOUT_S * 1000);
    if (patience.until > deadline)
        patience.until = deadline;
    enum gw_status status = gw_patience_wait(&patience, fd, false, true);
    if (status == GW_TIMEOUT)
        return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    if (status != GW_OK || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

/* Opens a socket for an address and connects it; 0 or an errno. */
static int attempt(const struct addrinfo *to, const struct addrinfo *from, gw_mono_ns deadline,
                   int *ret_fd)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    if (fd < 0)
        return errno;
    int error = 0;
    while (from && from->ai_family != to->ai_family)
        from = from->ai_next;
    if (from && bind(fd, from->ai_addr, from->ai_addrlen) != 0)
        error = errno;
    if (error == 0 && connect(fd, to->ai_addr, to->ai_addrlen) != 0)
        error = errno == EINPROGRESS ? finish(fd, deadline) : errno;
    if (error != 0) {
        close(fd);
        return error;
    }
    int on = 1;
    if (to->ai_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *ret_fd = fd;
    return 0;
}

static enum gw_status look_up(const char *host, const char *service, struct addrinfo **ret_list,
                              struct gw_dial_fault *fault)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int code = getaddrinfo(host, service, &hints, ret_list);
    if (code == 0)
        return GW_OK;
    if (code == EAI_SYSTEM)
        return os_fault(fault, errno);
    fault->text = gai_strerror(code);
    return GW_NOT_FOUND;
}

static enum gw_status dial(const char *host, uint16_t port, const char *bind_host,
                           gw_mono_ns deadline, gw_socket *ret_socket,
                           struct gw_dial_fault *ret_fault)
{
    struct addrinfo *hosts = NULL;
    struct addrinfo *binds = NULL;
    char service[8];
    *ret_fault = (struct gw_dial_fault){0, "no address"};
    snprintf(service, sizeof service, "%u", (unsigned)port);
    enum gw_status status = look_up(host, service, &hosts, ret_fault);
    if (status == GW_OK && bind_host)
        status = look_up(bind_host, NULL, &binds, ret_fault);
    if (status != GW_OK)
        goto out;
    int error = EADDRNOTAVAIL;
    for (const struct addrinfo *to = hosts; to && error != 0; to = to->ai_next)
        error = attempt(to, binds, deadline, ret_socket);
    if (error != 0)
        status = os_fault(ret_fault, error);
out:
    if (hosts)
        freeaddrinfo(hosts);
    if (binds)
        freeaddrinfo(binds);
    return status;
}

enum gw_status gw_dial_tcp(const char *host, uint16_t port, const char *bind_host,
                           gw_socket *ret_socket, struct gw_dial_fault *ret_fault)
{
    return dial(host, port, bind_host, GW_NEVER, ret_socket, ret_fault);
}

enum gw_status gw_dial_tcp_by(const char *host, uint16_t port, gw_mono_ns deadline,
                              gw_socket *ret_socket, struct gw_dial_fault *ret_fault)
{
    return dial(host, port, NULL, deadline, ret_socket, ret_fault);
}

enum gw_status gw_dial_unix(const char *path, gw_socket *ret_socket,
                            struct gw_dial_fault *ret_fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    *ret_fault = (struct gw_dial_fault){0, "the path of the socket is too long"};
    if (size >= sizeof address.sun_path)
        return GW_LIMIT;
    memcpy(address.sun_path, path, size + 1);
    struct addrinfo to = {.ai_family = AF_UNIX,
                          .ai_addr = (struct sockaddr *)(void *)&address,
                          .ai_addrlen = sizeof address};
    int error = attempt(&to, NULL, GW_NEVER, ret_socket);
    return error == 0 ? GW_OK : os_fault(ret_fault, error);
}
