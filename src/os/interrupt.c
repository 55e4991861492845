#include "os/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum gw_status gw_interrupt_open(int *ret_descriptor)
{
    static const int wanted[] = {SIGINT, SIGTERM};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < GW_COUNT_OF(wanted); i++) {
        struct sigaction was;
        if (sigaction(wanted[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaddset(&set, wanted[i]);
    }
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return GW_OS_ERROR;
    *ret_descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return *ret_descriptor < 0 ? GW_OS_ERROR : GW_OK;
}

int gw_interrupt_take(int descriptor)
{
    struct signalfd_siginfo info;
    if (read(descriptor, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    return (int)info.ssi_signo;
}

void gw_interrupt_close(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}
