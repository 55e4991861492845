#include "os/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/assert.h"

#define HOST_MAX 256

/* No family of the system's: somebody on this machine. */
#define FAMILY_LOCAL 0xFFFF

/* How such an address is stored, the path cut to its size. */
struct local {
    sa_family_t family;
    uint8_t unused;
    uint8_t mark; /* with the uid five bytes that no IP address is as long as */
    uint32_t uid;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

_Static_assert(sizeof(struct sockaddr_un) <= sizeof(struct sockaddr_storage), "storage is enough");
_Static_assert(sizeof(struct local) <= sizeof(struct sockaddr_storage), "storage is enough");
_Static_assert(offsetof(struct local, uid) == offsetof(struct local, mark) + 1, "they are one");

static const void *storage_of(const struct gw_address *address)
{
    return &address->storage;
}

static void set_storage(struct gw_address *ret_address, const void *sockaddr, size_t size)
{
    memset(ret_address, 0, sizeof *ret_address);
    memcpy(&ret_address->storage, sockaddr, size);
    ret_address->size = (socklen_t)size;
}

static int family_of(const struct gw_address *address)
{
    return address->size >= sizeof(sa_family_t) ? address->storage.ss_family : AF_UNSPEC;
}

void gw_address_copy(struct gw_address *ret_address, const struct gw_address *address)
{
    GW_ASSERT(address->size <= sizeof ret_address->storage);
    memset(ret_address, 0, sizeof *ret_address);
    memcpy(ret_address, address, gw_address_stored_size(address));
}

/* Copies a host as a C string without the brackets around an IPv6 address. */
static enum gw_status host_text(struct gw_span host, char text[HOST_MAX])
{
    if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = gw_span_of(host.data + 1, host.size - 2);
    if (host.size >= HOST_MAX || (host.size > 0 && memchr(host.data, 0, host.size) != NULL))
        return GW_INVALID;
    if (host.size > 0)
        memcpy(text, host.data, host.size);
    text[host.size] = 0;
    return GW_OK;
}

static enum gw_status parse_v6(char *text, uint16_t port, struct gw_address *ret_address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char *scope = strchr(text, '%');
    if (scope != NULL) {
        *scope++ = 0;
        v6.sin6_scope_id = if_nametoindex(scope);
        if (v6.sin6_scope_id == 0)
            return GW_INVALID;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
        return GW_INVALID;
    set_storage(ret_address, &v6, sizeof v6);
    return GW_OK;
}

enum gw_status gw_address_parse(struct gw_span host, uint16_t port, struct gw_address *ret_address)
{
    char text[HOST_MAX];
    GW_TRY(host_text(host, text));
    if (text[0] == 0 || strcmp(text, "*") == 0)
        memcpy(text, "::", sizeof "::");
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &v4.sin_addr) != 1)
        return parse_v6(text, port, ret_address);
    set_storage(ret_address, &v4, sizeof v4);
    return GW_OK;
}

enum gw_status gw_address_resolve(struct gw_span host, uint16_t port,
                                  struct gw_address *ret_address)
{
    if (gw_address_parse(host, port, ret_address) == GW_OK)
        return GW_OK;
    char text[HOST_MAX];
    if (host_text(host, text) != GW_OK)
        return GW_NOT_FOUND;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    if (getaddrinfo(text, service, &hints, &found) != 0 || found == NULL)
        return GW_NOT_FOUND;
    set_storage(ret_address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return GW_OK;
}

enum gw_status gw_address_unix(struct gw_span path, struct gw_address *ret_address)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (path.size == 0 || memchr(path.data, 0, path.size) != NULL)
        return GW_INVALID;
    if (path.size >= sizeof un.sun_path)
        return GW_LIMIT;
    memcpy(un.sun_path, path.data, path.size);
    set_storage(ret_address, &un, offsetof(struct sockaddr_un, sun_path) + path.size + 1);
    return GW_OK;
}

void gw_address_set_local(struct gw_address *ret_address, struct gw_span path, uint32_t uid)
{
    struct local local = {.family = FAMILY_LOCAL, .mark = 'u', .uid = uid};
    size_t size = path.size < sizeof local.path ? path.size : sizeof local.path;
    if (size > 0)
        memcpy(local.path, path.data, size);
    set_storage(ret_address, &local, offsetof(struct local, path) + size);
}

bool gw_address_uid(const struct gw_address *address, uint32_t *ret_uid)
{
    const struct local *local = storage_of(address);
    if (family_of(address) != FAMILY_LOCAL)
        return false;
    *ret_uid = local->uid;
    return true;
}

struct gw_span gw_address_host(const struct gw_address *address)
{
    const struct sockaddr_in *v4 = storage_of(address);
    const struct sockaddr_in6 *v6 = storage_of(address);
    const struct local *local = storage_of(address);
    switch (family_of(address)) {
    case AF_INET: return gw_span_of(&v4->sin_addr, 4);
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            return gw_span_of(v6->sin6_addr.s6_addr + 12, 4);
        return gw_span_of(&v6->sin6_addr, 8);
    case FAMILY_LOCAL: return gw_span_of(&local->mark, 1 + sizeof local->uid);
    default: return GW_SPAN_NONE;
    }
}

static void local_text(const struct gw_address *address, char text[GW_ADDRESS_TEXT_MAX])
{
    const struct local *local = storage_of(address);
    int path_size = (int)(address->size - offsetof(struct local, path));
    snprintf(text, GW_ADDRESS_TEXT_MAX, "unix%s%.*s uid=%u", path_size > 0 ? ":" : "", path_size,
             local->path, (unsigned)local->uid);
}

static void unix_text(const struct gw_address *address, char text[GW_ADDRESS_TEXT_MAX])
{
    const struct sockaddr_un *un = storage_of(address);
    size_t path_size = address->size - offsetof(struct sockaddr_un, sun_path);
    if (address->size <= offsetof(struct sockaddr_un, sun_path) || path_size == 0)
        snprintf(text, GW_ADDRESS_TEXT_MAX, "unix");
    else if (un->sun_path[0] == 0)
        snprintf(text, GW_ADDRESS_TEXT_MAX, "@%.*s", (int)path_size - 1, un->sun_path + 1);
    else
        snprintf(text, GW_ADDRESS_TEXT_MAX, "%.*s", (int)path_size, un->sun_path);
}

static void v6_text(const struct gw_address *address, char text[GW_ADDRESS_TEXT_MAX])
{
    const struct sockaddr_in6 *v6 = storage_of(address);
    char host[INET6_ADDRSTRLEN] = "";
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host, sizeof host);
        snprintf(text, GW_ADDRESS_TEXT_MAX, "%s:%u", host, gw_address_port(address));
        return;
    }
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    if (v6->sin6_scope_id != 0)
        snprintf(text, GW_ADDRESS_TEXT_MAX, "[%s%%%u]:%u", host, (unsigned)v6->sin6_scope_id,
                 gw_address_port(address));
    else
        snprintf(text, GW_ADDRESS_TEXT_MAX, "[%s]:%u", host, gw_address_port(address));
}

const char *gw_address_text(const struct gw_address *address, char text[GW_ADDRESS_TEXT_MAX])
{
    text[0] = 0;
    switch (family_of(address)) {
    case AF_INET: {
        const struct sockaddr_in *v4 = storage_of(address);
        char host[INET_ADDRSTRLEN] = "";
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, GW_ADDRESS_TEXT_MAX, "%s:%u", host, gw_address_port(address));
        break;
    }
    case AF_INET6: v6_text(address, text); break;
    case AF_UNIX: unix_text(address, text); break;
    case FAMILY_LOCAL: local_text(address, text); break;
    default: break;
    }
    return text;
}

uint16_t gw_address_port(const struct gw_address *address)
{
    const struct sockaddr_in *v4 = storage_of(address);
    const struct sockaddr_in6 *v6 = storage_of(address);
    switch (family_of(address)) {
    case AF_INET: return ntohs(v4->sin_port);
    case AF_INET6: return ntohs(v6->sin6_port);
    default: return 0;
    }
}

bool gw_address_is_loopback(const struct gw_address *address)
{
    const struct sockaddr_in *v4 = storage_of(address);
    const struct sockaddr_in6 *v6 = storage_of(address);
    switch (family_of(address)) {
    case AF_INET: return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
    case AF_UNIX:
    case FAMILY_LOCAL: return true;
    default: return false;
    }
}
