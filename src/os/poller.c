#include "os/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"

void gw_poller_hold(struct gw_poller *poller)
{
    if (poller->reserve < 0)
        poller->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool gw_poller_release(struct gw_poller *poller)
{
    if (poller->reserve < 0)
        return false;
    close(poller->reserve);
    poller->reserve = -1;
    return true;
}

void gw_poller_free(GW_UNUSED void *ctx, struct gw_poller *poller)
{
    if (poller == NULL)
        return;
    (void)gw_poller_release(poller);
    if (poller->wake >= 0)
        close(poller->wake);
    if (poller->epoll >= 0)
        close(poller->epoll);
    free(poller);
}

enum gw_status gw_poller_new(void *ctx, struct gw_poller **ret_poller)
{
    *ret_poller = NULL;
    struct gw_poller *poller = malloc(sizeof *poller);
    if (poller == NULL)
        return GW_NO_MEMORY;
    poller->epoll = epoll_create1(EPOLL_CLOEXEC);
    poller->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    poller->reserve = -1;
    gw_poller_hold(poller);
    /* Edge-triggered, so that a wake costs one write and never a read: the edge stays pending until
     * the next wait reports it, and the 64-bit count does not run full. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = poller};
    if (poller->epoll < 0 || poller->wake < 0 ||
        epoll_ctl(poller->epoll, EPOLL_CTL_ADD, poller->wake, &event) != 0) {
        gw_poller_free(ctx, poller);
        return GW_OS_ERROR;
    }
    *ret_poller = poller;
    return GW_OK;
}

/* A hang-up of both sides and an error are always reported; GW_POLL_HANGUP asks for the end of the
 * peer's side too. */
static uint32_t to_epoll(uint32_t bits)
{
    uint32_t events = 0;
    if (bits & GW_POLL_READ)
        events |= EPOLLIN;
    if (bits & GW_POLL_WRITE)
        events |= EPOLLOUT;
    if (bits & GW_POLL_HANGUP)
        events |= EPOLLRDHUP;
    return events;
}

static uint32_t from_epoll(uint32_t events)
{
    uint32_t bits = 0;
    if (events & EPOLLIN)
        bits |= GW_POLL_READ;
    if (events & EPOLLOUT)
        bits |= GW_POLL_WRITE;
    if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        bits |= GW_POLL_HANGUP;
    return bits;
}

enum gw_status gw_poller_add(GW_UNUSED void *ctx, struct gw_poller *poller, gw_socket socket,
                             uint32_t bits, bool shared, void *user)
{
    struct epoll_event event = {.events = to_epoll(bits), .data.ptr = user};
    if (shared)
        event.events |= EPOLLEXCLUSIVE;
    if (epoll_ctl(poller->epoll, EPOLL_CTL_ADD, socket, &event) == 0)
        return GW_OK;
    return errno == ENOMEM || errno == ENOSPC ? GW_NO_MEMORY : GW_OS_ERROR;
}

void gw_poller_set(GW_UNUSED void *ctx, struct gw_poller *poller, gw_socket socket, uint32_t bits,
                   void *user)
{
    struct epoll_event event = {.events = to_epoll(bits), .data.ptr = user};
    GW_ASSERT(epoll_ctl(poller->epoll, EPOLL_CTL_MOD, socket, &event) == 0);
}

void gw_poller_remove(GW_UNUSED void *ctx, struct gw_poller *poller, gw_socket socket)
{
    struct epoll_event none = {0};
    GW_ASSERT(epoll_ctl(poller->epoll, EPOLL_CTL_DEL, socket, &none) == 0);
}

/* For systems that cannot wait finer: milliseconds, rounded up so that a timer is due at the end.
 */
static int timeout_ms(gw_mono_ns deadline, gw_mono_ns now)
{
    if (deadline == GW_NEVER)
        return -1;
    if (deadline <= now)
        return 0;
    uint64_t ms = (deadline - now - 1) / GW_NS_PER_MS + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_for(int epoll, struct epoll_event *events, int events_max, gw_mono_ns deadline,
                    gw_mono_ns now)
{
    if (deadline == GW_NEVER)
        return epoll_wait(epoll, events, events_max, -1);
    uint64_t left = deadline > now ? deadline - now : 0;
    const struct timespec time = {(time_t)(left / GW_NS_PER_S), (long)(left % GW_NS_PER_S)};
    int ready = epoll_pwait2(epoll, events, events_max, &time, NULL);
    if (ready >= 0 || errno == EINTR)
        return ready;
    return epoll_wait(epoll, events, events_max, timeout_ms(deadline, now));
}

int gw_poller_wait(GW_UNUSED void *ctx, struct gw_poller *poller, gw_mono_ns deadline,
                   gw_mono_ns now, struct gw_poll_event *ret_events, int events_max)
{
    struct epoll_event events[GW_POLLER_EVENTS_MAX];
    if (events_max > GW_POLLER_EVENTS_MAX)
        events_max = GW_POLLER_EVENTS_MAX;
    int ready = wait_for(poller->epoll, events, events_max, deadline, now);
    GW_ASSERT(ready >= 0 || errno == EINTR);
    int count = 0;
    for (int i = 0; i < ready; i++) {
        if (events[i].data.ptr == poller)
            continue;
        ret_events[count].user = events[i].data.ptr;
        ret_events[count].bits = from_epoll(events[i].events);
        count++;
    }
    return count;
}

void gw_poller_wake(GW_UNUSED void *ctx, struct gw_poller *poller)
{
    const uint64_t one = 1;
    ssize_t written;
    do
        written = write(poller->wake, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}
