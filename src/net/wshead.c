#include "net/wshead.h"

#include <stdio.h>

#define PATH_SHOWN_MAX 256

static enum gw_status fault_of(struct gw_wshead_fault *ret_fault, enum gw_status status,
                               uint16_t http_status, const char *what)
{
    *ret_fault = (struct gw_wshead_fault){http_status, what};
    return status;
}

static enum gw_status malformed(struct gw_wshead_fault *ret_fault, const char *what)
{
    return fault_of(ret_fault, GW_MALFORMED, 400, what);
}

static enum gw_status refused(struct gw_wshead_fault *ret_fault, uint16_t http_status,
                              const char *what)
{
    return fault_of(ret_fault, GW_REFUSED, http_status, what);
}

/* -- reading -- */

/* The path of "/path?query", or of the long form that is meant for proxies. */
static struct gw_span path_of(struct gw_span target)
{
    static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
    for (size_t i = 0; i < GW_COUNT_OF(schemes); i++) {
        struct gw_span scheme = gw_span_str(schemes[i]);
        if (target.size < scheme.size ||
            !gw_httphead_same(gw_span_of(target.data, scheme.size), scheme))
            continue;
        struct gw_span rest = gw_span_from(target, scheme.size);
        const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
        target = slash ? gw_span_from(rest, (size_t)(slash - rest.data)) : GW_SPAN_LIT("/");
        break;
    }
    const uint8_t *query = target.size ? memchr(target.data, '?', target.size) : NULL;
    if (query != NULL)
        target.size = (size_t)(query - target.data);
    return target;
}

static enum gw_status read_first(struct gw_span *head, struct gw_wshead_request *request,
                                 struct gw_wshead_fault *ret_fault)
{
    struct gw_span line;
    if (gw_httphead_first(head, &line) != GW_OK)
        return malformed(ret_fault, "this is no HTTP request");
    request->method = gw_httphead_word(&line);
    struct gw_span target = gw_httphead_word(&line);
    if (request->method.size == 0 || target.size == 0 ||
        !gw_span_starts_with(line, GW_SPAN_LIT("HTTP/")))
        return malformed(ret_fault, "this is no HTTP request");
    if (gw_span_equal(line, GW_SPAN_LIT("HTTP/1.0")))
        return fault_of(ret_fault, GW_MALFORMED, 505,
                        "HTTP/1.0 cannot become a WebSocket; a proxy must speak HTTP/1.1 to us");
    if (!gw_span_equal(line, GW_SPAN_LIT("HTTP/1.1")))
        return fault_of(ret_fault, GW_MALFORMED, 505, "only HTTP/1.1 can become a WebSocket here");
    request->path = path_of(target);
    return GW_OK;
}

static void choose_protocol(struct gw_wshead_request *request, struct gw_span list)
{
    static const char *const known[] = {"mqtt", "mqttv3.1"};
    struct gw_span offered;
    while (gw_httphead_member(&list, &offered)) {
        request->protocol_offered = true;
        for (size_t i = 0; i < GW_COUNT_OF(known) && request->protocol.size == 0; i++) {
            if (gw_span_equal(offered, gw_span_str(known[i])))
                request->protocol = gw_span_str(known[i]);
        }
    }
}

/* Fields that may stand once, and where they are kept. */
static const struct {
    const char *name;
    size_t offset;
} singles[] = {
    {"host", offsetof(struct gw_wshead_request, host)},
    {"origin", offsetof(struct gw_wshead_request, origin)},
    {"sec-websocket-key", offsetof(struct gw_wshead_request, key)},
    {"sec-websocket-version", offsetof(struct gw_wshead_request, ws_version)},
};

static enum gw_status read_single(size_t row, struct gw_span value,
                                  struct gw_wshead_request *request,
                                  struct gw_wshead_fault *ret_fault)
{
    struct gw_span *place = (struct gw_span *)(void *)((char *)request + singles[row].offset);
    if (place->data != NULL)
        return malformed(ret_fault, "a header that may stand once stands there twice");
    *place = value;
    return GW_OK;
}

static enum gw_status read_field(const struct gw_httphead_field *field,
                                 struct gw_wshead_request *request,
                                 struct gw_wshead_fault *ret_fault)
{
    for (size_t i = 0; i < GW_COUNT_OF(singles); i++) {
        if (gw_httphead_same(field->name, gw_span_str(singles[i].name)))
            return read_single(i, field->value, request, ret_fault);
    }
    if (gw_httphead_same(field->name, GW_SPAN_LIT("upgrade"))) {
        request->upgrade |= gw_httphead_has(field->value, "websocket");
    } else if (gw_httphead_same(field->name, GW_SPAN_LIT("connection"))) {
        request->connection |= gw_httphead_has(field->value, "upgrade");
    } else if (gw_httphead_same(field->name, GW_SPAN_LIT("sec-websocket-protocol"))) {
        choose_protocol(request, field->value);
    } else if (gw_httphead_same(field->name, GW_SPAN_LIT("transfer-encoding")) ||
               (gw_httphead_same(field->name, GW_SPAN_LIT("content-length")) &&
                !gw_span_equal(field->value, GW_SPAN_LIT("0")))) {
        /* What is behind the head would be a body to one and frames to another. */
        return malformed(ret_fault, "a request for a WebSocket has no body");
    }
    return GW_OK;
}

enum gw_status gw_wshead_read(struct gw_span head, struct gw_wshead_request *ret_request,
                              struct gw_wshead_fault *ret_fault)
{
    struct gw_httphead_field field;
    enum gw_status status;
    *ret_request = (struct gw_wshead_request){0};
    GW_TRY(read_first(&head, ret_request, ret_fault));
    for (unsigned count = 0; (status = gw_httphead_next(&head, &field)) == GW_OK; count++) {
        if (count == GW_HTTPHEAD_FIELDS_MAX)
            return fault_of(ret_fault, GW_MALFORMED, 431, "more than 64 headers");
        GW_TRY(read_field(&field, ret_request, ret_fault));
    }
    if (status != GW_END)
        return malformed(ret_fault, "a line of the request is not a well-formed header");
    if (ret_request->host.size == 0)
        return malformed(ret_fault, "the Host header is missing");
    return GW_OK;
}

/* -- judging -- */

static bool is_base64(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' ||
           c == '/';
}

/* 16 bytes in base64. */
static bool is_key(struct gw_span key)
{
    if (key.size != GW_WSHEAD_KEY_SIZE || key.data[22] != '=' || key.data[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        if (!is_base64(key.data[i]))
            return false;
    }
    return true;
}

/* True for "localhost", "10.0.0.1" and "[::1]", with port or without: nobody can make the name
 * system say that they are somewhere else. */
static bool is_address(struct gw_span host)
{
    if (host.size > 0 && host.data[0] == '[')
        return true;
    const uint8_t *colon = host.size ? memchr(host.data, ':', host.size) : NULL;
    if (colon != NULL)
        host.size = (size_t)(colon - host.data);
    if (gw_httphead_same(host, GW_SPAN_LIT("localhost")))
        return true;
    for (size_t i = 0; i < host.size; i++) {
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return false;
    }
    return host.size > 0;
}

/* The host and port of an origin; empty for "null". */
static struct gw_span authority_of(struct gw_span origin)
{
    for (size_t i = 0; i + 3 <= origin.size; i++) {
        if (memcmp(origin.data + i, "://", 3) == 0)
            return gw_span_from(origin, i + 3);
    }
    return GW_SPAN_NONE;
}

static enum gw_status judge_origin(const struct gw_wshead_request *request,
                                   const struct gw_wshead_rules *rules,
                                   struct gw_wshead_fault *ret_fault)
{
    struct gw_span list = rules->origins, allowed;
    if (request->origin.data == NULL)
        return GW_OK;
    while (gw_httphead_member(&list, &allowed)) {
        if (gw_span_equal(allowed, GW_SPAN_LIT("*")) || gw_httphead_same(allowed, request->origin))
            return GW_OK;
    }
    if (rules->origins.size > 0)
        return refused(ret_fault, 403, "the page's origin is not among the listener's origins");
    if (!gw_httphead_same(authority_of(request->origin), request->host))
        return refused(ret_fault, 403,
                       "the page comes from another origin; the listener's origins must name it");
    if (rules->names_refused && !is_address(request->host))
        return refused(ret_fault, 403,
                       "without password, pages must come from an address or localhost, or the "
                       "listener's origins must name them");
    return GW_OK;
}

enum gw_status gw_wshead_judge(const struct gw_wshead_request *request,
                               const struct gw_wshead_rules *rules,
                               struct gw_wshead_fault *ret_fault)
{
    if (!gw_span_equal(request->path, rules->path))
        return refused(ret_fault, 404, "there is nothing at this path");
    if (!gw_span_equal(request->method, GW_SPAN_LIT("GET")))
        return refused(ret_fault, 405, "a WebSocket begins with GET");
    if (!request->upgrade || !request->connection)
        return refused(ret_fault, 426, "this is no request for a WebSocket");
    if (!gw_span_equal(request->ws_version, GW_SPAN_LIT("13")))
        return refused(ret_fault, 426, "the version of WebSocket here is 13");
    if (!is_key(request->key))
        return refused(ret_fault, 400, "Sec-WebSocket-Key is missing or not 16 bytes in base64");
    if (request->protocol.size == 0)
        return refused(ret_fault, 400,
                       request->protocol_offered
                           ? "none of the offered subprotocols is mqtt or mqttv3.1"
                           : "the subprotocol mqtt must be offered in Sec-WebSocket-Protocol");
    return judge_origin(request, rules, ret_fault);
}

struct gw_wshead_fault gw_wshead_too_large(void)
{
    return (struct gw_wshead_fault){431, "the head of the request is larger than 8 KiB"};
}

struct gw_wshead_fault gw_wshead_other(struct gw_span first_bytes)
{
    if (first_bytes.size == 0 || (first_bytes.data[0] >= 'A' && first_bytes.data[0] <= 'Z'))
        return (struct gw_wshead_fault){0, NULL};
    switch (first_bytes.data[0]) {
    case 0x10:
        return (struct gw_wshead_fault){
            400, "an MQTT CONNECT came to a WebSocket port; plain MQTT has a port of its own"};
    case 0x16:
        return (struct gw_wshead_fault){
            400, "a TLS handshake came to a WebSocket port without TLS; wss:// has its own"};
    default: return (struct gw_wshead_fault){400, "this is no HTTP request"};
    }
}

/* -- answers -- */

static const struct {
    uint16_t http_status;
    const char *phrase;
    const char *fields; /* that belong to it */
} statuses[] = {
    {400, "Bad Request", "Connection: close\r\n"},
    {403, "Forbidden", "Connection: close\r\n"},
    {404, "Not Found", "Connection: close\r\n"},
    {405, "Method Not Allowed", "Connection: close\r\nAllow: GET\r\n"},
    {426, "Upgrade Required",
     "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
    {431, "Request Header Fields Too Large", "Connection: close\r\n"},
    {505, "HTTP Version Not Supported", "Connection: close\r\n"},
};

size_t gw_wshead_put_refusal(char ret_answer[GW_WSHEAD_ANSWER_MAX],
                             const struct gw_wshead_fault *fault,
                             const struct gw_wshead_rules *rules)
{
    char body[GW_WSHEAD_ANSWER_MAX / 2];
    struct gw_span path = rules->path;
    size_t row = 0;
    if (path.size > PATH_SHOWN_MAX)
        path.size = PATH_SHOWN_MAX;
    while (row + 1 < GW_COUNT_OF(statuses) && statuses[row].http_status != fault->http_status)
        row++;
    int body_size = snprintf(body, sizeof body,
                             "%s.\nThis port speaks MQTT over WebSocket: path %.*s, "
                             "subprotocol mqtt.\n",
                             fault->what, GW_SPAN_FMT(path));
    int size = snprintf(ret_answer, GW_WSHEAD_ANSWER_MAX,
                        "HTTP/1.1 %u %s\r\n%sContent-Type: text/plain\r\n"
                        "X-Content-Type-Options: nosniff\r\nContent-Length: %d\r\n\r\n%s",
                        statuses[row].http_status, statuses[row].phrase, statuses[row].fields,
                        body_size, body);
    return (size_t)size;
}

size_t gw_wshead_put_switch(char ret_answer[GW_WSHEAD_ANSWER_MAX], struct gw_span accept,
                            struct gw_span protocol)
{
    int size = snprintf(ret_answer, GW_WSHEAD_ANSWER_MAX,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n"
                        "Sec-WebSocket-Protocol: %.*s\r\n\r\n",
                        GW_SPAN_FMT(accept), GW_SPAN_FMT(protocol));
    return (size_t)size;
}
