#include "os/prompt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

/* Byte by byte: what stands behind the line is not ours. */
static enum gw_status read_line(struct gw_buf *out)
{
    bool any = false;

    for (;;) {
        uint8_t byte;
        ssize_t got = read(STDIN_FILENO, &byte, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return GW_OS_ERROR;
        if (got == 0)
            return any ? GW_OK : GW_END;
        if (byte == '\n')
            return GW_OK;
        any = true;
        GW_TRY(gw_buf_append(out, gw_span_of(&byte, 1)));
    }
}

enum gw_status gw_prompt_secret(const char *question, struct gw_buf *out)
{
    struct termios before;
    struct termios quiet;
    sigset_t interrupts;
    sigset_t mask;
    enum gw_status status;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return read_line(out);
    /* Ctrl-C must not leave a terminal behind that shows nothing: it counts after the line. */
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    sigaddset(&interrupts, SIGQUIT);
    sigaddset(&interrupts, SIGTSTP);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    quiet.c_lflag |= ECHONL;
    if (pthread_sigmask(SIG_BLOCK, &interrupts, &mask) != 0)
        return GW_OS_ERROR;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet); /* before the question: nothing is shown */
    fputs(question, stderr);
    fflush(stderr);
    status = read_line(out);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return status;
}
