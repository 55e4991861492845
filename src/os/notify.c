#include "os/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"

/* A path, or a name behind '@', which stands for the zero byte of the abstract name space. */
static enum gw_status address_of(const char *name, struct sockaddr_un *ret_address,
                                 socklen_t *ret_size)
{
    size_t size = strlen(name);

    memset(ret_address, 0, sizeof *ret_address);
    if ((name[0] != '/' && name[0] != '@') || size < 2 || size >= sizeof ret_address->sun_path)
        return GW_INVALID;
    ret_address->sun_family = AF_UNIX;
    memcpy(ret_address->sun_path, name, size);
    if (name[0] == '@')
        ret_address->sun_path[0] = '\0';
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return GW_OK;
}

enum gw_status gw_notify_send(const char *text)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t address_size;
    size_t size = strlen(text);

    if (name == NULL || name[0] == '\0')
        return GW_NOT_FOUND;
    if (size > GW_NOTIFY_TEXT_MAX)
        return GW_INVALID;
    GW_TRY(address_of(name, &address, &address_size));
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return GW_OS_ERROR;
    ssize_t sent = sendto(descriptor, text, size, MSG_NOSIGNAL, (const struct sockaddr *)&address,
                          address_size);
    close(descriptor);
    return sent == (ssize_t)size ? GW_OK : GW_OS_ERROR;
}

enum gw_status gw_notify_send_reloading(void)
{
    char text[64];

    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)(gw_clock_mono(gw_clock_system()) / GW_NS_PER_US));
    return gw_notify_send(text);
}
