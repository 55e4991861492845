#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "net/ws.h"
#include "unit/net/owner.h"
#include "unit/net/toy.h"

#define HEAD                                                                                       \
    "GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n"
#define ANSWER                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"

static struct gw_ws_listener plain = {.path = "/mqtt"};

struct stage {
    struct world *world;
    struct owner *server; /* over what make_server makes */
    struct owner *client; /* NULL: the test plays the client */
    size_t carried[2];    /* bytes on their way that arrived, from the server, from the client */
};

static struct owner *add(struct stage *stage, int i, struct gw_transport *transport)
{
    struct owner *owner = &stage->world->owners[i];
    add_owner(stage->world, i);
    assert_non_null(transport);
    gw_conn_push(owner->conn, transport);
    assert_int_equal(gw_conn_attach(owner->conn, stage->world->loop), GW_OK);
    return owner;
}

static struct stage *stage_new(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    stage->world = world_new(0);
    stage->server = add(stage, 0, gw_ws_make(&plain));
    turn(stage->world);
    return stage;
}

static struct stage *stage_with_client(void)
{
    struct stage *stage = stage_new();
    stage->client =
        add(stage, 1, gw_ws_dial(GW_SPAN_LIT("localhost:8083"), GW_SPAN_LIT("/mqtt?x=1")));
    return stage;
}

static void stage_free(struct stage *stage)
{
    world_free(stage->world);
    free(stage);
}

static void rest(struct stage *stage)
{
    for (int i = 0; i < 1000; i++)
        if (fake_sleeps(stage->world->fake, stage->world->loop))
            return;
    fail_msg("the loop does not come to rest");
}

/* Carries what one side sent to the other, and an end of its stream. */
static bool carry(struct stage *stage, struct owner *from, struct owner *to, size_t *carried,
                  size_t most)
{
    struct fake_socket *source = socket_of(from);
    size_t size = source->out.all.size - *carried;
    if (!socket_of(to)->open)
        return false;
    size = size < most ? size : most;
    fake_give(stage->world->fake, to->socket, source->out.all.bytes + *carried, size);
    *carried += size;
    bool ends = source->out.shut && !socket_of(to)->in.eof;
    if (ends && *carried == source->out.all.size)
        socket_of(to)->in.eof = true;
    return size > 0;
}

/* Lets both sides talk, at most `most` bytes at a time, until all is said. */
static void talk(struct stage *stage, size_t most)
{
    bool more = true;
    for (int i = 0; i < 100000 && more; i++) {
        turn(stage->world);
        more = carry(stage, stage->client, stage->server, &stage->carried[1], most);
        more |= carry(stage, stage->server, stage->client, &stage->carried[0], most);
        more |= !fake_sleeps(stage->world->fake, stage->world->loop);
    }
    rest(stage);
}

/* A frame of a client whose mask is 0. */
static void give_frame(struct stage *stage, uint8_t first, const void *payload, size_t size)
{
    static const uint8_t mask[GW_WSFRAME_MASK_SIZE] = {0};
    uint8_t head[GW_WSFRAME_HEAD_MAX];
    size_t head_size = gw_wsframe_put_head(head, GW_WSFRAME_BINARY, size, mask);
    head[0] = first;
    fake_give(stage->world->fake, stage->server->socket, head, head_size);
    fake_give(stage->world->fake, stage->server->socket, payload, size);
}

static void open_up(struct stage *stage)
{
    give(stage->server, HEAD);
    rest(stage);
    assert_sent(stage->server, ANSWER);
    socket_of(stage->server)->out.all.size = 0;
}

static void assert_out(struct stage *stage, const char *bytes, size_t size)
{
    const struct fake_bytes *out = &socket_of(stage->server)->out.all;
    assert_int_equal(out->size, size);
    assert_memory_equal(out->bytes, bytes, size);
}

static void pass(struct stage *stage, gw_mono_ns time)
{
    stage->world->fake->now += time;
    rest(stage);
}

/* -- opening -- */

static void test_it_opens_and_carries_bytes(void **state)
{
    (void)state;
    for (size_t at_once = 0; at_once < 3; at_once++) {
        struct stage *stage = stage_new();
        socket_of(stage->server)->in.recv_max = at_once;
        give(stage->server, HEAD);
        give_frame(stage, 0x02, "he", 2); /* right behind the request */
        give_frame(stage, 0x80, "llo", 3);
        rest(stage);
        assert_sent(stage->server, ANSWER);
        assert_got(stage->server, "hello");
        socket_of(stage->server)->out.all.size = 0;
        put(stage->server, "to ");
        put(stage->server, "you");
        rest(stage);
        assert_out(stage, "\x82\x06to you", 8); /* one frame a flush */
        assert_int_equal(gw_conn_bytes_in(stage->server->conn), sizeof HEAD - 1 + 8 + 9);
        stage_free(stage);
    }
}

static void test_both_ends_understand_each_other(void **state)
{
    (void)state;
    static const size_t mosts[] = {SIZE_MAX, 1, 7, 1000};
    static uint8_t bytes[40000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    for (size_t i = 0; i < GW_COUNT_OF(mosts); i++) {
        struct stage *stage = stage_with_client();
        size_t size = mosts[i] < 10 ? 300 : sizeof bytes;
        put(stage->client, "early"); /* waits for the answer */
        talk(stage, mosts[i]);
        assert_got(stage->server, "early");
        put(stage->server, "answer");
        assert_int_equal(gw_conn_write(stage->client->conn, gw_span_of(bytes, size)), GW_OK);
        talk(stage, mosts[i]);
        assert_got(stage->client, "answer");
        assert_int_equal(stage->server->bytes_in, 5 + size);
        size_t seen = sizeof stage->server->bytes - 5;
        assert_memory_equal(stage->server->bytes + 5, bytes, seen < size ? seen : size);
        close_conn(stage->client, true, GW_NS_PER_S);
        talk(stage, mosts[i]);
        assert_int_equal(stage->server->closed, 1);
        assert_int_equal(stage->server->end, GW_CONN_END_PEER);
        stage_free(stage);
    }
}

static const char *story_path(struct stage *stage)
{
    struct gw_transport_story story;
    gw_conn_describe(stage->server->conn, &story);
    return story.path;
}

static const char *story_trouble;
static const char *story_origin;

static void note_story(struct owner *owner)
{
    static char trouble[200], origin[300];
    struct gw_transport_story story;
    gw_conn_describe(owner->conn, &story);
    snprintf(trouble, sizeof trouble, "%s", gw_conn_trouble(owner->conn));
    snprintf(origin, sizeof origin, "%s", story.origin ? story.origin : "");
    story_trouble = trouble;
    story_origin = origin;
}

static void test_what_is_no_such_request_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *answer, *trouble;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "there is nothing at this path"},
        {"GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 ",
         "this is no request for a WebSocket"},
        {"\x10\x0c", "HTTP/1.1 400 ",
         "an MQTT CONNECT came to a WebSocket port; plain MQTT has a port of its own"},
        {"GET\n\n", "HTTP/1.1 400 ", "this is no HTTP request"},
        {"GET /mqtt HTTP/1.1\r\nHost: a\r\nOrigin: https://evil\r\nUpgrade: websocket\r\n"
         "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
         "HTTP/1.1 403 ",
         "the page comes from another origin; the listener's origins must name it"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_new();
        stage->server->do_closed = note_story;
        give(stage->server, rows[i].text);
        rest(stage);
        const struct fake_bytes *out = &socket_of(stage->server)->out.all;
        assert_true(out->size > strlen(rows[i].answer));
        assert_memory_equal(out->bytes, rows[i].answer, strlen(rows[i].answer));
        assert_true(socket_of(stage->server)->out.shut);
        pass(stage, 2 * GW_NS_PER_S);
        assert_int_equal(stage->server->end, GW_CONN_END_TRANSPORT);
        assert_int_equal(stage->server->bytes_in, 0);
        assert_string_equal(story_trouble, rows[i].trouble);
        assert_string_equal(story_origin, i == 4 ? "https://evil" : "");
        stage_free(stage);
    }
}

static void test_a_head_without_end_is_refused_at_its_limit(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    char line[64];
    memset(line, 'x', sizeof line);
    give(stage->server, "GET /mqtt HTTP/1.1\r\n");
    for (size_t size = 20; size <= GW_HTTPHEAD_SIZE_MAX - sizeof line; size += sizeof line)
        fake_give(stage->world->fake, stage->server->socket, line, sizeof line);
    rest(stage);
    assert_int_equal(socket_of(stage->server)->out.all.size, 0);
    fake_give(stage->world->fake, stage->server->socket, line, sizeof line);
    rest(stage);
    assert_memory_equal(socket_of(stage->server)->out.all.bytes, "HTTP/1.1 431 ", 13);
    stage_free(stage);
}

static void test_a_client_is_told_what_the_server_said(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *trouble;
    } rows[] = {
        {"HTTP/1.1 404 Not Found\r\n\r\n", "the server refused the WebSocket: 404 Not Found"},
        {"\x20\x02", NULL},
        {"nonsense\r\n\r\n", "no WebSocket there: the answer is no HTTP"},
        {ANSWER, "no WebSocket there: the answer is not to this request (Sec-WebSocket-Accept)"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_with_client();
        stage->client->do_closed = note_story;
        turn(stage->world);
        give(stage->client, rows[i].answer);
        rest(stage);
        pass(stage, 2 * GW_NS_PER_S);
        assert_int_equal(stage->client->closed, rows[i].trouble != NULL);
        if (rows[i].trouble)
            assert_string_equal(story_trouble, rows[i].trouble);
        stage_free(stage);
    }
    assert_null(gw_ws_dial(GW_SPAN_LIT("a"), GW_SPAN_LIT("/a b")));
    assert_null(gw_ws_dial(GW_SPAN_LIT("a\r\nx: y"), GW_SPAN_LIT("/a")));
}

/* -- control frames -- */

static void test_pings_are_answered_the_last_if_many_came(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    open_up(stage);
    give_frame(stage, 0x89, "one", 3);
    rest(stage);
    assert_out(stage, "\x8A\x03one", 5);
    for (int i = 0; i < 100; i++)
        give_frame(stage, 0x89, "many", 4);
    give_frame(stage, 0x02, "da", 2);
    give_frame(stage, 0x89, "last", 4);
    give_frame(stage, 0x80, "ta", 2);
    give_frame(stage, 0x8A, "a pong nobody asked for", 23);
    rest(stage);
    assert_out(stage, "\x8A\x03one\x8A\x04last", 11);
    assert_got(stage->server, "data");
    stage_free(stage);
}

/* Who pings and does not read: what waits stays small, and all comes once he reads. */
static void test_pings_without_reading_cost_nothing(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    char payload[GW_WSFRAME_CONTROL_MAX];
    memset(payload, 'p', sizeof payload);
    open_up(stage);
    socket_of(stage->server)->out.window = 1; /* of the first pong */
    for (int i = 0; i < 3000; i++) {
        give_frame(stage, 0x89, payload, sizeof payload);
        if (i % 100 == 0)
            turn(stage->world);
    }
    give_frame(stage, 0x89, "end", 3);
    rest(stage);
    assert_int_equal(stage->server->closed, 0);
    assert_int_equal(socket_of(stage->server)->in.at, socket_of(stage->server)->in.all.size);
    put(stage->server, "waits too");
    rest(stage);
    assert_int_equal(socket_of(stage->server)->out.all.size, 1);
    socket_of(stage->server)->out.window = SIZE_MAX;
    rest(stage);
    const struct fake_bytes *out = &socket_of(stage->server)->out.all;
    assert_int_equal(out->size, 2 + sizeof payload + 5 + 11);
    assert_memory_equal(out->bytes + 2 + sizeof payload,
                        "\x8A\x03"
                        "end\x82\x09waits too",
                        16);
    stage_free(stage);
}

static void test_a_close_is_answered_with_its_code(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        uint8_t size;
        const char *answer;
        enum gw_conn_end end;
    } rows[] = {
        {"\x03\xE8", 2, "\x88\x02\x03\xE8", GW_CONN_END_PEER},
        {"\x0B\xB8why", 5, "\x88\x02\x0B\xB8", GW_CONN_END_PEER},
        {"", 0, "\x88\x00", GW_CONN_END_PEER},
        {"\x03", 1, "\x88\x20\x03\xEA", GW_CONN_END_TRANSPORT},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_new();
        open_up(stage);
        socket_of(stage->server)->in.recv_max = i % 2; /* in parts too */
        give_frame(stage, 0x82, "last", 4);
        give_frame(stage, 0x88, rows[i].payload, rows[i].size);
        give_frame(stage, 0x82, "too late", 8);
        rest(stage);
        assert_got(stage->server, "last");
        const struct fake_bytes *out = &socket_of(stage->server)->out.all;
        assert_true(out->size >= 2);
        assert_memory_equal(out->bytes, rows[i].answer, out->size > 4 ? 4 : out->size);
        pass(stage, 2 * GW_NS_PER_S);
        assert_int_equal(stage->server->closed, 1);
        assert_int_equal(stage->server->end, rows[i].end);
        stage_free(stage);
    }
}

static void test_closing_says_so_after_the_last_byte(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    open_up(stage);
    socket_of(stage->server)->out.send_max = 3;
    put(stage->server, "farewell");
    close_conn(stage->server, true, GW_NS_PER_S);
    rest(stage);
    assert_out(stage,
               "\x82\x08"
               "farewell\x88\x02\x03\xE8",
               14);
    assert_true(socket_of(stage->server)->out.shut);
    give_frame(stage, 0x88, "\x03\xE8", 2);
    socket_of(stage->server)->in.eof = true;
    rest(stage);
    assert_int_equal(stage->server->end, GW_CONN_END_LOCAL);
    stage_free(stage);
}

static void test_a_broken_frame_ends_it_with_a_code(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *close;
        const char *trouble;
    } rows[] = {
        {"\x81\x80\0\0\0\0", 6, "\x03\xEB", "MQTT goes in binary frames, not in text"},
        {"\x82\x01x", 3, "\x03\xEA", "a client's frame without mask"},
        {"\xC2\x80\0\0\0\0", 6, "\x03\xEA", "reserved bits without an extension"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stage *stage = stage_new();
        stage->server->do_closed = note_story;
        open_up(stage);
        give_frame(stage, 0x82, "before", 6);
        fake_give(stage->world->fake, stage->server->socket, rows[i].bytes, rows[i].size);
        give_frame(stage, 0x82, "behind", 6);
        rest(stage);
        assert_got(stage->server, "before");
        size_t words = strlen(rows[i].trouble);
        const struct fake_bytes *out = &socket_of(stage->server)->out.all;
        assert_int_equal(out->size, 4 + words);
        assert_int_equal(out->bytes[0], 0x88);
        assert_memory_equal(out->bytes + 2, rows[i].close, 2);
        assert_memory_equal(out->bytes + 4, rows[i].trouble, words);
        pass(stage, 2 * GW_NS_PER_S);
        assert_int_equal(stage->server->end, GW_CONN_END_TRANSPORT);
        assert_string_equal(story_trouble, rows[i].trouble);
        stage_free(stage);
    }
}

/* -- partial writes -- */

/* Whatever the socket takes at a time, whole frames come out, in order, pongs between them. */
static void test_partial_writes_keep_frames_whole(void **state)
{
    (void)state;
    for (size_t window = 1; window < 40; window++) {
        struct stage *stage = stage_new();
        open_up(stage);
        struct fake_socket *socket = socket_of(stage->server);
        socket->out.window = window;
        put(stage->server, "the first flush, ");
        turn(stage->world);
        give_frame(stage, 0x89, "ping", 4);
        turn(stage->world);
        put(stage->server, "and the second");
        turn(stage->world);
        assert_true(socket->out.all.size <= window);
        socket->out.window = SIZE_MAX;
        rest(stage);
        struct gw_wsframe frame;
        struct gw_wsframe_piece piece;
        struct gw_wsframe_fault fault;
        struct gw_wsframe_bytes bytes = {socket->out.all.bytes, socket->out.all.size};
        char data[64];
        size_t size = 0;
        int pongs = 0;
        gw_wsframe_init(&frame, GW_WSFRAME_FROM_SERVER);
        while (gw_wsframe_next(&frame, &bytes, &piece, &fault) == GW_OK) {
            assert_true(piece.last);
            if (piece.opcode == GW_WSFRAME_BINARY) {
                memcpy(data + size, piece.data, piece.size);
                size += piece.size;
                continue;
            }
            assert_int_equal(piece.opcode, GW_WSFRAME_PONG);
            pongs++;
        }
        assert_int_equal(bytes.size, 0);
        assert_int_equal(pongs, 1);
        assert_int_equal(size, 31);
        assert_memory_equal(data, "the first flush, and the second", size);
        stage_free(stage);
    }
}

static void test_corked_output_does_not_spin(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    open_up(stage);
    socket_of(stage->server)->out.window = 4;
    put(stage->server, "half of it");
    turn(stage->world);
    stage->world->calls++;
    gw_conn_cork(stage->server->conn, true);
    stage->world->calls--;
    give_frame(stage, 0x89, "ping", 4);
    socket_of(stage->server)->out.window = SIZE_MAX;
    rest(stage);
    assert_out(stage, "\x82\x0Aha", 4); /* a pong cannot stand within a frame */
    stage->world->calls++;
    gw_conn_cork(stage->server->conn, false);
    stage->world->calls--;
    rest(stage);
    assert_out(stage, "\x82\x0Ahalf of it\x8A\x04ping", 18);
    stage_free(stage);
}

static void test_the_answer_may_go_in_parts(void **state)
{
    (void)state;
    struct stage *stage = stage_new();
    socket_of(stage->server)->out.window = 10;
    give(stage->server, HEAD);
    give_frame(stage, 0x82, "eager", 5);
    rest(stage);
    assert_got(stage->server, "eager");
    put(stage->server, "ok");
    rest(stage);
    assert_int_equal(socket_of(stage->server)->out.all.size, 10);
    socket_of(stage->server)->out.window = SIZE_MAX;
    rest(stage);
    const struct fake_bytes *out = &socket_of(stage->server)->out.all;
    assert_memory_equal(out->bytes, ANSWER, sizeof ANSWER - 1);
    assert_memory_equal(out->bytes + sizeof ANSWER - 1, "\x82\x02ok", 4);
    stage_free(stage);
}

/* -- on another transport -- */

static void test_it_stands_on_another_transport(void **state)
{
    (void)state;
    struct stage *stage = calloc(1, sizeof *stage);
    int frees = 0;
    stage->world = world_new(0);
    stage->server = &stage->world->owners[0];
    add_owner(stage->world, 0);
    struct toy *toy = toy_new(false);
    toy->frees = &frees;
    toy->give_max = 5;
    gw_conn_push(stage->server->conn, &toy->base);
    gw_conn_push(stage->server->conn, gw_ws_make(&plain));
    assert_int_equal(gw_conn_attach(stage->server->conn, stage->world->loop), GW_OK);
    /* Records of the toy: a length byte, then bytes xored with its mask. */
    static const char head[] = HEAD "\x82\x82\0\0\0\0hi";
    for (size_t at = 0; at < sizeof head - 1;) {
        size_t size = sizeof head - 1 - at < 60 ? sizeof head - 1 - at : 60;
        uint8_t record[61] = {(uint8_t)size};
        for (size_t i = 0; i < size; i++)
            record[1 + i] = (uint8_t)head[at + i] ^ TOY_MASK;
        fake_give(stage->world->fake, stage->server->socket, record, 1 + size);
        rest(stage);
        at += size;
    }
    assert_got(stage->server, "hi");
    assert_string_equal(story_path(stage), "/mqtt");
    assert_int_equal(socket_of(stage->server)->out.all.bytes[1], 'H' ^ TOY_MASK);
    close_conn(stage->server, true, GW_NS_PER_S);
    rest(stage);
    const struct fake_bytes *out = &socket_of(stage->server)->out.all;
    assert_memory_equal(out->bytes + out->size - 6, "\x04\xA8\x22\x23\xC8!", 6);
    stage_free(stage);
    assert_int_equal(frees, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_opens_and_carries_bytes),
        cmocka_unit_test(test_both_ends_understand_each_other),
        cmocka_unit_test(test_what_is_no_such_request_is_refused_in_words),
        cmocka_unit_test(test_a_head_without_end_is_refused_at_its_limit),
        cmocka_unit_test(test_a_client_is_told_what_the_server_said),
        cmocka_unit_test(test_pings_are_answered_the_last_if_many_came),
        cmocka_unit_test(test_pings_without_reading_cost_nothing),
        cmocka_unit_test(test_a_close_is_answered_with_its_code),
        cmocka_unit_test(test_closing_says_so_after_the_last_byte),
        cmocka_unit_test(test_a_broken_frame_ends_it_with_a_code),
        cmocka_unit_test(test_partial_writes_keep_frames_whole),
        cmocka_unit_test(test_corked_output_does_not_spin),
        cmocka_unit_test(test_the_answer_may_go_in_parts),
        cmocka_unit_test(test_it_stands_on_another_transport),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
