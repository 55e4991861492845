#include "daemon/dropping.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "daemon/command.h"
#include "daemon/refusal.h"
#include "os/privileges.h"

/* Opens one listener's address, unless the service manager has. */
static enum gw_status open_one(const struct gw_config *config, size_t item,
                               struct gw_inherited *inherited, struct gw_broker_error *error)
{
    const struct gw_config_listener *listener = &config->listeners.items[item];
    const struct gw_sockets *sockets = gw_socket_system();
    struct gw_socket_place place;
    gw_socket socket = gw_inherited_take(inherited, &listener->address);

    if (socket < 0) {
        GW_TRY(gw_broker_place(config, listener, &place, error));
        GW_TRY(sockets->ops->listen(sockets->ctx, &place, &socket, &error->os_errno));
    }
    enum gw_status status = gw_inherited_add(inherited, socket);
    if (status != GW_OK)
        sockets->ops->close(sockets->ctx, socket);
    return status;
}

static int open_all(const struct gw_config *config, struct gw_inherited *inherited)
{
    for (size_t i = 0; i < config->listeners.count; i++) {
        const struct gw_config_listener *listener = &config->listeners.items[i];
        struct gw_broker_error error = {.listener = listener, .what = "cannot listen"};
        bool any_port =
            listener->scheme != GW_CONFIG_UNIX && gw_address_port(&listener->address) == 0;

        if (any_port) /* everybody may have one, and nobody would find it again */
            continue;
        if (open_one(config, i, inherited, &error) != GW_OK &&
            (!listener->optional || inherited->count == 0))
            return gw_refusal_listen(&error);
    }
    return GW_COMMAND_OK;
}

int gw_dropping_run(const struct gw_config *config, struct gw_inherited *inherited)
{
    struct gw_account account;
    uint32_t gid;
    int number = 0, result;

    if (config->user[0] == '\0')
        return GW_COMMAND_OK;
    if (gw_account_find(config->user, &account) != GW_OK)
        return gw_refusal_account("user", config->user);
    if (config->group[0] != '\0' && gw_account_group(config->group, &gid) != GW_OK)
        return gw_refusal_account("group", config->group);
    if (config->group[0] != '\0')
        account.gid = gid;
    result = open_all(config, inherited);
    if (result != GW_COMMAND_OK)
        return result;
    if (gw_privileges_become(&account, &number) != GW_OK)
        return gw_refusal_become(config->user, number);
    return GW_COMMAND_OK;
}
