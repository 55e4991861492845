#include "net/proxied.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/owner.h"
#include "unit/net/toy.h"

#define LINE "PROXY TCP4 10.1.2.3 10.0.0.1 12345 1883\r\n"
/* Version 2 of 10.1.2.3:12345 with a certificate: client bits, verified, the name alice. */
#define CERTIFIED(client, verify)                                                                  \
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x1c\x0a\x01\x02\x03\x0a\x00\x00\x01\x30\x39\x07\x5b"         \
    "\x20\x00\x0d" client "\0\0\0" verify "\x22\x00\x05"                                           \
    "alice"

struct stage {
    struct world *world;
    struct owner *owner;
    struct gw_proxied_rules rules;
    const char *verdict;
    int asked;
    char seen[GW_ADDRESS_TEXT_MAX];
};

static const char *judge(void *ctx, struct gw_conn *conn)
{
    struct stage *stage = ctx;
    stage->asked++;
    assert_ptr_equal(gw_conn_user(conn), stage->owner);
    gw_address_text(gw_conn_peer(conn), stage->seen);
    return stage->verdict;
}

static struct stage *stage_new(bool names_client, bool cert_required, bool toy)
{
    struct stage *stage = calloc(1, sizeof *stage);
    stage->rules = (struct gw_proxied_rules){names_client, cert_required, judge, stage};
    stage->world = world_new(0);
    stage->owner = &stage->world->owners[0];
    struct gw_transport_layer layer = gw_proxied_layer(&stage->rules);
    add_owner(stage->world, 0);
    gw_conn_push(stage->owner->conn, layer.make(layer.ctx));
    if (toy)
        gw_conn_push(stage->owner->conn, &toy_new(false)->base);
    assert_int_equal(gw_conn_attach(stage->owner->conn, stage->world->loop), GW_OK);
    turn(stage->world);
    return stage;
}

static void stage_free(struct stage *stage)
{
    world_free(stage->world);
    free(stage);
}

static void give_bytes(struct stage *stage, struct gw_span bytes)
{
    fake_give(stage->world->fake, stage->owner->socket, bytes.data, bytes.size);
}

static void until_rest(struct stage *stage)
{
    for (int i = 0; i < 300; i++)
        if (fake_sleeps(stage->world->fake, stage->world->loop))
            return;
    fail_msg("the loop does not come to rest");
}

/* The client is who the header says, however its bytes come, and the bytes behind it come whole. */
static void takes_the_header_off(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof LINE + 6; piece++) {
        struct stage *stage = stage_new(false, false, false);
        socket_of(stage->owner)->in.recv_max = piece;
        give(stage->owner, LINE "hello");
        until_rest(stage);
        assert_got(stage->owner, "hello");
        assert_int_equal(stage->asked, 1);
        assert_string_equal(stage->seen, "10.1.2.3:12345");
        give(stage->owner, " world");
        until_rest(stage);
        assert_got(stage->owner, "hello world");
        put(stage->owner, "there");
        turn(stage->world);
        assert_sent(stage->owner, "there");
        assert_int_equal(gw_conn_bytes_in(stage->owner->conn), sizeof LINE - 1 + 11);
        assert_null(gw_conn_peer_name(stage->owner->conn));
        stage_free(stage);
    }
}

/* Another transport stands on it and gets what came together with the header, in its own pieces. */
static void another_transport_stands_on_it(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false, false, true);
    give(stage->owner, LINE "\x02\x48\x49\x05\x57\x4f\x52\x4c\x44");
    until_rest(stage);
    assert_got(stage->owner, "hiworld");
    stage_free(stage);
}

static void knows_a_proved_name(void **state)
{
    (void)state;
    const struct {
        struct gw_span head;
        bool names_client;
        const char *name;
    } rows[] = {
        {GW_SPAN_LIT(CERTIFIED("\x03", "\x00") "x"), true, "alice"},
        {GW_SPAN_LIT(CERTIFIED("\x03", "\x00") "x"), false, NULL},
        {GW_SPAN_LIT(CERTIFIED("\x03", "\x01") "x"), true, NULL},
        {GW_SPAN_LIT(CERTIFIED("\x01", "\x00") "x"), true, NULL},
        {GW_SPAN_LIT(LINE "x"), true, NULL},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_new(rows[i].names_client, false, false);
        give_bytes(stage, rows[i].head);
        until_rest(stage);
        assert_got(stage->owner, "x");
        const char *name = gw_conn_peer_name(stage->owner->conn);
        if (rows[i].name == NULL)
            assert_null(name);
        else
            assert_string_equal(name, rows[i].name);
        stage_free(stage);
    }
}

static void assert_refused(struct stage *stage, const char *what)
{
    until_rest(stage);
    assert_int_equal(stage->owner->bytes_in, 0);
    assert_non_null(gw_conn_trouble(stage->owner->conn));
    assert_non_null(strstr(gw_conn_trouble(stage->owner->conn), what));
    assert_int_equal(socket_of(stage->owner)->out.all.size, 0);
}

static void refuses(void **state)
{
    (void)state;
    const struct {
        struct gw_span bytes;
        const char *what;
    } rows[] = {
        {GW_SPAN_LIT("\x10\x0c\0\4MQTT"), "no PROXY header came"},
        {GW_SPAN_LIT("\x16\x03\x01\x02\x00"), "no PROXY header came"},
        {GW_SPAN_LIT("PROXY TCP4\r\n"), "not as version 1 has it"},
        {GW_SPAN_LIT(LINE "x"), "no certificate"},
        {GW_SPAN_LIT(CERTIFIED("\x03", "\x01") "x"), "no certificate"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_new(true, true, false);
        give_bytes(stage, rows[i].bytes);
        assert_refused(stage, rows[i].what);
        stage_free(stage);
    }
    struct stage *stage = stage_new(false, false, false);
    stage->verdict = "too many of those";
    give(stage->owner, LINE "hello");
    assert_refused(stage, "too many of those");
    stage_free(stage);
}

/* A health check of the proxy, by version 2 or by nothing at all, is the proxy itself. */
static void the_proxy_may_come_itself(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false, false, false);
    stage->verdict = "not asked";
    give_bytes(stage, GW_SPAN_LIT("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00x"));
    until_rest(stage);
    assert_got(stage->owner, "x");
    assert_int_equal(stage->asked, 0);
    stage_free(stage);
    stage = stage_new(false, false, false);
    socket_of(stage->owner)->in.eof = true;
    until_rest(stage);
    assert_int_equal(stage->owner->closed, 1);
    assert_int_equal(stage->owner->end, GW_CONN_END_PEER);
    stage_free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_header_off),
        cmocka_unit_test(another_transport_stands_on_it),
        cmocka_unit_test(knows_a_proved_name),
        cmocka_unit_test(refuses),
        cmocka_unit_test(the_proxy_may_come_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
