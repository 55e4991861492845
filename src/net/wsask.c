#include "net/wsask.h"

#include <stdio.h>

#define SWITCHING 101

/* What a correct answer says. */
struct answer {
    bool upgrade, connection, accept, protocol;
};

static bool is_plain(struct gw_span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7F)
            return false;
    }
    return text.size > 0;
}

size_t gw_wsask_put(char ret_request[GW_WSASK_REQUEST_MAX], struct gw_span authority,
                    struct gw_span path, struct gw_span key)
{
    if (!is_plain(authority) || !is_plain(path))
        return 0;
    int size = snprintf(ret_request, GW_WSASK_REQUEST_MAX,
                        "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: %.*s\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
                        GW_SPAN_FMT(path), GW_SPAN_FMT(authority), GW_SPAN_FMT(key));
    return size > 0 && (size_t)size < GW_WSASK_REQUEST_MAX ? (size_t)size : 0;
}

static enum gw_status malformed(struct gw_wsask_fault *ret_fault, const char *what)
{
    *ret_fault = (struct gw_wsask_fault){.what = what};
    return GW_MALFORMED;
}

/* "HTTP/1.1 404 Not Found" */
static enum gw_status read_status(struct gw_span *head, struct gw_wsask_fault *ret_fault)
{
    struct gw_span line;
    unsigned value = 0;
    if (gw_httphead_first(head, &line) != GW_OK)
        return malformed(ret_fault, "the answer is no HTTP");
    struct gw_span version = gw_httphead_word(&line);
    struct gw_span number = gw_httphead_word(&line);
    if (!gw_span_starts_with(version, GW_SPAN_LIT("HTTP/1.")) || number.size != 3)
        return malformed(ret_fault, "the answer is no HTTP");
    for (size_t i = 0; i < number.size; i++) {
        if (number.data[i] < '0' || number.data[i] > '9')
            return malformed(ret_fault, "the answer is no HTTP");
        value = value * 10 + (unsigned)(number.data[i] - '0');
    }
    if (value == SWITCHING)
        return GW_OK;
    *ret_fault = (struct gw_wsask_fault){.http_status = (uint16_t)value, .phrase = line};
    return GW_REFUSED;
}

static void read_field(const struct gw_httphead_field *field, struct gw_span accept,
                       struct answer *answer)
{
    if (gw_httphead_same(field->name, GW_SPAN_LIT("upgrade")))
        answer->upgrade |= gw_httphead_has(field->value, "websocket");
    else if (gw_httphead_same(field->name, GW_SPAN_LIT("connection")))
        answer->connection |= gw_httphead_has(field->value, "upgrade");
    else if (gw_httphead_same(field->name, GW_SPAN_LIT("sec-websocket-accept")))
        answer->accept = gw_span_equal(field->value, accept);
    else if (gw_httphead_same(field->name, GW_SPAN_LIT("sec-websocket-protocol")))
        answer->protocol = gw_span_equal(field->value, GW_SPAN_LIT("mqtt"));
}

enum gw_status gw_wsask_judge(struct gw_span head, struct gw_span accept,
                              struct gw_wsask_fault *ret_fault)
{
    struct gw_httphead_field field;
    struct answer answer = {0};
    enum gw_status status;
    GW_TRY(read_status(&head, ret_fault));
    while ((status = gw_httphead_next(&head, &field)) == GW_OK) {
        if (gw_httphead_same(field.name, GW_SPAN_LIT("sec-websocket-extensions")))
            return malformed(ret_fault, "the server uses an extension that was not asked for");
        read_field(&field, accept, &answer);
    }
    if (status != GW_END)
        return malformed(ret_fault, "a line of the answer is not a well-formed header");
    if (!answer.upgrade || !answer.connection)
        return malformed(ret_fault, "the answer does not switch to a WebSocket");
    if (!answer.accept)
        return malformed(ret_fault, "the answer is not to this request (Sec-WebSocket-Accept)");
    if (!answer.protocol)
        return malformed(ret_fault, "the server did not choose the subprotocol mqtt");
    return GW_OK;
}
