#include "os/usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t ns_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * GW_NS_PER_S + (uint64_t)time.tv_usec * 1000;
}

void gw_usage_own(struct gw_usage *ret_usage)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *ret_usage = (struct gw_usage){ns_of(usage.ru_utime), ns_of(usage.ru_stime)};
}

enum gw_status gw_usage_of(int64_t pid, struct gw_usage *ret_usage, uint64_t *ret_memory)
{
    char text[1024];
    unsigned long long user, system;
    long pages;
    *ret_usage = (struct gw_usage){0, 0};
    *ret_memory = 0;
    snprintf(text, sizeof text, "/proc/%" PRId64 "/stat", pid);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return GW_NOT_FOUND;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    /* The name of the program may hold anything; behind its last bracket stand fields 3 and on. */
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 1,
                        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
                        "%*d %*d %*u %*u %ld",
                        &user, &system, &pages) != 3)
        return GW_NOT_FOUND;
    uint64_t tick = GW_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    *ret_usage = (struct gw_usage){user * tick, system * tick};
    *ret_memory = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return GW_OK;
}
