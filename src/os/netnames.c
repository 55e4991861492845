#include "os/netnames.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

const char *gw_netnames_host(char text[GW_NETNAMES_HOST_MAX])
{
    if (gethostname(text, GW_NETNAMES_HOST_MAX) != 0)
        text[0] = '\0';
    text[GW_NETNAMES_HOST_MAX - 1] = '\0';
    return text;
}

/* 169.254.0.0/16 and fe80::/10 mean another machine on each link. */
static bool is_of_link(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return (ntohl(v4.sin_addr.s_addr) >> 16) == 0xA9FE;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    return IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr);
}

static socklen_t size_of(const struct sockaddr *address)
{
    if (address == NULL)
        return 0;
    if (address->sa_family == AF_INET)
        return sizeof(struct sockaddr_in);
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;
}

size_t gw_netnames_addresses(struct gw_address addresses[GW_NETNAMES_ADDRESSES_MAX])
{
    struct ifaddrs *list;
    size_t count = 0;
    if (getifaddrs(&list) != 0)
        return 0;
    for (const struct ifaddrs *each = list; each != NULL && count < GW_NETNAMES_ADDRESSES_MAX;
         each = each->ifa_next) {
        socklen_t size = size_of(each->ifa_addr);
        if (size == 0 || !(each->ifa_flags & IFF_UP) || (each->ifa_flags & IFF_LOOPBACK) ||
            is_of_link(each->ifa_addr))
            continue;
        struct gw_address *address = &addresses[count++];
        *address = (struct gw_address){.size = size};
        memcpy(&address->storage, each->ifa_addr, size);
    }
    freeifaddrs(list);
    return count;
}

bool gw_netnames_has_ipv6(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int no = 0;
    if (fd < 0)
        return false;
    bool fine = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0 &&
                bind(fd, (const struct sockaddr *)&any, sizeof any) == 0;
    close(fd);
    return fine;
}
