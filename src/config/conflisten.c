#include "config/conflisten.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/confsocket.h"
#include "config/conftls.h"

#define URL_MAX      256
#define PATH_DEFAULT "/mqtt"

static const struct scheme {
    const char *name;
    uint16_t port;
    bool has_path;
} schemes[GW_CONFIG_SCHEME_COUNT] = {
    [GW_CONFIG_MQTT] = {"mqtt", 1883, false}, [GW_CONFIG_MQTTS] = {"mqtts", 8883, false},
    [GW_CONFIG_WS] = {"ws", 8083, true},      [GW_CONFIG_WSS] = {"wss", 8084, true},
    [GW_CONFIG_UNIX] = {"unix", 0, false},
};
/* Those that are not built yet say so. */
static const char *const later_schemes[] = {"quic", "mqttsn"};

struct url {
    enum gw_config_scheme scheme;
    struct gw_span host;
    uint16_t port;
    struct gw_span path; /* empty: the scheme has none; of unix://, the file */
};

static bool take_char(struct gw_span *text, char c)
{
    if (text->size == 0 || text->data[0] != (uint8_t)c)
        return false;
    *text = gw_span_from(*text, 1);
    return true;
}

static struct gw_span take_until(struct gw_span *text, const char *ends)
{
    size_t size = 0;
    struct gw_span taken;

    while (size < text->size && strchr(ends, text->data[size]) == NULL)
        size++;
    taken = gw_span_of(text->data, size);
    *text = gw_span_from(*text, size);
    return taken;
}

static bool parse_port(struct gw_span text, uint16_t *port)
{
    uint32_t value = 0;

    if (text.size == 0 || text.size > 5)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

static bool is_later_scheme(struct gw_span name)
{
    for (size_t i = 0; i < GW_COUNT_OF(later_schemes); i++) {
        if (gw_span_equal(name, gw_span_str(later_schemes[i])))
            return true;
    }
    return false;
}

/* "mqtt:// and ws://": what this version listens on. */
static const char *built_schemes(char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < GW_COUNT_OF(schemes) && used < size; i++) {
        const char *separator = i == 0 ? "" : i + 1 == GW_COUNT_OF(schemes) ? " and " : ", ";
        used += (size_t)snprintf(text + used, size - used, "%s%s://", separator, schemes[i].name);
    }
    return text;
}

static enum gw_status find_scheme(struct gw_span name, enum gw_config_scheme *ret_scheme,
                                  struct gw_confreport_error *error)
{
    char built[64];

    for (size_t i = 0; i < GW_COUNT_OF(schemes); i++) {
        if (!gw_span_equal(name, gw_span_str(schemes[i].name)))
            continue;
        *ret_scheme = (enum gw_config_scheme)i;
        return GW_OK;
    }
    if (!is_later_scheme(name))
        return GW_NOT_FOUND;
    gw_confreport_set(error, GW_CONFREPORT_SCHEME, "%.*s is not built in yet",
                      GW_CONFREPORT_QUOTE(name));
    gw_confreport_set_why(error, "this version listens on %s", built_schemes(built, sizeof built));
    return GW_INVALID;
}

/* Takes "mqtt://" off the front. */
static enum gw_status take_scheme(struct gw_span url, struct gw_span *rest,
                                  enum gw_config_scheme *ret_scheme,
                                  struct gw_confreport_error *error)
{
    struct gw_span name;

    *rest = url;
    name = take_until(rest, ":");
    if (!gw_span_starts_with(*rest, GW_SPAN_LIT("://"))) {
        gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"%.*s\" is not a URL",
                          GW_CONFREPORT_QUOTE(url));
        gw_confreport_set_why(error, "did you mean \"mqtt://%.*s\"?", GW_CONFREPORT_QUOTE(url));
        return GW_INVALID;
    }
    *rest = gw_span_from(*rest, 3);
    enum gw_status status = find_scheme(name, ret_scheme, error);
    if (status != GW_NOT_FOUND)
        return status;
    gw_confreport_set(error, GW_CONFREPORT_SCHEME, "unknown scheme \"%.*s\"",
                      GW_CONFREPORT_QUOTE(name));
    gw_confreport_set_why(error, "did you mean \"mqtt://%.*s\"?", GW_CONFREPORT_QUOTE(*rest));
    return GW_INVALID;
}

static enum gw_status take_port(struct gw_span *rest, uint16_t *ret_port,
                                struct gw_confreport_error *error)
{
    struct gw_span port;

    if (!take_char(rest, ':'))
        return GW_OK;
    port = take_until(rest, "/?#");
    if (parse_port(port, ret_port))
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"%.*s\" is not a port",
                      GW_CONFREPORT_QUOTE(port));
    if (memchr(rest->data, ':', rest->size) != NULL || memchr(port.data, ':', port.size) != NULL)
        gw_confreport_set_why(error, "an IPv6 address stands in brackets: [::1]");
    else
        gw_confreport_set_why(error, "it is 0 to 65535, and 0 takes any free one");
    return GW_INVALID;
}

/* Takes the rest: a path where the scheme has one, else at most a slash. */
static enum gw_status take_path(struct gw_span *rest, struct url *url,
                                struct gw_confreport_error *error)
{
    url->path = GW_SPAN_NONE;
    if (schemes[url->scheme].has_path) {
        url->path = take_until(rest, "?#");
        if (url->path.size <= 1)
            url->path = GW_SPAN_LIT(PATH_DEFAULT);
        if (rest->size == 0)
            return GW_OK;
        return gw_confreport_set(error, GW_CONFREPORT_LISTENER,
                                 "nothing may follow the path: \"%.*s\"",
                                 GW_CONFREPORT_QUOTE(*rest));
    }
    take_char(rest, '/');
    if (rest->size > 0)
        return gw_confreport_set(error, GW_CONFREPORT_LISTENER,
                                 "nothing may follow the port: \"%.*s\"",
                                 GW_CONFREPORT_QUOTE(*rest));
    return GW_OK;
}

/* unix:///run/godwit.sock: all that stands behind the scheme is the file. */
static enum gw_status take_file(struct gw_span rest, struct url *url,
                                struct gw_confreport_error *error)
{
    url->path = rest;
    if (rest.size > 1 && rest.data[0] == '/' && rest.data[rest.size - 1] != '/')
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"%.*s\" is not the whole path of a file",
                      GW_CONFREPORT_QUOTE(rest));
    gw_confreport_set_why(error, "it is as unix:///run/godwit/mqtt.sock");
    return GW_INVALID;
}

static enum gw_status parse_url(struct gw_span text, struct url *url,
                                struct gw_confreport_error *error)
{
    struct gw_span rest;

    if (text.size >= URL_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_LISTENER, "the URL is longer than %d bytes",
                                 URL_MAX - 1);
    GW_TRY(take_scheme(text, &rest, &url->scheme, error));
    url->port = schemes[url->scheme].port;
    if (url->scheme == GW_CONFIG_UNIX)
        return take_file(rest, url, error);
    if (take_char(&rest, '[')) {
        url->host = take_until(&rest, "]");
        if (!take_char(&rest, ']'))
            return gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"]\" is missing in \"%.*s\"",
                                     GW_CONFREPORT_QUOTE(text));
    } else {
        url->host = take_until(&rest, ":/?#");
    }
    if (memchr(url->host.data, '@', url->host.size) != NULL)
        return gw_confreport_set(error, GW_CONFREPORT_LISTENER,
                                 "a listener has no user name and no password");
    GW_TRY(take_port(&rest, &url->port, error));
    return take_path(&rest, url, error);
}

/* Says whether two listeners would fight for one address. */
static bool collides(const struct gw_config_listeners *listeners, const struct gw_address *address)
{
    if (gw_address_port(address) == 0 && address->storage.ss_family != AF_UNIX)
        return false;
    for (size_t i = 0; i < listeners->count; i++) {
        char a[GW_ADDRESS_TEXT_MAX];
        char b[GW_ADDRESS_TEXT_MAX];

        if (strcmp(gw_address_text(&listeners->items[i].address, a), gw_address_text(address, b)) ==
            0)
            return true;
    }
    return false;
}

/* Adds an item like another, with texts of its own. An empty path is none. */
static enum gw_status append(struct gw_config_listeners *listeners, struct gw_span url,
                             struct gw_span path, const struct gw_config_listener *like)
{
    struct gw_config_listener *items =
        realloc(listeners->items, (listeners->count + 1) * sizeof *items);
    struct gw_config_listener item = *like;

    if (items == NULL)
        return GW_NO_MEMORY;
    listeners->items = items;
    item.socket = (struct gw_config_socket){0};
    item.url = gw_span_dup(url);
    item.path = path.size > 0 ? gw_span_dup(path) : NULL;
    item.origins = like->origins != NULL ? gw_span_dup(gw_span_str(like->origins)) : NULL;
    if (item.url == NULL || (path.size > 0 && item.path == NULL) ||
        (like->origins != NULL && item.origins == NULL) ||
        gw_confsocket_copy(&like->socket, &item.socket) != GW_OK ||
        gw_conftls_copy_said(&like->tls, &item.tls) != GW_OK) {
        free(item.url);
        free(item.path);
        free(item.origins);
        gw_confsocket_fini(&item.socket);
        return GW_NO_MEMORY;
    }
    items[listeners->count++] = item;
    return GW_OK;
}

static enum gw_status read_address(const struct url *url, struct gw_address *ret_address,
                                   struct gw_confreport_error *error)
{
    enum gw_status status = url->scheme == GW_CONFIG_UNIX
                                ? gw_address_unix(url->path, ret_address)
                                : gw_address_parse(url->host, url->port, ret_address);

    if (status == GW_OK)
        return GW_OK;
    if (status == GW_LIMIT)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE,
                                 "the path of a Unix socket has at most 107 bytes");
    gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"%.*s\" is not an address",
                      GW_CONFREPORT_QUOTE(url->scheme == GW_CONFIG_UNIX ? url->path : url->host));
    gw_confreport_set_why(error, "it is as 10.0.0.1, [::1], localhost, or * for all");
    return GW_INVALID;
}

static enum gw_status add_address(struct gw_config_listeners *listeners, struct gw_span text,
                                  const struct url *url, enum gw_conflisten_anonymous anonymous,
                                  struct gw_confreport_error *error)
{
    struct gw_config_listener item = {0};
    bool loopback;

    if (listeners->count >= GW_CONFIG_LISTENERS_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE, "more than %d listeners",
                                 GW_CONFIG_LISTENERS_MAX);
    GW_TRY(read_address(url, &item.address, error));
    if (collides(listeners, &item.address))
        return gw_confreport_set(error, GW_CONFREPORT_CONFLICT, "%.*s is listened on already",
                                 GW_CONFREPORT_QUOTE(text));
    loopback = gw_address_is_loopback(&item.address);
    if (anonymous == GW_CONFLISTEN_YES && !loopback) {
        gw_confreport_set(error, GW_CONFREPORT_INSECURE,
                          "%.*s would let everybody in who can reach it",
                          GW_CONFREPORT_QUOTE(text));
        gw_confreport_set_hint(error, "write \"anonymous: insecure\" if that is what you want");
        return GW_INVALID;
    }
    item.insecure = anonymous == GW_CONFLISTEN_INSECURE;
    item.anonymous = item.insecure || anonymous == GW_CONFLISTEN_YES ||
                     (anonymous == GW_CONFLISTEN_UNSAID && loopback);
    item.scheme = url->scheme;
    if (url->scheme == GW_CONFIG_UNIX)
        item.socket.mode = GW_CONFSOCKET_MODE_DEFAULT;
    return append(listeners, text, schemes[url->scheme].has_path ? url->path : GW_SPAN_NONE, &item);
}

enum gw_status gw_conflisten_add(struct gw_config_listeners *listeners, struct gw_span url,
                                 enum gw_conflisten_anonymous anonymous,
                                 struct gw_confreport_error *error)
{
    static const char *const both[] = {"127.0.0.1", "::1"};
    char text[URL_MAX + 64];
    struct url parts = {0};

    GW_TRY(parse_url(url, &parts, error));
    if (!gw_span_equal(parts.host, GW_SPAN_LIT("localhost")))
        return add_address(listeners, url, &parts, anonymous, error);
    for (size_t i = 0; i < GW_COUNT_OF(both); i++) {
        parts.host = gw_span_str(both[i]);
        snprintf(text, sizeof text, i == 0 ? "%s://%s:%u%.*s" : "%s://[%s]:%u%.*s",
                 schemes[parts.scheme].name, both[i], parts.port, (int)parts.path.size,
                 (const char *)parts.path.data);
        GW_TRY(add_address(listeners, gw_span_str(text), &parts, anonymous, error));
    }
    /* Many containers and some kernels have no IPv6; localhost then is 127.0.0.1 alone. */
    listeners->items[listeners->count - 1].optional = true;
    return GW_OK;
}

enum gw_status gw_conflisten_settle(struct gw_config_listener *listener,
                                    enum gw_conflisten_anonymous anonymous,
                                    struct gw_confreport_error *error)
{
    if (!listener->socket.proxy_protocol || listener->insecure)
        return GW_OK;
    if (anonymous == GW_CONFLISTEN_YES) {
        gw_confreport_set(error, GW_CONFREPORT_INSECURE,
                          "%s would let everybody in who can reach the proxy", listener->url);
        gw_confreport_set_hint(error, "write \"anonymous: insecure\" if that is what you want");
        return GW_INVALID;
    }
    listener->anonymous = false;
    return GW_OK;
}

/* "https://app.example:8443": a scheme, a host and perhaps a port, as a browser writes it. */
static bool is_origin(struct gw_span origin)
{
    struct gw_span scheme = take_until(&origin, ":");

    if (scheme.size == 0 || !gw_span_starts_with(origin, GW_SPAN_LIT("://")))
        return false;
    origin = gw_span_from(origin, 3);
    for (size_t i = 0; i < origin.size; i++) {
        if (origin.data[i] <= ' ' || origin.data[i] >= 0x7F ||
            strchr("/?#@*\\", origin.data[i]) != NULL)
            return false;
    }
    return origin.size > 0;
}

static enum gw_status check_origins(struct gw_span list, struct gw_confreport_error *error)
{
    bool any = gw_span_equal(list, GW_SPAN_LIT("*"));

    while (list.size > 0 && !any) {
        struct gw_span origin = take_until(&list, ",");

        take_char(&list, ',');
        take_char(&list, ' ');
        if (is_origin(origin) || gw_span_equal(origin, GW_SPAN_LIT("null")))
            continue;
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "\"%.*s\" is not an origin",
                          GW_CONFREPORT_QUOTE(origin));
        gw_confreport_set_why(error, "it is as https://app.example:8443, without a path, or \"*\" "
                                     "alone for all");
        return GW_INVALID;
    }
    return GW_OK;
}

enum gw_status gw_conflisten_set_origins(struct gw_config_listeners *listeners, size_t from,
                                         struct gw_span origins, struct gw_confreport_error *error)
{
    GW_TRY(check_origins(origins, error));
    for (size_t i = from; i < listeners->count; i++) {
        struct gw_config_listener *item = &listeners->items[i];

        if (!schemes[item->scheme].has_path) {
            gw_confreport_set(error, GW_CONFREPORT_CONFLICT, "%s:// is not for pages of browsers",
                              schemes[item->scheme].name);
            gw_confreport_set_why(error, "origins belong to listeners of WebSockets");
            return GW_INVALID;
        }
        item->origins = origins.size > 0 ? gw_span_dup(origins) : NULL;
        if (origins.size > 0 && item->origins == NULL)
            return GW_NO_MEMORY;
    }
    return GW_OK;
}

enum gw_status gw_conflisten_word(struct gw_span text, enum gw_conflisten_anonymous *ret_anonymous,
                                  struct gw_confreport_error *error)
{
    if (gw_span_equal(text, GW_SPAN_LIT("true"))) {
        *ret_anonymous = GW_CONFLISTEN_YES;
    } else if (gw_span_equal(text, GW_SPAN_LIT("false"))) {
        *ret_anonymous = GW_CONFLISTEN_NO;
    } else if (gw_span_equal(text, GW_SPAN_LIT("insecure"))) {
        *ret_anonymous = GW_CONFLISTEN_INSECURE;
    } else {
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "anonymous cannot be \"%.*s\"",
                          GW_CONFREPORT_QUOTE(text));
        gw_confreport_set_why(error, "it is true, false or insecure");
        return GW_INVALID;
    }
    return GW_OK;
}

enum gw_status gw_conflisten_copy(const struct gw_config_listeners *listeners,
                                  struct gw_config_listeners *ret_listeners)
{
    *ret_listeners = (struct gw_config_listeners){NULL, 0};
    for (size_t i = 0; i < listeners->count; i++) {
        const struct gw_config_listener *item = &listeners->items[i];

        struct gw_span path = item->path == NULL ? GW_SPAN_NONE : gw_span_str(item->path);

        if (append(ret_listeners, gw_span_str(item->url), path, item) != GW_OK) {
            gw_conflisten_fini(ret_listeners);
            return GW_NO_MEMORY;
        }
    }
    return GW_OK;
}

void gw_conflisten_fini(struct gw_config_listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        free(listeners->items[i].url);
        free(listeners->items[i].path);
        free(listeners->items[i].origins);
        gw_confsocket_fini(&listeners->items[i].socket);
        gw_conftls_forget(&listeners->items[i].tls);
    }
    free(listeners->items);
    *listeners = (struct gw_config_listeners){NULL, 0};
}

const char *gw_conflisten_scheme_name(enum gw_config_scheme scheme)
{
    return schemes[scheme].name;
}
