#include "config/confsocket.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/conflisten.h"
#include "config/confvalue.h"

typedef enum gw_status set_fn(struct gw_config_socket *socket, struct gw_span text,
                              struct gw_confreport_error *error);

/* "0660": octal, as chmod has it. */
static enum gw_status set_mode(struct gw_config_socket *socket, struct gw_span text,
                               struct gw_confreport_error *error)
{
    uint32_t mode = 0;
    bool good = text.size >= 3 && text.size <= 4;

    for (size_t i = 0; i < text.size && good; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '7';
        mode = mode * 8 + (uint32_t)(text.data[i] - '0');
    }
    if (good && mode > 0 && mode <= 0777) {
        socket->mode = mode;
        return GW_OK;
    }
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "mode cannot be \"%.*s\"",
                      GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "it is as chmod has it: \"0660\" for the owner and his group, "
                                 "\"0666\" for everybody");
    return GW_INVALID;
}

static enum gw_status set_group(struct gw_config_socket *socket, struct gw_span text,
                                struct gw_confreport_error *error)
{
    if (text.size == 0 || memchr(text.data, 0, text.size) != NULL)
        return gw_confreport_set(error, GW_CONFREPORT_VALUE, "group is the name of a group");
    free(socket->group);
    socket->group = gw_span_dup(text);
    return socket->group == NULL ? GW_NO_MEMORY : GW_OK;
}

static enum gw_status set_peer_identity(struct gw_config_socket *socket, struct gw_span text,
                                        struct gw_confreport_error *error)
{
    socket->peer_user = gw_span_equal(text, GW_SPAN_LIT("user"));
    if (socket->peer_user || gw_span_equal(text, GW_SPAN_LIT("off")))
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "peer_identity cannot be \"%.*s\"",
                      GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "it is off, or user: who the system says the peer is");
    return GW_INVALID;
}

static enum gw_status set_proxy_protocol(struct gw_config_socket *socket, struct gw_span text,
                                         struct gw_confreport_error *error)
{
    socket->proxy_protocol = gw_span_equal(text, GW_SPAN_LIT("true"));
    if (socket->proxy_protocol || gw_span_equal(text, GW_SPAN_LIT("false")))
        return GW_OK;
    return gw_confreport_set(error, GW_CONFREPORT_VALUE, "proxy_protocol is true or false");
}

bool gw_confsocket_next_proxy(struct gw_span *list, struct gw_access_net *ret_net,
                              struct gw_span *ret_bad)
{
    *ret_net = (struct gw_access_net){0};
    *ret_bad = GW_SPAN_NONE;
    while (list->size > 0 && (list->data[0] == ' ' || list->data[0] == ','))
        *list = gw_span_from(*list, 1);
    if (list->size == 0)
        return false;
    size_t size = 0;
    while (size < list->size && list->data[size] != ',' && list->data[size] != ' ')
        size++;
    struct gw_span entry = gw_span_of(list->data, size);
    *list = gw_span_from(*list, size);
    if (gw_span_equal(entry, GW_SPAN_LIT("unix")) || gw_access_parse_net(entry, ret_net) == GW_OK)
        return true;
    *ret_bad = entry;
    return false;
}

static enum gw_status set_trusted_proxies(struct gw_config_socket *socket, struct gw_span text,
                                          struct gw_confreport_error *error)
{
    struct gw_span list = text, bad;
    struct gw_access_net net;
    size_t count = 0;

    while (gw_confsocket_next_proxy(&list, &net, &bad))
        count++;
    if (bad.size > 0 || count == 0) {
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "\"%.*s\" is not the address of a proxy",
                          GW_CONFREPORT_QUOTE(bad));
        gw_confreport_set_why(error, "it is as [10.0.0.7, 10.1.0.0/16, \"fd00::7\"], or unix for "
                                     "whoever may open a Unix socket");
        return GW_INVALID;
    }
    free(socket->trusted);
    socket->trusted = gw_span_dup(text);
    return socket->trusted == NULL ? GW_NO_MEMORY : GW_OK;
}

static const struct field {
    const char *name;
    set_fn *set;
    bool unix_only;
} fields[GW_CONFSOCKET_FIELD_COUNT] = {
    [GW_CONFSOCKET_MODE] = {"mode", set_mode, true},
    [GW_CONFSOCKET_GROUP] = {"group", set_group, true},
    [GW_CONFSOCKET_PEER_IDENTITY] = {"peer_identity", set_peer_identity, true},
    [GW_CONFSOCKET_PROXY_PROTOCOL] = {"proxy_protocol", set_proxy_protocol, false},
    [GW_CONFSOCKET_TRUSTED_PROXIES] = {"trusted_proxies", set_trusted_proxies, false},
};

enum gw_status gw_confsocket_set(struct gw_config_listener *listener,
                                 enum gw_confsocket_field field, struct gw_span text,
                                 struct gw_confreport_error *error)
{
    if (fields[field].unix_only && listener->scheme != GW_CONFIG_UNIX) {
        gw_confreport_set(error, GW_CONFREPORT_CONFLICT, "%s:// has no %s",
                          gw_conflisten_scheme_name(listener->scheme), fields[field].name);
        gw_confreport_set_why(error, "%s belongs to listeners of unix://", fields[field].name);
        return GW_INVALID;
    }
    return fields[field].set(&listener->socket, text, error);
}

enum gw_status gw_confsocket_check(const struct gw_config_listener *listener,
                                   enum gw_confsocket_field *ret_field,
                                   struct gw_confreport_error *error)
{
    const struct gw_config_socket *socket = &listener->socket;

    *ret_field = GW_CONFSOCKET_PROXY_PROTOCOL;
    if (socket->proxy_protocol && socket->trusted == NULL) {
        gw_confreport_set(error, GW_CONFREPORT_INSECURE,
                          "proxy_protocol lets everybody say from where he comes");
        gw_confreport_set_hint(error, "name the proxies, as trusted_proxies: [10.0.0.7]");
        return GW_INVALID;
    }
    if (socket->proxy_protocol && socket->peer_user)
        return gw_confreport_set(error, GW_CONFREPORT_CONFLICT,
                                 "behind a proxy, peer_identity would be the proxy's");
    *ret_field = GW_CONFSOCKET_TRUSTED_PROXIES;
    if (socket->trusted != NULL && !socket->proxy_protocol)
        return gw_confreport_set(error, GW_CONFREPORT_CONFLICT,
                                 "trusted_proxies goes with proxy_protocol: true");
    return GW_OK;
}

enum gw_status gw_confsocket_print(const struct gw_config_socket *socket, struct gw_buf *out)
{
    char mode[16];

    snprintf(mode, sizeof mode, "0%o", (unsigned)socket->mode);
    if (socket->mode != 0) {
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", mode: ")));
        GW_TRY(gw_confvalue_print_text(gw_span_str(mode), out));
    }
    if (socket->group != NULL) {
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", group: ")));
        GW_TRY(gw_confvalue_print_text(gw_span_str(socket->group), out));
    }
    if (socket->peer_user)
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", peer_identity: user")));
    if (!socket->proxy_protocol)
        return GW_OK;
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", proxy_protocol: true, trusted_proxies: ")));
    return gw_confvalue_print_text(gw_span_str(socket->trusted), out);
}

enum gw_status gw_confsocket_copy(const struct gw_config_socket *socket,
                                  struct gw_config_socket *ret_socket)
{
    *ret_socket = *socket;
    if (socket->group != NULL)
        ret_socket->group = strdup(socket->group);
    if (socket->trusted != NULL)
        ret_socket->trusted = strdup(socket->trusted);
    return (socket->group != NULL && ret_socket->group == NULL) ||
                   (socket->trusted != NULL && ret_socket->trusted == NULL)
               ? GW_NO_MEMORY
               : GW_OK;
}

void gw_confsocket_fini(struct gw_config_socket *socket)
{
    free(socket->group);
    free(socket->trusted);
    *socket = (struct gw_config_socket){0};
}
