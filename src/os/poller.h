/*
 * os/poller: the epoll half of os/socket, private to os.
 *
 * Layer   os (may include base).
 * Owner   a poller belongs to one loop; wake from any thread.
 * Life    new/free.
 * Limits  GW_POLLER_EVENTS_MAX events a wait.
 */
#ifndef GW_OS_POLLER_H
#define GW_OS_POLLER_H

#include "os/socket.h"

#define GW_POLLER_EVENTS_MAX 256

struct gw_poller {
    int epoll;
    int wake;
    int reserve; /* a descriptor kept back for gw_poller_release; -1: not held */
};

/* Holds the reserve descriptor again if it is not held and there is one. */
void gw_poller_hold(struct gw_poller *poller);
/* Gives the reserve descriptor up, so that one can be opened though the table of the process is
 * full; false if it is not held. */
bool gw_poller_release(struct gw_poller *poller);

/* The poller operations of struct gw_socket_ops, for the kernel. */
enum gw_status gw_poller_new(void *ctx, struct gw_poller **ret_poller);
void gw_poller_free(void *ctx, struct gw_poller *poller);
enum gw_status gw_poller_add(void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits,
                             bool shared, void *user);
void gw_poller_set(void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits,
                   void *user);
void gw_poller_remove(void *ctx, struct gw_poller *poller, gw_socket socket);
int gw_poller_wait(void *ctx, struct gw_poller *poller, gw_mono_ns deadline, gw_mono_ns now,
                   struct gw_poll_event *ret_events, int events_max);
void gw_poller_wake(void *ctx, struct gw_poller *poller);

#endif
