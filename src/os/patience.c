#include "os/patience.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "os/clock.h"

struct gw_patience gw_patience_for(uint32_t ms)
{
    return (struct gw_patience){gw_clock_mono(gw_clock_system()) + ms * GW_NS_PER_MS};
}

uint32_t gw_patience_left_ms(const struct gw_patience *patience)
{
    gw_mono_ns now = gw_clock_mono(gw_clock_system());
    if (now >= patience->until)
        return 0;
    gw_mono_ns left = (patience->until - now + GW_NS_PER_MS - 1) / GW_NS_PER_MS;
    return left < INT_MAX ? (uint32_t)left : INT_MAX;
}

enum gw_status gw_patience_wait(const struct gw_patience *patience, int fd, bool to_read,
                                bool to_write)
{
    struct pollfd wait = {.fd = fd,
                          .events = (short)((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0))};
    int ready;
    do {
        ready = poll(&wait, 1, (int)gw_patience_left_ms(patience));
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? GW_OK : ready == 0 ? GW_TIMEOUT : GW_OS_ERROR;
}
