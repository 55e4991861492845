/*
 * net/wshead: the opening handshake of a WebSocket (RFC 6455, section 4), at the server's end: a
 *             request is read and judged, and answered with 101 or with words that help.
 *
 * Layer   net (may include os, base). Pure: no system call, no malloc; knows no MQTT.
 * Owner   whoever gathers the head (net/httphead); views point into it.
 * Life    nothing to release.
 * Limits  those of net/httphead; GW_WSHEAD_ANSWER_MAX bytes an answer.
 *
 * Subprotocols are `mqtt` and `mqttv3.1`, and one of them must be offered (MQTT-6.0.0-3). No
 * extension is ever agreed on: compressed bytes would cost what their sender chooses.
 */
#ifndef GW_NET_WSHEAD_H
#define GW_NET_WSHEAD_H

#include "net/httphead.h"

#define GW_WSHEAD_ANSWER_MAX  ((size_t)1024)
#define GW_WSHEAD_KEY_SIZE    24
#define GW_WSHEAD_ACCEPT_SIZE 28
/* What is hashed behind the key to make the accept value. */
#define GW_WSHEAD_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* What a listener wants. */
struct gw_wshead_rules {
    struct gw_span path; /* "/mqtt" */
    /* Pages of which origins may connect: "*", or a list parted by commas; empty: pages whose
     * origin is the host that they connect to. Programs that name no origin always may. */
    struct gw_span origins;
    /* With an empty list: that host must be an address or localhost. For listeners that ask nobody
     * for a password: a hostile page can give a name of its own our address (DNS rebinding). */
    bool names_refused;
};

struct gw_wshead_request {
    struct gw_span method;
    struct gw_span path; /* without query */
    struct gw_span host;
    struct gw_span origin;
    struct gw_span key;
    struct gw_span ws_version;
    struct gw_span protocol; /* the first offered that we know; empty: none */
    bool protocol_offered;
    bool upgrade;    /* Upgrade: websocket */
    bool connection; /* Connection: Upgrade */
};

/* Why it is refused. */
struct gw_wshead_fault {
    uint16_t http_status;
    const char *what; /* one sentence without its full stop, for the peer and the log; static */
};

/* Reads a whole head; GW_MALFORMED with the fault. */
GW_MUST_USE enum gw_status gw_wshead_read(struct gw_span head,
                                          struct gw_wshead_request *ret_request,
                                          struct gw_wshead_fault *ret_fault);

/* Says whether it may go on; GW_REFUSED with the fault. */
GW_MUST_USE enum gw_status gw_wshead_judge(const struct gw_wshead_request *request,
                                           const struct gw_wshead_rules *rules,
                                           struct gw_wshead_fault *ret_fault);

/* The fault of a head that is too large, and of first bytes that are no HTTP at all; what NULL if
 * they may be HTTP. */
struct gw_wshead_fault gw_wshead_too_large(void);
struct gw_wshead_fault gw_wshead_other(struct gw_span first_bytes);

/* Writes the answer that refuses and returns its size. */
size_t gw_wshead_put_refusal(char ret_answer[GW_WSHEAD_ANSWER_MAX],
                             const struct gw_wshead_fault *fault,
                             const struct gw_wshead_rules *rules);

/* Writes the answer that switches to frames, with the accept value for the request's key. */
size_t gw_wshead_put_switch(char ret_answer[GW_WSHEAD_ANSWER_MAX], struct gw_span accept,
                            struct gw_span protocol);

#endif
