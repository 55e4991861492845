#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "net/wshead.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const struct gw_wshead_rules plain_rules = {.path = {(const uint8_t *)"/mqtt", 5}};

/* 0: it may go on; else the HTTP status of the refusal. */
static int judged(const char *text, const struct gw_wshead_rules *rules, struct gw_span *ret_proto)
{
    struct gw_wshead_request request;
    struct gw_wshead_fault fault = {0};
    enum gw_status status = gw_wshead_read(gw_span_str(text), &request, &fault);
    if (status == GW_OK)
        status = gw_wshead_judge(&request, rules, &fault);
    if (status == GW_OK) {
        assert_int_equal(fault.http_status, 0);
        if (ret_proto)
            *ret_proto = request.protocol;
        return 0;
    }
    assert_non_null(fault.what);
    return fault.http_status;
}

static void test_requests(void **state)
{
    (void)state;
    static const struct {
        int http_status;
        const char *text;
        const char *protocol;
    } rows[] = {
#define GET   "GET /mqtt HTTP/1.1\r\nHost: a\r\n"
#define UP    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define V13   "Sec-WebSocket-Version: 13\r\n"
#define PROTO "Sec-WebSocket-Protocol: mqtt\r\n"
#define END   "\r\n"
        {0, GET UP KEY V13 PROTO END, "mqtt"},
        {0, GET UP KEY V13 "Sec-WebSocket-Protocol: mqttv3.1\r\n" END, "mqttv3.1"},
        {0, GET UP KEY V13 "Sec-WebSocket-Protocol: x, mqttv3.1,mqtt\r\n" END, "mqttv3.1"},
        {0, GET UP KEY V13 "Sec-WebSocket-Protocol: x\r\n" PROTO END, "mqtt"},
        {0, GET "uPGRADE: h2c, WebSocket\r\nCONNECTION: keep-alive, upgrade\r\n" KEY V13 PROTO END,
         "mqtt"},
        {0, GET "Connection: keep-alive\r\n" UP KEY V13 PROTO END, "mqtt"},
        {0, "GET /mqtt?token=1 HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, "mqtt"},
        {0, "GET http://a/mqtt HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, "mqtt"},
        {0, "GET WSS://a:1/mqtt?x HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, "mqtt"},
        {0, GET UP KEY V13 PROTO "Sec-WebSocket-Extensions: permessage-deflate\r\n" END, "mqtt"},
        {0, GET UP KEY V13 PROTO "Content-Length: 0\r\n" END, "mqtt"},
        {0, GET UP KEY V13 PROTO "X-Forwarded-For: 10.0.0.1\r\n" END, "mqtt"},
        {404, "GET / HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {404, "GET /mqtt/ HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {404, "GET /MQTT HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {404, "GET http://a HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {404, "GET http://mqtt HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {404, "GET ?/mqtt HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {405, "POST /mqtt HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {405, "get /mqtt HTTP/1.1\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {426, GET END, NULL},
        {426, GET "Connection: Upgrade\r\n" KEY V13 PROTO END, NULL},
        {426, GET "Upgrade: websocket\r\n" KEY V13 PROTO END, NULL},
        {426, GET "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY V13 PROTO END, NULL},
        {426, GET UP KEY PROTO END, NULL},
        {426, GET UP KEY PROTO "Sec-WebSocket-Version: 8\r\n" END, NULL},
        {426, GET UP KEY PROTO "Sec-WebSocket-Version: 13, 8\r\n" END, NULL},
        {400, GET UP V13 PROTO END, NULL},
        {400, GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" END, NULL},
        {400, GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n" END, NULL},
        {400, GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j-Q==\r\n" END, NULL},
        {400, GET UP KEY V13 PROTO KEY END, NULL},
        {400, GET "Host: b\r\n" UP KEY V13 PROTO END, NULL},
        {400, GET UP KEY V13 PROTO V13 END, NULL},
        {400, GET UP KEY V13 PROTO "Origin: a\r\nOrigin: a\r\n" END, NULL},
        {400, "GET /mqtt HTTP/1.1\r\n" UP KEY V13 PROTO END, NULL},
        {400, "GET /mqtt HTTP/1.1\r\nHost:\r\n" UP KEY V13 PROTO END, NULL},
        {400, GET UP KEY V13 END, NULL},
        {400, GET UP KEY V13 "Sec-WebSocket-Protocol: MQTT\r\n" END, NULL},
        {400, GET UP KEY V13 "Sec-WebSocket-Protocol: amqp, x\r\n" END, NULL},
        {400, GET UP KEY V13 PROTO "Transfer-Encoding: chunked\r\n" END, NULL},
        {400, GET UP KEY V13 PROTO "Content-Length: 5\r\n" END, NULL},
        {400, GET UP KEY V13 PROTO "Bad Header: 5\r\n" END, NULL},
        {400, "GET /mqtt\r\nHost: a\r\n" END, NULL},
        {400, "GET  /mqtt HTTP/1.1\r\nHost: a\r\n" END, NULL},
        {400, " /mqtt HTTP/1.1\r\nHost: a\r\n" END, NULL},
        {400, "\r\n", NULL},
        {505, "GET /mqtt HTTP/1.0\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {505, "GET /mqtt HTTP/2.0\r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
        {505, "GET /mqtt HTTP/1.1 \r\nHost: a\r\n" UP KEY V13 PROTO END, NULL},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_span protocol = GW_SPAN_NONE;
        int http_status = judged(rows[i].text, &plain_rules, &protocol);
        if (http_status != rows[i].http_status)
            fail_msg("%d instead of %d for %s", http_status, rows[i].http_status, rows[i].text);
        assert_true(gw_span_equal(protocol, gw_span_str(rows[i].protocol)));
    }
}

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *origins;
        bool names_refused;
        const char *origin; /* NULL: none */
        const char *host;
        bool allowed;
    } rows[] = {
        {"", false, NULL, "b.example", true},
        {"", true, NULL, "b.example", true},
        {"", false, "https://b.example", "b.example", true},
        {"", false, "https://B.example:8084", "b.EXAMPLE:8084", true},
        {"", false, "https://b.example", "b.example:8084", false},
        {"", false, "https://evil.example", "b.example", false},
        {"", false, "null", "b.example", false},
        {"", false, "", "b.example", false},
        {"", true, "https://b.example:8083", "b.example:8083", false},
        {"", true, "https://1.2.example:8083", "1.2.example:8083", false},
        {"", true, "http://localhost:8083", "localhost:8083", true},
        {"", true, "http://127.0.0.1:8083", "127.0.0.1:8083", true},
        {"", true, "http://127.0.0.1", "127.0.0.1", true},
        {"", true, "http://[::1]:8083", "[::1]:8083", true},
        {"", true, "http://:8083", ":8083", false},
        {"*", true, "https://evil.example", "b.example", true},
        {"*", true, "null", "b.example", true},
        {"https://a.example, https://c.example:1", true, "https://C.example:1", "b.example", true},
        {"https://a.example", true, "https://a.example", "b.example", true},
        {"https://a.example", true, "http://a.example", "b.example", false},
        {"https://a.example", true, "https://a.example.evil", "b.example", false},
        {"https://a.example", false, "https://b.example", "b.example", false},
        {"https://a.example", false, NULL, "b.example", true},
        {"null", false, "null", "b.example", true},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        char text[512], origin[128] = "";
        struct gw_wshead_rules rules = {.path = plain_rules.path,
                                        .origins = gw_span_str(rows[i].origins),
                                        .names_refused = rows[i].names_refused};
        if (rows[i].origin)
            snprintf(origin, sizeof origin, "Origin: %s\r\n", rows[i].origin);
        snprintf(text, sizeof text, "GET /mqtt HTTP/1.1\r\nHost: %s\r\n%s" UP KEY V13 PROTO END,
                 rows[i].host, origin);
        int http_status = judged(text, &rules, NULL);
        if (http_status != (rows[i].allowed ? 0 : 403))
            fail_msg("%d in row %zu", http_status, i);
    }
}

static void test_headers_are_counted(void **state)
{
    (void)state;
    char text[GW_HTTPHEAD_SIZE_MAX];
    for (unsigned extra = 57; extra <= 60; extra++) {
        size_t size = (size_t)snprintf(text, sizeof text, GET UP KEY V13 PROTO);
        for (unsigned i = 0; i < extra; i++)
            size += (size_t)snprintf(text + size, sizeof text - size, "X-%u: y\r\n", i);
        snprintf(text + size, sizeof text - size, END);
        assert_int_equal(judged(text, &plain_rules, NULL), extra + 6 <= 64 ? 0 : 431);
    }
}

static void test_what_is_no_http_is_told_at_the_first_byte(void **state)
{
    (void)state;
    assert_null(gw_wshead_other(GW_SPAN_NONE).what);
    assert_null(gw_wshead_other(GW_SPAN_LIT("G")).what);
    assert_non_null(strstr(gw_wshead_other(GW_SPAN_LIT("\x10\x0c")).what, "MQTT CONNECT"));
    assert_non_null(strstr(gw_wshead_other(GW_SPAN_LIT("\x16\x03\x01")).what, "TLS"));
    assert_int_equal(gw_wshead_other(GW_SPAN_LIT("\0")).http_status, 400);
    assert_int_equal(gw_wshead_other(GW_SPAN_LIT("\r\n")).http_status, 400);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        uint16_t http_status;
        const char *contains;
    } rows[] = {
        {400, "HTTP/1.1 400 Bad Request\r\n"},
        {403, "HTTP/1.1 403 Forbidden\r\n"},
        {404, "path /mqtt, subprotocol mqtt.\n"},
        {405, "\r\nAllow: GET\r\n"},
        {426, "\r\nSec-WebSocket-Version: 13\r\n"},
        {426, "\r\nUpgrade: websocket\r\n"},
        {431, "HTTP/1.1 431 "},
        {505, "HTTP/1.1 505 "},
    };
    char answer[GW_WSHEAD_ANSWER_MAX], path[2000], tail[64];
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_wshead_fault fault = {rows[i].http_status, "because"};
        size_t size = gw_wshead_put_refusal(answer, &fault, &plain_rules);
        assert_int_equal(size, strlen(answer));
        assert_non_null(strstr(answer, rows[i].contains));
        const char *body = strstr(answer, "\r\n\r\n") + 4;
        assert_int_equal(strncmp(body, "because.\n", 9), 0);
        snprintf(tail, sizeof tail, "\r\nContent-Length: %zu\r\n", strlen(body));
        assert_non_null(strstr(answer, tail));
    }
    memset(path, 'p', sizeof path);
    struct gw_wshead_rules longer = {.path = gw_span_of(path, sizeof path)};
    struct gw_wshead_fault fault = gw_wshead_too_large();
    assert_true(gw_wshead_put_refusal(answer, &fault, &longer) < sizeof answer);
    size_t size = gw_wshead_put_switch(answer, GW_SPAN_LIT("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                                       GW_SPAN_LIT("mqtt"));
    assert_int_equal(size, strlen(answer));
    assert_string_equal(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_headers_are_counted),
        cmocka_unit_test(test_what_is_no_http_is_told_at_the_first_byte),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
