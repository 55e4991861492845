#include "keep/trouble.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "os/process.h"

enum gw_status gw_trouble_say(struct gw_trouble *trouble, enum gw_status status, const char *format,
                              ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(trouble->text, sizeof trouble->text, format, args);
    va_end(args);
    return status;
}

static void add_reason(struct gw_trouble *trouble, int os_errno)
{
    size_t size = strlen(trouble->text);
    char user[64];
    trouble->os_errno = os_errno;
    if (os_errno == EACCES || os_errno == EPERM)
        snprintf(trouble->text + size, sizeof trouble->text - size, ": %s (running as user %s)",
                 strerror(os_errno), gw_process_user(user, sizeof user));
    else if (os_errno != 0)
        snprintf(trouble->text + size, sizeof trouble->text - size, ": %s", strerror(os_errno));
}

enum gw_status gw_trouble_system(struct gw_trouble *trouble, int os_errno, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(trouble->text, sizeof trouble->text, format, args);
    va_end(args);
    add_reason(trouble, os_errno);
    return os_errno == ENOSPC || os_errno == EDQUOT ? GW_NO_SPACE : GW_OS_ERROR;
}

enum gw_status gw_trouble_store(struct gw_trouble *trouble, enum gw_status status, const char *path,
                                const struct gw_store_error *error)
{
    if (status == GW_LIMIT) {
        gw_trouble_say(trouble, status, "%s is in use: a broker, or another tool, works on it",
                       path);
        gw_trouble_hint(trouble, "stop the broker first, as systemctl stop godwit");
        return status;
    }
    gw_trouble_say(trouble, status, "%s: %s", error->path,
                   error->what ? error->what : gw_status_name(status));
    add_reason(trouble, error->os_errno);
    return status;
}

void gw_trouble_hint(struct gw_trouble *trouble, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(trouble->hint, sizeof trouble->hint, format, args);
    va_end(args);
}
