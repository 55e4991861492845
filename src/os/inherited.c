#include "os/inherited.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FD_FIRST 3 /* as sd_listen_fds(3) has it */

static bool is_listening_stream(int fd)
{
    int listens = 0, type = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
        return false;
    size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static bool make_ours(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

enum gw_status gw_inherited_add(struct gw_inherited *set, gw_socket socket)
{
    if (set->count >= GW_INHERITED_MAX)
        return GW_LIMIT;
    struct gw_inherited_item *item = &set->items[set->count];
    const struct gw_sockets *sockets = gw_socket_system();
    *item = (struct gw_inherited_item){.socket = socket};
    GW_TRY(sockets->ops->local(sockets->ctx, socket, &item->address));
    set->count++;
    return GW_OK;
}

/* A number in the environment that was meant for this process; -1: none. */
static long take_number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (text == NULL || text[0] == 0)
        return -1;
    long number = strtol(text, &end, 10);
    return *end == 0 ? number : -1;
}

/* The next of the names, which have colons between them. */
static struct gw_span next_name(struct gw_span *names)
{
    size_t size = 0;
    while (size < names->size && names->data[size] != ':')
        size++;
    struct gw_span name = gw_span_of(names->data, size);
    *names = gw_span_from(*names, size + (size < names->size));
    return name;
}

void gw_inherited_collect(struct gw_inherited *set)
{
    long count = take_number("LISTEN_FDS");
    struct gw_span names = gw_span_str(getenv("LISTEN_FDNAMES"));
    if (take_number("LISTEN_PID") != (long)getpid())
        count = 0;
    for (long i = 0; i < count; i++) {
        int fd = FD_FIRST + (int)i;
        struct gw_span name = next_name(&names);
        if (!is_listening_stream(fd) || !make_ours(fd) || gw_inherited_add(set, fd) != GW_OK) {
            close(fd);
            continue;
        }
        struct gw_inherited_item *item = &set->items[set->count - 1];
        snprintf(item->name, sizeof item->name, "%.*s", GW_SPAN_FMT(name));
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

gw_socket gw_inherited_take(struct gw_inherited *set, const struct gw_address *address)
{
    char wanted[GW_ADDRESS_TEXT_MAX], text[GW_ADDRESS_TEXT_MAX];
    gw_address_text(address, wanted);
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(gw_address_text(&set->items[i].address, text), wanted) != 0)
            continue;
        gw_socket socket = set->items[i].socket;
        set->items[i] = set->items[--set->count];
        return socket;
    }
    return -1;
}

void gw_inherited_fini(struct gw_inherited *set)
{
    while (set->count > 0)
        close(set->items[--set->count].socket);
}
