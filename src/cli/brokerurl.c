#include "cli/brokerurl.h"

#include <stdlib.h>
#include <strings.h>

static const struct {
    const char *prefix;
    bool built;
    bool ws;
    bool tls;
} schemes[] = {{"mqtt://", true, false, false},
               {"mqtts://", true, false, true},
               {"ws://", true, true, false},
               {"wss://", true, true, true}};

static enum gw_status read_port(struct gw_options *options, const char *text, size_t size)
{
    char digits[8] = "";
    if (size < sizeof digits)
        memcpy(digits, text, size);
    char *end;
    long port = strtol(digits, &end, 10);
    if (end == digits || *end != '\0' || port < 1 || port > UINT16_MAX)
        return gw_options_refuse(options, "the port in the URL must be a number from 1 to 65535");
    options->net.port = (uint16_t)port;
    return GW_OK;
}

/* user[:password]@ in front of the host; moves *at behind it. */
static enum gw_status read_user(struct gw_options *options, const char **at, const char *end)
{
    const char *mark = NULL;
    for (const char *seek = *at; seek < end; seek++) {
        if (*seek == '@')
            mark = seek;
    }
    if (!mark)
        return GW_OK;
    const char *colon = memchr(*at, ':', (size_t)(mark - *at));
    const char *user_end = colon ? colon : mark;
    options->session.user_name = gw_options_keep(options, *at, (size_t)(user_end - *at));
    if (!options->session.user_name)
        return GW_NO_MEMORY;
    if (colon) {
        options->session.password = gw_options_keep(options, colon + 1, (size_t)(mark - colon - 1));
        if (!options->session.password)
            return GW_NO_MEMORY;
    }
    *at = mark + 1;
    return GW_OK;
}

/* host[:port], or [address][:port] with an IPv6 address. */
static enum gw_status read_host(struct gw_options *options, const char *at, const char *end)
{
    const char *host_end = end;
    const char *colon = NULL;
    if (at < end && *at == '[') {
        at++;
        host_end = memchr(at, ']', (size_t)(end - at));
        if (!host_end)
            return gw_options_refuse(options, "the URL's address lacks its ]");
        if (host_end + 1 < end)
            colon = host_end + 1;
        if (colon && *colon != ':')
            return gw_options_refuse(options, "behind the URL's address a :port may follow");
    } else {
        colon = memchr(at, ':', (size_t)(end - at));
        if (colon)
            host_end = colon;
    }
    if (host_end == at)
        return gw_options_refuse(options, "the URL names no host");
    if (colon)
        GW_TRY(read_port(options, colon + 1, (size_t)(end - colon - 1)));
    options->net.host = gw_options_keep(options, at, (size_t)(host_end - at));
    return options->net.host ? GW_OK : GW_NO_MEMORY;
}

/* /path[/topic] of a WebSocket. */
static enum gw_status read_path(struct gw_options *options, const char *slash)
{
    const char *end = strchr(slash + 1, '/');
    size_t size = end ? (size_t)(end - slash) : strlen(slash);
    options->net.ws = true;
    if (size > 1) {
        options->net.ws_path = gw_options_keep(options, slash, size);
        if (!options->net.ws_path)
            return GW_NO_MEMORY;
    }
    return end ? gw_options_add(&options->select.topics, end + 1) : GW_OK;
}

enum gw_status gw_brokerurl_read(struct gw_options *options, const char *url)
{
    const char *at = NULL;
    bool ws = false;
    for (size_t i = 0; i < GW_COUNT_OF(schemes) && !at; i++) {
        size_t size = strlen(schemes[i].prefix);
        if (strncasecmp(url, schemes[i].prefix, size) != 0)
            continue;
        at = url + size;
        ws = schemes[i].ws;
        options->net.tls_on = options->net.tls_on || schemes[i].tls;
        if (!schemes[i].built && !options->net.not_built)
            options->net.not_built = schemes[i].prefix;
    }
    if (!at)
        return gw_options_refuse(options, "the URL must begin with mqtt:// or ws://");
    const char *slash = strchr(at, '/');
    if (!slash && ws)
        slash = at + strlen(at);
    if (!slash)
        return gw_options_refuse(options, "the URL must end with /topic");
    GW_TRY(read_user(options, &at, slash));
    GW_TRY(read_host(options, at, slash));
    if (ws)
        return *slash ? read_path(options, slash) : read_path(options, "/");
    return gw_options_add(&options->select.topics, slash + 1);
}
