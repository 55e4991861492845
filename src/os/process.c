#include "os/process.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t ours(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

enum gw_status gw_process_open_signals(int *ret_descriptor)
{
    sigset_t set = ours();

    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return GW_OS_ERROR;
    *ret_descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_descriptor >= 0 ? GW_OK : GW_OS_ERROR;
}

enum gw_process_signal gw_process_wait_signal(int descriptor, int timeout_ms, int *ret_number)
{
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    struct signalfd_siginfo info;

    if (poll(&item, 1, timeout_ms) <= 0 ||
        read(descriptor, &info, sizeof info) != (ssize_t)sizeof info)
        return GW_PROCESS_NOTHING;
    if (ret_number != NULL)
        *ret_number = (int)info.ssi_signo;
    return info.ssi_signo == SIGHUP ? GW_PROCESS_RELOAD : GW_PROCESS_END;
}

void gw_process_release_signals(int descriptor)
{
    sigset_t set = ours();

    close(descriptor);
    /* A reload that comes now must not end us. */
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

uint64_t gw_process_raise_descriptors(uint64_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;

        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            return before;
    }
    return limit.rlim_cur;
}

void gw_process_become(const char *name, char **argv)
{
    execvp(name, argv);
}

int64_t gw_process_id(void)
{
    return getpid();
}

const char *gw_process_user(char *text, size_t size)
{
    /* cppcheck-suppress getpwuidCalled; the main thread asks, to say something went wrong */
    const struct passwd *entry = getpwuid(geteuid());

    if (entry != NULL)
        snprintf(text, size, "%s", entry->pw_name);
    else
        snprintf(text, size, "uid %u", (unsigned)geteuid());
    return text;
}
