#include "os/console.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool wait_writable(int fd, int timeout)
{
    struct pollfd item = {.fd = fd, .events = POLLOUT};

    return poll(&item, 1, timeout) > 0;
}

enum gw_status gw_console_write(int fd, struct gw_span text)
{
    while (text.size > 0) {
        ssize_t written = write(fd, text.data, text.size);

        if (written > 0)
            text = gw_span_from(text, (size_t)written);
        else if (written < 0 && errno == EAGAIN)
            (void)wait_writable(fd, -1);
        else if (written < 0 && errno != EINTR)
            return GW_CLOSED;
    }
    return GW_OK;
}

enum gw_status gw_console_try_write(int fd, struct gw_span text)
{
    if (!wait_writable(fd, 0))
        return GW_AGAIN;
    return gw_console_write(fd, text);
}

bool gw_console_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

bool gw_console_has_colour(int fd)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return gw_console_is_terminal(fd) && (no == NULL || no[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

size_t gw_console_width(int fd)
{
    struct winsize size = {0};

    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool gw_console_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat info;
    char here[64];

    if (stream == NULL || fstat(fd, &info) != 0)
        return false;
    snprintf(here, sizeof here, "%ju:%ju", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
    return strcmp(stream, here) == 0;
}

const char *const *gw_console_environment(void)
{
    return (const char *const *)environ;
}
