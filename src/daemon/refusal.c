#include "daemon/refusal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "daemon/command.h"
#include "os/holder.h"
#include "os/process.h"

#define CODE_COLUMN 74 /* as in config/confreport.c */

/* The last line of a refusal: the cure, and the code at the right. */
GW_PRINTF(2, 3) static void put_hint(const char *code, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "   hint: %-*s [%s]\n", CODE_COLUMN - 10, text, code);
}

static int refuse_in_use(const char *address, uint16_t port)
{
    struct gw_holder holder;
    int other = port < UINT16_MAX ? port + 1 : 1883;

    if (!gw_holder_find(port, &holder)) {
        fprintf(stderr, "cannot listen on %s: already in use\n", address);
        put_hint("L301", "choose another port, as -p %d", other);
    } else if (holder.pid == 0) {
        fprintf(stderr, "cannot listen on %s: already in use by a program of user %s\n", address,
                holder.user);
        put_hint("L301", "sudo ss -ltnp 'sport = :%u' names it; or take -p %d", port, other);
    } else if (strcmp(holder.name, "mosquitto") == 0) {
        fprintf(stderr, "cannot listen on %s: already in use by mosquitto (pid %" PRId64 ")\n",
                address, holder.pid);
        put_hint("L301", "systemctl stop mosquitto, or another port, as -p %d", other);
    } else {
        fprintf(stderr, "cannot listen on %s: already in use by %s (pid %" PRId64 ")\n", address,
                holder.name, holder.pid);
        put_hint("L301", "kill %" PRId64 ", or another port, as -p %d", holder.pid, other);
    }
    return GW_COMMAND_UNAVAILABLE;
}

/* A Unix socket: its path is a file with a directory around it. */
static int refuse_unix(const struct gw_broker_error *error, const char *path)
{
    const char *group = error->listener->socket.group;
    const char *why = error->os_errno != 0 ? strerror(error->os_errno) : error->what;
    char user[64];

    if (error->no_group) {
        fprintf(stderr, "cannot listen on %s: there is no group %s\n", path, group);
        put_hint("L305", "getent group lists them; groupadd --system %s makes one", group);
        return GW_COMMAND_CONFIG;
    }
    gw_process_user(user, sizeof user);
    switch (error->os_errno) {
    case EADDRINUSE:
        fprintf(stderr, "cannot listen on %s: another program listens there, or it is no socket\n",
                path);
        put_hint("L306", "ss -xlp src %s names the program; or take another path", path);
        return GW_COMMAND_UNAVAILABLE;
    case ENOENT:
    case ENOTDIR:
        fprintf(stderr, "cannot listen on %s: its directory does not exist\n", path);
        put_hint("L307", "make it, for user %s (systemd: RuntimeDirectory=)", user);
        return GW_COMMAND_UNAVAILABLE;
    case EPERM:
        fprintf(stderr, "cannot give %s to group %s: user %s is not in it\n", path,
                group != NULL ? group : "?", user);
        put_hint("L308", "usermod -a -G %s %s", group != NULL ? group : "GROUP", user);
        return GW_COMMAND_PERMISSION;
    case EACCES:
    case EROFS:
        fprintf(stderr, "cannot listen on %s: user %s may not write in its directory\n", path,
                user);
        put_hint("L309", "the directory must belong to the user who runs the broker");
        return GW_COMMAND_PERMISSION;
    default:
        fprintf(stderr, "cannot listen on %s: %s\n", path, why);
        put_hint("L304", "godwit config show --effective shows the listeners");
        return GW_COMMAND_UNAVAILABLE;
    }
}

static int refuse_permission(const char *address)
{
    char user[64];

    fprintf(stderr, "cannot listen on %s: permission denied (running as user %s)\n", address,
            gw_process_user(user, sizeof user));
    put_hint("L302", "ports below 1024 need root or CAP_NET_BIND_SERVICE");
    return GW_COMMAND_PERMISSION;
}

static int refuse_tls(const struct gw_tlsfault *fault)
{
    fprintf(stderr, "%s\n", fault->what);
    if (fault->detail[0] != '\0')
        fprintf(stderr, "   %s\n", fault->detail);
    put_hint(fault->code, "%s",
             fault->hint[0] != '\0' ? fault->hint : "docs/how-to/tls.md shows how it is made");
    return fault->permission ? GW_COMMAND_PERMISSION : GW_COMMAND_CONFIG;
}

int gw_refusal_listen(const struct gw_broker_error *error)
{
    char address[GW_ADDRESS_TEXT_MAX];

    if (error->listener == NULL) {
        fprintf(stderr, "cannot start: %s%s%s\n", error->what != NULL ? error->what : "",
                error->os_errno != 0 ? ": " : "",
                error->os_errno != 0 ? strerror(error->os_errno) : "");
        return GW_COMMAND_SYSTEM;
    }
    if (error->tls.code != NULL)
        return refuse_tls(&error->tls);
    gw_address_text(&error->listener->address, address);
    if (error->listener->scheme == GW_CONFIG_UNIX)
        return refuse_unix(error, address);
    if (error->os_errno == EADDRINUSE)
        return refuse_in_use(address, gw_address_port(&error->listener->address));
    if (error->os_errno == EACCES || error->os_errno == EPERM)
        return refuse_permission(address);
    if (error->os_errno == EADDRNOTAVAIL || error->os_errno == EAFNOSUPPORT) {
        fprintf(stderr, "cannot listen on %s: this machine has no such address\n", address);
        put_hint("L303", "ip -brief address lists those it has");
        return GW_COMMAND_UNAVAILABLE;
    }
    fprintf(stderr, "cannot listen on %s: %s\n", address,
            error->os_errno != 0 ? strerror(error->os_errno) : error->what);
    put_hint("L304", "godwit config show --effective shows the listeners");
    return GW_COMMAND_UNAVAILABLE;
}

int gw_refusal_store(const struct gw_store_error *error)
{
    fprintf(stderr, "cannot use the store%s%s: %s%s%s\n", error->path[0] ? " at " : "", error->path,
            error->what ? error->what : "it does not open", error->os_errno != 0 ? ": " : "",
            error->os_errno != 0 ? strerror(error->os_errno) : "");
    if (error->os_errno == EACCES || error->os_errno == EPERM || error->os_errno == EROFS) {
        put_hint("S401", "the directory must belong to the user who runs the broker");
        return GW_COMMAND_PERMISSION;
    }
    put_hint("S402", "godwit store verify PATH says more; --set store.path=none keeps nothing");
    return GW_COMMAND_STORE;
}

int gw_refusal_account(const char *kind, const char *name)
{
    bool user = strcmp(kind, "user") == 0;

    fprintf(stderr, "cannot start: there is no %s %s\n", kind, name);
    if (user)
        put_hint("P501", "useradd --system --shell /usr/sbin/nologin %s makes one", name);
    else
        put_hint("P501", "groupadd --system %s makes one", name);
    return GW_COMMAND_CONFIG;
}

int gw_refusal_become(const char *user, int os_errno)
{
    char who[64];

    fprintf(stderr, "cannot become user %s: %s (running as user %s)\n", user, strerror(os_errno),
            gw_process_user(who, sizeof who));
    put_hint("P502", "start it as root, or take \"user\" out of the configuration");
    return GW_COMMAND_PERMISSION;
}
