#include "config/conflisten.h"

#include <stdio.h>
#include <stdlib.h>

#define URL_MAX      256
#define PORT_DEFAULT 1883

static const char *const later_schemes[] = {"mqtts", "ws", "wss", "unix", "quic", "mqttsn"};

struct url {
    struct gw_span host;
    uint16_t port;
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

static bool is_later_scheme(struct gw_span scheme)
{
    for (size_t i = 0; i < GW_COUNT_OF(later_schemes); i++) {
        if (gw_span_equal(scheme, gw_span_str(later_schemes[i])))
            return true;
    }
    return false;
}

/* Takes "mqtt://" off the front. */
static enum gw_status take_scheme(struct gw_span url, struct gw_span *rest,
                                  struct gw_confreport_error *error)
{
    struct gw_span scheme;

    *rest = url;
    scheme = take_until(rest, ":");
    if (!gw_span_starts_with(*rest, GW_SPAN_LIT("://"))) {
        gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"%.*s\" is not a URL",
                          GW_CONFREPORT_QUOTE(url));
        gw_confreport_set_why(error, "did you mean \"mqtt://%.*s\"?", GW_CONFREPORT_QUOTE(url));
        return GW_INVALID;
    }
    *rest = gw_span_from(*rest, 3);
    if (gw_span_equal(scheme, GW_SPAN_LIT("mqtt")))
        return GW_OK;
    if (is_later_scheme(scheme)) {
        gw_confreport_set(error, GW_CONFREPORT_SCHEME, "%.*s is not built in yet",
                          GW_CONFREPORT_QUOTE(scheme));
        gw_confreport_set_why(error, "this version listens on mqtt:// only");
        return GW_INVALID;
    }
    gw_confreport_set(error, GW_CONFREPORT_SCHEME, "unknown scheme \"%.*s\"",
                      GW_CONFREPORT_QUOTE(scheme));
    gw_confreport_set_why(error, "did you mean \"mqtt://%.*s\"?", GW_CONFREPORT_QUOTE(*rest));
    return GW_INVALID;
}

static enum gw_status parse_url(struct gw_span text, struct url *url,
                                struct gw_confreport_error *error)
{
    struct gw_span rest;

    if (text.size >= URL_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_LISTENER, "the URL is longer than %d bytes",
                                 URL_MAX - 1);
    GW_TRY(take_scheme(text, &rest, error));
    url->port = PORT_DEFAULT;
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
    if (take_char(&rest, ':')) {
        struct gw_span port = take_until(&rest, "/?#");

        if (!parse_port(port, &url->port)) {
            gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"%.*s\" is not a port",
                              GW_CONFREPORT_QUOTE(port));
            if (memchr(rest.data, ':', rest.size) != NULL ||
                memchr(port.data, ':', port.size) != NULL)
                gw_confreport_set_why(error, "an IPv6 address stands in brackets: [::1]");
            else
                gw_confreport_set_why(error, "it is 0 to 65535, and 0 takes any free one");
            return GW_INVALID;
        }
    }
    take_char(&rest, '/');
    if (rest.size > 0)
        return gw_confreport_set(error, GW_CONFREPORT_LISTENER,
                                 "nothing may follow the port: \"%.*s\"",
                                 GW_CONFREPORT_QUOTE(rest));
    return GW_OK;
}

/* Says whether two listeners would fight for one address. */
static bool collides(const struct gw_config_listeners *listeners, const struct gw_address *address)
{
    if (gw_address_port(address) == 0)
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

static enum gw_status append(struct gw_config_listeners *listeners, struct gw_span url,
                             const struct gw_config_listener *like)
{
    struct gw_config_listener *items =
        realloc(listeners->items, (listeners->count + 1) * sizeof *items);
    char *copy;

    if (items == NULL)
        return GW_NO_MEMORY;
    listeners->items = items;
    copy = malloc(url.size + 1);
    if (copy == NULL)
        return GW_NO_MEMORY;
    memcpy(copy, url.data, url.size);
    copy[url.size] = '\0';
    items[listeners->count] = *like;
    items[listeners->count].url = copy;
    listeners->count++;
    return GW_OK;
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
    if (gw_address_parse(url->host, url->port, &item.address) != GW_OK) {
        gw_confreport_set(error, GW_CONFREPORT_LISTENER, "\"%.*s\" is not an address",
                          GW_CONFREPORT_QUOTE(url->host));
        gw_confreport_set_why(error, "it is as 10.0.0.1, [::1], localhost, or * for all");
        return GW_INVALID;
    }
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
    return append(listeners, text, &item);
}

enum gw_status gw_conflisten_add(struct gw_config_listeners *listeners, struct gw_span url,
                                 enum gw_conflisten_anonymous anonymous,
                                 struct gw_confreport_error *error)
{
    static const char *const both[] = {"127.0.0.1", "::1"};
    char text[64];
    struct url parts = {0};

    GW_TRY(parse_url(url, &parts, error));
    if (!gw_span_equal(parts.host, GW_SPAN_LIT("localhost")))
        return add_address(listeners, url, &parts, anonymous, error);
    for (size_t i = 0; i < GW_COUNT_OF(both); i++) {
        parts.host = gw_span_str(both[i]);
        snprintf(text, sizeof text, i == 0 ? "mqtt://%s:%u" : "mqtt://[%s]:%u", both[i],
                 parts.port);
        GW_TRY(add_address(listeners, gw_span_str(text), &parts, anonymous, error));
    }
    /* Many containers and some kernels have no IPv6; localhost then is 127.0.0.1 alone. */
    listeners->items[listeners->count - 1].optional = true;
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

        if (append(ret_listeners, gw_span_str(item->url), item) != GW_OK) {
            gw_conflisten_fini(ret_listeners);
            return GW_NO_MEMORY;
        }
    }
    return GW_OK;
}

void gw_conflisten_fini(struct gw_config_listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        free(listeners->items[i].url);
    free(listeners->items);
    *listeners = (struct gw_config_listeners){NULL, 0};
}
