#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/tls.h"
#include "unit/net/certs.h"
#include "unit/net/owner.h"

enum { SERVER, CLIENT };

#define LARGE ((size_t)300 * 1000)
#define QUIET 8 /* turns without a byte carried: a reader takes a share in each */

/* A server and a client of ours, whose sockets are carried from one to the other by hand. */
struct stage {
    struct certs certs;
    struct world *world;
    struct gw_tlstickets *tickets;
    struct gw_tlscontext *contexts[2];
    struct gw_transport *tls[2];
    size_t carried[2]; /* bytes of each one's output that the other has */
    size_t step;       /* bytes that are carried at a time, 0: all */
};

static struct gw_tlscontext *context_of(struct gw_tls_options options, const struct certs *certs)
{
    const struct gw_tls_pair pair = {certs->cert, certs->key, NULL};
    struct gw_tlscontext *context;
    struct gw_tlsfault fault = {0};
    options.psk_file = options.psk_file != NULL ? options.psk_file : "";
    options.psk_identity = options.psk_identity != NULL ? options.psk_identity : "";
    options.psk_hex = options.psk_hex != NULL ? options.psk_hex : "";
    options.ca_path = options.crl = options.ciphers = options.ciphersuites = options.curves = "";
    options.alpn = "mqtt";
    options.version_min = 12;
    options.ca_file = options.ca_file != NULL ? options.ca_file : certs->cert;
    if (options.pairs == NULL &&
        (options.server || options.client_cert != GW_TLS_CLIENT_CERT_OFF)) {
        options.pairs = &pair;
        options.pair_count = 1;
    }
    if (gw_tlscontext_new(&options, &context, &fault) != GW_OK)
        fail_msg("%s %s", fault.code, fault.what);
    return context;
}

static void join(struct stage *stage, int i, struct gw_transport *tls)
{
    assert_non_null(tls);
    stage->tls[i] = tls;
    add_owner(stage->world, i);
    gw_conn_push(stage->world->owners[i].conn, tls);
    assert_int_equal(gw_conn_attach(stage->world->owners[i].conn, stage->world->loop), GW_OK);
}

static struct stage *stage_of(struct gw_tls_options server, struct gw_tls_options client,
                              const char *host)
{
    struct stage *stage = calloc(1, sizeof *stage);
    stage->world = world_new(0);
    certs_open(&stage->certs, "myhost", "DNS:myhost,DNS:other,IP:127.0.0.1");
    stage->tickets = gw_tlstickets_new(&stage->world->fake->clock);
    server.server = true;
    server.tickets = stage->tickets;
    stage->contexts[SERVER] = context_of(server, &stage->certs);
    stage->contexts[CLIENT] = context_of(client, &stage->certs);
    join(stage, SERVER, gw_tls_server(stage->contexts[SERVER]));
    join(stage, CLIENT, gw_tls_client(stage->contexts[CLIENT], host));
    return stage;
}

static struct stage *stage_new(void)
{
    return stage_of((struct gw_tls_options){0}, (struct gw_tls_options){0}, "myhost");
}

static void stage_free(struct stage *stage)
{
    world_free(stage->world);
    gw_tlscontext_unref(stage->contexts[SERVER]);
    gw_tlscontext_unref(stage->contexts[CLIENT]);
    gw_tlstickets_free(stage->tickets);
    certs_close(&stage->certs);
    free(stage);
}

static bool carry(struct stage *stage, int from)
{
    struct fake *fake = stage->world->fake;
    struct fake_socket *out = &fake->sockets[stage->world->owners[from].socket];
    struct fake_socket *in = &fake->sockets[stage->world->owners[1 - from].socket];
    size_t left = out->out.all.size - stage->carried[from];
    size_t size = stage->step != 0 && left > stage->step ? stage->step : left;
    if (size == 0 || !in->open)
        return false;
    fake_append(&in->in.all, out->out.all.bytes + stage->carried[from], size);
    stage->carried[from] += size;
    return true;
}

/* Carries until nothing moves any more. */
static void run(struct stage *stage)
{
    int still = 0;
    for (int i = 0; i < 100000 && still < QUIET; i++) {
        fake_turn(stage->world->fake, stage->world->loop);
        fake_turn(stage->world->fake, stage->world->other);
        bool moved = carry(stage, SERVER);
        moved |= carry(stage, CLIENT);
        still = moved ? 0 : still + 1;
    }
    assert_int_equal(still, QUIET);
}

static struct owner *owner_of(struct stage *stage, int i)
{
    return &stage->world->owners[i];
}

static void greets_and_passes_bytes(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    put(owner_of(stage, CLIENT), "hello");
    run(stage);
    assert_got(owner_of(stage, SERVER), "hello");
    put(owner_of(stage, SERVER), "world");
    run(stage);
    assert_got(owner_of(stage, CLIENT), "world");
    struct gw_transport_story story;
    gw_conn_describe(owner_of(stage, SERVER)->conn, &story);
    assert_string_equal(story.protocol, "TLSv1.3");
    assert_string_equal(story.server_name, "myhost");
    assert_null(story.peer_name);
    assert_int_equal(gw_loop_counters(stage->world->loop)->handshakes, 2);
    assert_int_equal(gw_conn_bytes_in(owner_of(stage, SERVER)->conn), stage->carried[CLIENT]);
    stage_free(stage);
}

static void passes_byte_by_byte(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    stage->step = 1;
    put(owner_of(stage, CLIENT), "hello");
    run(stage);
    assert_got(owner_of(stage, SERVER), "hello");
    stage_free(stage);
}

static void put_large(struct owner *owner)
{
    uint8_t *bytes = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t at = 0, size = 1; at < LARGE; at += size, size = size * 3 % 40009 + 1) {
        size_t part = size < LARGE - at ? size : LARGE - at;
        assert_int_equal(gw_conn_write(owner->conn, gw_span_of(bytes + at, part)), GW_OK);
    }
    free(bytes);
}

static void check_large(struct owner *owner)
{
    for (size_t i = 0; i < sizeof owner->bytes; i++)
        assert_int_equal(owner->bytes[i], (uint8_t)(i * 7 + i / 251));
    assert_int_equal(owner->bytes_in, LARGE);
}

/* A window that opens by odd amounts: every record is cut somewhere and written again. */
static void large_output_through_a_small_window(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    run(stage);
    put(owner_of(stage, CLIENT), "x");
    run(stage);
    put_large(owner_of(stage, SERVER));
    struct fake_socket *socket = socket_of(owner_of(stage, SERVER));
    for (int i = 0; i < 400; i++) {
        socket->out.window = 997;
        run(stage);
        if (i % 50 == 0)
            put(owner_of(stage, CLIENT), "meanwhile");
    }
    assert_int_equal(gw_conn_output_size(owner_of(stage, SERVER)->conn), 0);
    check_large(owner_of(stage, CLIENT));
    assert_int_equal(owner_of(stage, SERVER)->bytes_in, 1 + 8 * 9);
    stage_free(stage);
}

/* More than one read buffer decoded at once is not left lying. */
static void large_input_at_once(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    put(owner_of(stage, CLIENT), "x");
    run(stage);
    put_large(owner_of(stage, SERVER));
    run(stage);
    check_large(owner_of(stage, CLIENT));
    stage_free(stage);
}

static void a_handshake_waits_for_its_window(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    struct fake_socket *socket = socket_of(owner_of(stage, SERVER));
    socket->out.window = 100;
    put(owner_of(stage, CLIENT), "hello");
    run(stage);
    assert_true((socket->interest & GW_POLL_WRITE) != 0);
    assert_int_equal(owner_of(stage, SERVER)->size, 0);
    socket->out.window = SIZE_MAX;
    run(stage);
    assert_got(owner_of(stage, SERVER), "hello");
    stage_free(stage);
}

static void detach(struct owner *owner)
{
    owner->do_bytes = NULL;
    gw_conn_detach(owner->conn);
}

static void moves_to_another_loop(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    owner_of(stage, SERVER)->do_bytes = detach;
    put(owner_of(stage, CLIENT), "hello");
    run(stage);
    put(owner_of(stage, CLIENT), " and more");
    run(stage);
    assert_got(owner_of(stage, SERVER), "hello");
    assert_int_equal(gw_conn_attach(owner_of(stage, SERVER)->conn, stage->world->other), GW_OK);
    put(owner_of(stage, SERVER), "there");
    run(stage);
    assert_got(owner_of(stage, SERVER), "hello and more");
    assert_got(owner_of(stage, CLIENT), "there");
    stage_free(stage);
}

static void says_goodbye(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    put(owner_of(stage, CLIENT), "x");
    run(stage);
    put(owner_of(stage, SERVER), "last words");
    close_conn(owner_of(stage, SERVER), true, GW_NS_PER_S);
    run(stage);
    assert_got(owner_of(stage, CLIENT), "last words");
    assert_int_equal(owner_of(stage, CLIENT)->closed, 1);
    assert_int_equal(owner_of(stage, CLIENT)->end, GW_CONN_END_PEER);
    stage_free(stage);
}

static void keep_trouble(struct owner *owner)
{
    snprintf((char *)owner->bytes, sizeof owner->bytes, "%s", gw_conn_trouble(owner->conn));
}

static void ends_with(struct stage *stage, int i, const char *words)
{
    struct owner *owner = owner_of(stage, i);
    owner->do_closed = keep_trouble;
    run(stage);
    stage->world->fake->now += GW_NS_PER_S;
    run(stage);
    assert_int_equal(owner->closed, 1);
    assert_int_equal(owner->end, GW_CONN_END_TRANSPORT);
    if (strstr((char *)owner->bytes, words) == NULL)
        fail_msg("wanted %s, got %s", words, (char *)owner->bytes);
}

static void strangers_are_told_apart(void **state)
{
    static const struct {
        const char *bytes, *words;
    } rows[] = {
        {"\x10\x0c____________", "plain MQTT on a TLS port"},
        {"GET / HTTP/1.1\r\n\r\n", "an HTTP request on a TLS port"},
        {"\x01garbage garbage", "what came is not TLS"},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_new();
        give(owner_of(stage, SERVER), rows[i].bytes);
        stage->step = SIZE_MAX;
        ends_with(stage, SERVER, rows[i].words);
        assert_int_equal(gw_loop_counters(stage->world->loop)->handshakes_failed, 1);
        stage_free(stage);
    }
}

static void names_that_differ_are_told(void **state)
{
    (void)state;
    struct stage *stage =
        stage_of((struct gw_tls_options){0}, (struct gw_tls_options){0}, "broker.lan");
    put(owner_of(stage, CLIENT), "secret");
    ends_with(stage, CLIENT, "ostname mismatch");
    assert_int_equal(owner_of(stage, SERVER)->bytes_in, 0);
    stage_free(stage);
}

static void client_certificates_name_their_owner(void **state)
{
    (void)state;
    struct stage *stage =
        stage_of((struct gw_tls_options){.client_cert = GW_TLS_CLIENT_CERT_REQUIRED,
                                         .identity = GW_TLS_IDENTITY_CN},
                 (struct gw_tls_options){.client_cert = GW_TLS_CLIENT_CERT_REQUIRED}, "127.0.0.1");
    put(owner_of(stage, CLIENT), "hello");
    run(stage);
    assert_got(owner_of(stage, SERVER), "hello");
    assert_string_equal(gw_conn_peer_name(owner_of(stage, SERVER)->conn), "myhost");
    stage_free(stage);
}

static void a_missing_client_certificate_is_told(void **state)
{
    (void)state;
    struct stage *stage =
        stage_of((struct gw_tls_options){.client_cert = GW_TLS_CLIENT_CERT_REQUIRED},
                 (struct gw_tls_options){0}, "myhost");
    put(owner_of(stage, CLIENT), "hello");
    ends_with(stage, SERVER, "the client sent no certificate");
    stage_free(stage);
}

/* -- pre-shared keys -- */

#define KEY   "000102030405060708090a0b0c0d0e0f"
#define WRONG "000102030405060708090a0b0c0d0eff"

/* A server that has keys, with a certificate or without one, and a client with one of its own. */
static struct stage *stage_with_keys(bool certified, int version, const char *identity,
                                     const char *hex)
{
    static const char text[] = "other:ff\nalice:" KEY "\n";
    static const struct gw_tls_pair none = {"", "", NULL};
    char path[] = "/tmp/godwit-keys-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1);
    close(fd);
    struct gw_tls_options server = {.psk_file = path,
                                    .version_max = version,
                                    .identity = GW_TLS_IDENTITY_CN,
                                    .pairs = certified ? NULL : &none,
                                    .pair_count = 1};
    struct gw_tls_options client = {
        .psk_identity = identity, .psk_hex = hex, .ca_file = hex != NULL ? "" : NULL};
    struct stage *stage = stage_of(server, client, "127.0.0.1");
    unlink(path);
    return stage;
}

static void keys_take_the_place_of_certificates(void **state)
{
    static const struct {
        bool certified;
        int version;
        const char *words;
    } rows[] = {{false, 12, "TLSv1.2"},
                {false, 13, "TLSv1.3"},
                {true, 12, "TLSv1.2"},
                {true, 13, "TLSv1.3"}};
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_with_keys(rows[i].certified, rows[i].version, "alice", KEY);
        struct gw_transport_story story;
        put(owner_of(stage, CLIENT), "hello");
        run(stage);
        assert_got(owner_of(stage, SERVER), "hello");
        gw_conn_describe(owner_of(stage, SERVER)->conn, &story);
        assert_string_equal(story.protocol, rows[i].words);
        assert_string_equal(story.peer_name, "alice");
        stage_free(stage);
    }
}

static void keys_that_are_not_right_are_told(void **state)
{
    static const struct {
        bool certified;
        int version;
        const char *identity, *hex, *words;
    } rows[] = {
        {false, 12, "alice", WRONG, "key is wrong, for the identity \"alice\""},
        {false, 13, "alice", WRONG, "key is wrong, for the identity \"alice\""},
        {true, 12, "alice", "00", "key is wrong, for the identity \"alice\""},
        {false, 12, "mallory", KEY, "no pre-shared key for the identity \"mallory\""},
        {false, 13, "mallory", KEY, "no pre-shared key for the identity \"mallory\""},
        {true, 12, "mallory", KEY, "no pre-shared key for the identity \"mallory\""},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage =
            stage_with_keys(rows[i].certified, rows[i].version, rows[i].identity, rows[i].hex);
        put(owner_of(stage, CLIENT), "hello");
        ends_with(stage, SERVER, rows[i].words);
        assert_int_equal(owner_of(stage, SERVER)->bytes_in, 0);
        stage_free(stage);
    }
}

/* TLS 1.3 shows its certificate then; who has come by a key does not look at it. */
static void a_client_with_a_key_takes_no_certificate(void **state)
{
    (void)state;
    struct stage *stage = stage_with_keys(true, 13, "mallory", KEY);
    put(owner_of(stage, CLIENT), "hello");
    ends_with(stage, CLIENT, "the server's certificate is not good");
    assert_int_equal(owner_of(stage, SERVER)->bytes_in, 0);
    stage_free(stage);
}

/* Who comes to the same listener with a certificate is who that says. */
static void keys_and_certificates_live_together(void **state)
{
    (void)state;
    struct stage *stage = stage_with_keys(true, 13, NULL, NULL);
    put(owner_of(stage, CLIENT), "hello");
    run(stage);
    assert_got(owner_of(stage, SERVER), "hello");
    assert_null(gw_conn_peer_name(owner_of(stage, SERVER)->conn));
    stage_free(stage);
}

/* What the peer sent before it reset the connection is read, TLS or not. */
static void a_failed_write_leaves_the_input(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    put(owner_of(stage, CLIENT), "x");
    run(stage);
    put(owner_of(stage, CLIENT), "before the end");
    fake_turn(stage->world->fake, stage->world->loop);
    socket_of(owner_of(stage, SERVER))->out.error = ECONNRESET;
    put(owner_of(stage, SERVER), "lost");
    fake_turn(stage->world->fake, stage->world->loop);
    carry(stage, CLIENT);
    socket_of(owner_of(stage, SERVER))->in.eof = true;
    fake_turn(stage->world->fake, stage->world->loop);
    fake_turn(stage->world->fake, stage->world->loop);
    assert_got(owner_of(stage, SERVER), "xbefore the end");
    assert_int_equal(owner_of(stage, SERVER)->closed, 1);
    assert_int_equal(owner_of(stage, SERVER)->end, GW_CONN_END_ERROR);
    stage_free(stage);
}

static void slots_change_contexts(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    struct gw_tls_slot *slot = gw_tls_slot_new(stage->contexts[SERVER]);
    assert_non_null(slot);
    struct gw_transport_layer layer = gw_tls_slot_layer(slot);
    struct gw_transport *first = layer.make(layer.ctx);
    struct gw_tlscontext *next = context_of((struct gw_tls_options){.server = true}, &stage->certs);
    gw_tls_slot_put(slot, next);
    gw_tlscontext_unref(next);
    struct gw_transport *second = layer.make(layer.ctx);
    assert_non_null(first);
    assert_non_null(second);
    gw_tls_slot_free(slot); /* both keep what they were made from */
    gw_transport_free(first);
    gw_transport_free(second);
    run(stage);
    stage_free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greets_and_passes_bytes),
        cmocka_unit_test(passes_byte_by_byte),
        cmocka_unit_test(large_output_through_a_small_window),
        cmocka_unit_test(large_input_at_once),
        cmocka_unit_test(a_handshake_waits_for_its_window),
        cmocka_unit_test(moves_to_another_loop),
        cmocka_unit_test(says_goodbye),
        cmocka_unit_test(strangers_are_told_apart),
        cmocka_unit_test(names_that_differ_are_told),
        cmocka_unit_test(client_certificates_name_their_owner),
        cmocka_unit_test(a_missing_client_certificate_is_told),
        cmocka_unit_test(keys_take_the_place_of_certificates),
        cmocka_unit_test(keys_that_are_not_right_are_told),
        cmocka_unit_test(a_client_with_a_key_takes_no_certificate),
        cmocka_unit_test(keys_and_certificates_live_together),
        cmocka_unit_test(a_failed_write_leaves_the_input),
        cmocka_unit_test(slots_change_contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
