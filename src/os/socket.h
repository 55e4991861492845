/*
 * os/socket: stream sockets and the poller, as one service that the simulator can replace.
 *
 * Layer   os (may include base).
 * Owner   a poller belongs to one loop; a socket to the loop that holds it; `wake` from any thread.
 * Life    every handle from listen, accept, connect is given back with close.
 * Limits  descriptors of the process; accept says GW_LIMIT when they are used up.
 *
 * Every call is non-blocking but `wait`. Outcomes: GW_OK, GW_AGAIN (not now), GW_CLOSED (the peer
 * ended in order), GW_OS_ERROR with *ret_errno.
 */
#ifndef GW_OS_SOCKET_H
#define GW_OS_SOCKET_H

#include <sys/uio.h>

#include "base/time.h"
#include "os/address.h"

typedef int gw_socket; /* a descriptor, or the simulator's number; -1 is none */

enum gw_poll_bits { GW_POLL_READ = 1, GW_POLL_WRITE = 2, GW_POLL_HANGUP = 4 };

struct gw_poll_event {
    void *user;
    uint32_t bits;
};

struct gw_poller;

/* Where to listen, and who may come there. */
struct gw_socket_place {
    const struct gw_address *address;
    int backlog;     /* in connections */
    uint32_t mode;   /* of a Unix socket's file; 0: what the system gives */
    gw_socket given; /* it listens there already, if is_given */
    bool is_given;
    uint32_t group; /* that the file is to belong to, if it has_group */
    bool has_group;
};

struct gw_socket_ops {
    /* Listens at a place. The file of a Unix socket is replaced if nobody listens to it, and has
     * its mode and group before the first peer can connect. GW_OS_ERROR with the errno; EPERM: the
     * file may not be given to that group. */
    enum gw_status (*listen)(void *ctx, const struct gw_socket_place *place, gw_socket *ret_socket,
                             int *ret_errno);
    /* Takes a waiting connection. GW_AGAIN: none; GW_LIMIT: out of descriptors or memory: the
     * connection was taken from the queue and closed (with the descriptor that this poller keeps in
     * reserve), so level-triggered waiting does not spin; GW_OS_ERROR: not even that worked, stop
     * asking for a while. */
    enum gw_status (*accept)(void *ctx, struct gw_poller *poller, gw_socket listener,
                             gw_socket *ret_socket, struct gw_address *ret_peer);
    /* Begins to connect; done when writable; check with `error`. */
    enum gw_status (*connect)(void *ctx, const struct gw_address *address, gw_socket *ret_socket,
                              int *ret_errno);
    /* The pending error of a socket as an errno, 0 if none. */
    int (*error)(void *ctx, gw_socket socket);
    enum gw_status (*recv)(void *ctx, gw_socket socket, void *memory, size_t size, size_t *ret_size,
                           int *ret_errno);
    enum gw_status (*sendv)(void *ctx, gw_socket socket, const struct iovec *parts, int part_count,
                            size_t *ret_size, int *ret_errno);
    /* Ends the writing side; what was sent goes out. */
    void (*shutdown)(void *ctx, gw_socket socket);
    void (*close)(void *ctx, gw_socket socket);
    /* Removes the file of a Unix socket to which nobody listens any more; nothing else. */
    void (*sweep)(void *ctx, const struct gw_address *address);
    /* The bound address of a listener (the real port behind port 0). */
    enum gw_status (*local)(void *ctx, gw_socket socket, struct gw_address *ret_address);

    enum gw_status (*poller_new)(void *ctx, struct gw_poller **ret_poller);
    void (*poller_free)(void *ctx, struct gw_poller *poller);
    /* Watches level-triggered; `shared` = several pollers watch it and one is woken (listeners). */
    enum gw_status (*add)(void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits,
                          bool shared, void *user);
    void (*set)(void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits, void *user);
    void (*remove)(void *ctx, struct gw_poller *poller, gw_socket socket);
    /* Waits until something is ready, a wake, or the deadline; returns the number of events. */
    int (*wait)(void *ctx, struct gw_poller *poller, gw_mono_ns deadline, gw_mono_ns now,
                struct gw_poll_event *ret_events, int events_max);
    /* Ends a wait, from any thread; sticky until the next wait. */
    void (*wake)(void *ctx, struct gw_poller *poller);
};

struct gw_sockets {
    const struct gw_socket_ops *ops;
    void *ctx;
};

/* The kernel's sockets and epoll. */
const struct gw_sockets *gw_socket_system(void);

#endif
