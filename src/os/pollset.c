#include "os/pollset.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/assert.h"

static int milliseconds(gw_mono_ns deadline, gw_mono_ns now)
{
    if (deadline == GW_NEVER)
        return -1;
    if (deadline <= now)
        return 0;
    uint64_t ms = (deadline - now + GW_NS_PER_MS - 1) / GW_NS_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

enum gw_status gw_pollset_wait(struct gw_pollset_item *items, size_t count, gw_mono_ns deadline,
                               gw_mono_ns now)
{
    struct pollfd fds[GW_POLLSET_MAX];
    GW_ASSERT(count <= GW_POLLSET_MAX);
    for (size_t i = 0; i < count; i++) {
        int events = (items[i].want_read ? POLLIN : 0) | (items[i].want_write ? POLLOUT : 0);
        /* poll reports a hang-up even where nothing was asked for; such an item would spin */
        int fd = events ? items[i].descriptor : -1;
        fds[i] = (struct pollfd){.fd = fd, .events = (short)events};
    }
    int ready = poll(fds, count, milliseconds(deadline, now));
    for (size_t i = 0; i < count; i++)
        items[i].ready = ready > 0 && fds[i].revents != 0;
    if (ready < 0)
        return errno == EINTR ? GW_AGAIN : GW_OS_ERROR;
    return ready == 0 ? GW_TIMEOUT : GW_OK;
}
