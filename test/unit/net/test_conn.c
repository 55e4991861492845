#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/conn.h"
#include "unit/net/fake.h"

#define PEERS 4

struct world;

/* An owner of a connection that notes its events and does what the test says in each. */
struct owner {
    struct world *world;
    struct gw_conn *conn;
    gw_socket socket;
    uint8_t bytes[256];
    size_t size;
    size_t bytes_in;
    int drained, closed;
    enum gw_conn_end end;
    int os_errno;
    void (*do_bytes)(struct owner *owner);
    void (*do_drained)(struct owner *owner);
    void (*do_closed)(struct owner *owner);
};

struct world {
    struct fake *fake;
    struct gw_loop *loop;
    struct gw_loop *other;
    struct owner owners[PEERS];
    int calls; /* depth of our own calls: no event may come from inside one */
    void (*before_flush)(struct world *world);
};

static void on_bytes(void *user, struct gw_span bytes, gw_mono_ns now)
{
    struct owner *owner = user;
    assert_int_equal(owner->world->calls, 0);
    assert_int_equal(owner->closed, 0);
    assert_false(gw_conn_closing(owner->conn));
    assert_int_equal(now, owner->world->fake->now);
    size_t room = sizeof owner->bytes - owner->size;
    size_t part = bytes.size < room ? bytes.size : room;
    memcpy(owner->bytes + owner->size, bytes.data, part);
    owner->size += part;
    owner->bytes_in += bytes.size;
    if (owner->do_bytes != NULL)
        owner->do_bytes(owner);
}

static void on_drained(void *user, gw_mono_ns now)
{
    struct owner *owner = user;
    (void)now;
    assert_int_equal(owner->world->calls, 0);
    assert_int_equal(owner->closed, 0);
    assert_false(gw_conn_closing(owner->conn));
    owner->drained++;
    if (owner->do_drained != NULL)
        owner->do_drained(owner);
}

static void on_closed(void *user, enum gw_conn_end end, int os_errno, gw_mono_ns now)
{
    struct owner *owner = user;
    (void)now;
    assert_int_equal(owner->world->calls, 0);
    assert_int_equal(owner->closed, 0);
    owner->closed++;
    owner->end = end;
    owner->os_errno = os_errno;
    if (owner->do_closed != NULL)
        owner->do_closed(owner);
}

static const struct gw_conn_events events = {on_bytes, on_drained, on_closed};

static void before_flush(void *user, gw_mono_ns now)
{
    struct world *world = user;
    (void)now;
    if (world->before_flush != NULL)
        world->before_flush(world);
}

static void add_owner(struct world *world, int i)
{
    struct owner *owner = &world->owners[i];
    struct gw_address none = {0};
    owner->world = world;
    owner->socket = fake_open(world->fake);
    owner->conn = gw_conn_new(&world->fake->service, owner->socket, &none);
    assert_non_null(owner->conn);
    gw_conn_set_events(owner->conn, &events, owner);
}

static struct world *world_new(int owners)
{
    struct world *world = calloc(1, sizeof *world);
    world->fake = fake_new();
    world->loop = gw_loop_new(&world->fake->service, &world->fake->clock, world);
    world->other = gw_loop_new(&world->fake->service, &world->fake->clock, world);
    const struct gw_loop_hooks hooks = {before_flush, world};
    gw_loop_set_hooks(world->loop, &hooks);
    for (int i = 0; i < owners; i++) {
        add_owner(world, i);
        assert_int_equal(gw_conn_attach(world->owners[i].conn, world->loop), GW_OK);
    }
    return world;
}

static void close_conn(struct owner *owner, bool flush, uint64_t flush_time)
{
    owner->world->calls++;
    gw_conn_close(owner->conn, flush, flush_time);
    owner->world->calls--;
}

static void turn(struct world *world)
{
    fake_turn(world->fake, world->loop);
}

static void world_free(struct world *world)
{
    for (int i = 0; i < PEERS; i++)
        if (world->owners[i].conn != NULL && !world->owners[i].closed)
            close_conn(&world->owners[i], false, 0);
    fake_turn(world->fake, world->loop);
    fake_turn(world->fake, world->other);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(world->owners[i].closed, world->owners[i].conn != NULL);
    assert_int_equal(gw_loop_counters(world->loop)->output_bytes, 0);
    assert_int_equal(gw_loop_counters(world->other)->output_bytes, 0);
    gw_loop_free(world->loop);
    gw_loop_free(world->other);
    fake_free(world->fake);
    free(world);
}

static struct fake_socket *socket_of(struct owner *owner)
{
    return &owner->world->fake->sockets[owner->socket];
}

static void put(struct owner *owner, const char *text)
{
    owner->world->calls++;
    assert_int_equal(gw_conn_write(owner->conn, gw_span_str(text)), GW_OK);
    owner->world->calls--;
}

static void assert_sent(struct owner *owner, const char *text)
{
    assert_int_equal(socket_of(owner)->out.all.size, strlen(text));
    assert_memory_equal(socket_of(owner)->out.all.bytes, text, strlen(text));
}

static void assert_got(struct owner *owner, const char *text)
{
    assert_int_equal(owner->size, strlen(text));
    assert_memory_equal(owner->bytes, text, strlen(text));
}

static void give(struct owner *owner, const char *text)
{
    fake_give(owner->world->fake, owner->socket, text, strlen(text));
}

static void gathers_one_write_a_turn(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    struct gw_blob *blob = gw_blob_new(4);
    memcpy(blob->data, "blob", 4);
    put(a, "one ");
    memcpy(gw_conn_reserve(a->conn, 100), "two ", 4);
    gw_conn_commit(a->conn, 4);
    assert_int_equal(gw_conn_write_blob(a->conn, blob, gw_span_of(blob->data, 4)), GW_OK);
    put(a, " three");
    assert_int_equal(gw_conn_output_size(a->conn), 18);
    assert_int_equal(gw_loop_counters(world->loop)->output_bytes, 18);
    turn(world);
    assert_sent(a, "one two blob three");
    assert_int_equal(socket_of(a)->sends, 1);
    assert_int_equal(gw_conn_bytes_out(a->conn), 18);
    assert_int_equal(gw_blob_refs(blob), 1);
    gw_blob_unref(&blob);
    assert_true(fake_sleeps(world->fake, world->loop));
    assert_int_equal(socket_of(a)->sends, 1);
    assert_int_equal(socket_of(a)->sets, 0);
    world_free(world);
}

static void asks_for_writable_after_a_short_write_only(void **state)
{
    (void)state;
    static const struct {
        size_t window, send_max;
        const char *first;
    } rows[] = {{3, 0, "abc"}, {0, 0, ""}, {SIZE_MAX, 2, "ab"}};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct world *world = world_new(1);
        struct owner *a = &world->owners[0];
        socket_of(a)->out.window = rows[i].window;
        socket_of(a)->out.send_max = rows[i].send_max;
        put(a, "abcdef");
        turn(world);
        assert_sent(a, rows[i].first);
        assert_true(socket_of(a)->interest & GW_POLL_WRITE);
        int sends = socket_of(a)->sends;
        if (rows[i].window != SIZE_MAX) {
            put(a, "ghi"); /* waits its turn: no try before the socket says so */
            assert_true(fake_sleeps(world->fake, world->loop));
            assert_int_equal(socket_of(a)->sends, sends);
        } else {
            put(a, "ghi");
        }
        socket_of(a)->out.window = SIZE_MAX;
        socket_of(a)->out.send_max = 0;
        turn(world);
        assert_sent(a, "abcdefghi");
        assert_int_equal(socket_of(a)->sends, sends + 1);
        assert_int_equal(socket_of(a)->interest, GW_POLL_READ);
        world_free(world);
    }
}

/* More parts than one write takes: one write a turn, no sleep between. */
static void goes_on_next_turn_with_many_parts(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    struct gw_blob *blob = gw_blob_new(1);
    blob->data[0] = 'x';
    for (int i = 0; i < 300; i++)
        assert_int_equal(gw_conn_write_blob(a->conn, blob, gw_span_of(blob->data, 1)), GW_OK);
    for (int i = 1; i <= 3; i++) {
        assert_false(fake_sleeps(world->fake, world->loop));
        assert_int_equal(socket_of(a)->sends, i);
    }
    assert_int_equal(socket_of(a)->out.all.size, 300);
    assert_int_equal(gw_blob_refs(blob), 1);
    gw_blob_unref(&blob);
    assert_true(fake_sleeps(world->fake, world->loop));
    world_free(world);
}

static void tells_each_end_once(void **state)
{
    (void)state;
    static const struct {
        bool eof;
        int error;
        enum gw_conn_end end;
    } rows[] = {{true, 0, GW_CONN_END_PEER}, {false, ECONNRESET, GW_CONN_END_ERROR}};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct world *world = world_new(1);
        struct owner *a = &world->owners[0];
        give(a, "last words");
        socket_of(a)->in.eof = rows[i].eof;
        socket_of(a)->in.error = rows[i].error;
        turn(world);
        assert_got(a, "last words");
        assert_int_equal(a->closed, 0);
        turn(world);
        assert_int_equal(a->closed, 1);
        assert_int_equal(a->end, rows[i].end);
        assert_int_equal(a->os_errno, rows[i].error);
        assert_int_equal(socket_of(a)->closes, 1);
        assert_false(fake_sleeps(world->fake, world->loop)); /* for the hook: on_closed left work */
        assert_true(fake_sleeps(world->fake, world->loop));
        world_free(world);
    }
}

/* A hang-up with neither bytes nor end nor error must not come back for ever. */
static void ends_on_a_bare_hangup(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    socket_of(a)->hangup = true;
    turn(world);
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->end, GW_CONN_END_ERROR);
    world_free(world);
}

static void resume_on_drained(struct owner *owner)
{
    gw_conn_resume(owner->conn);
}

/* The write side breaks while bytes of the peer wait: they are delivered, paused or not. */
static void reads_on_after_a_failed_write(void **state)
{
    (void)state;
    for (int paused = 0; paused <= 1; paused++) {
        struct world *world = world_new(1);
        struct owner *a = &world->owners[0];
        a->do_drained = resume_on_drained;
        if (paused)
            gw_conn_pause(a->conn);
        gw_conn_want_drained(a->conn, 0);
        give(a, "publish");
        socket_of(a)->in.recv_max = 3;
        socket_of(a)->in.eof = true;
        socket_of(a)->out.error = EPIPE;
        put(a, "ack");
        for (int i = 0; i < 8; i++)
            turn(world);
        assert_got(a, "publish");
        assert_int_equal(a->drained, 1);
        assert_int_equal(a->closed, 1);
        assert_int_equal(a->end, GW_CONN_END_ERROR);
        assert_int_equal(a->os_errno, EPIPE);
        world_free(world);
    }
}

/* Nothing tells the end of the reading side: patience ends it. */
static void ends_some_time_after_a_failed_write(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    socket_of(a)->out.error = ENOBUFS;
    put(a, "lost");
    turn(world);
    put(a, "ignored");
    assert_int_equal(gw_conn_output_size(a->conn), 0);
    assert_true(gw_conn_hung_up(a->conn));
    assert_true(socket_of(a)->out.shut);
    assert_int_equal(a->closed, 0);
    world->fake->now += 6 * GW_NS_PER_S;
    turn(world);
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->end, GW_CONN_END_ERROR);
    assert_int_equal(a->os_errno, ENOBUFS);
    world_free(world);
}

static void does_not_read_while_paused(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    gw_conn_pause(a->conn);
    give(a, "later");
    turn(world);
    assert_true(fake_sleeps(world->fake, world->loop));
    assert_int_equal(socket_of(a)->recvs, 0);
    gw_conn_resume(a->conn);
    turn(world);
    turn(world);
    assert_got(a, "later");
    int sets = socket_of(a)->sets;
    gw_conn_pause(a->conn); /* and back within a turn: the poller does not hear of it */
    gw_conn_resume(a->conn);
    turn(world);
    assert_int_equal(socket_of(a)->sets, sets);
    world_free(world);
}

/* The peer hangs up while we are paused, in part or wholly: no spinning, no byte lost. */
static void notices_a_hangup_while_paused(void **state)
{
    (void)state;
    for (int wholly = 0; wholly <= 1; wholly++) {
        struct world *world = world_new(1);
        struct owner *a = &world->owners[0];
        gw_conn_pause(a->conn);
        turn(world);
        give(a, "publish");
        socket_of(a)->in.eof = true;
        socket_of(a)->hangup = wholly;
        for (int i = 0; i < 20; i++)
            turn(world);
        assert_true(socket_of(a)->events <= 2);
        assert_true(fake_sleeps(world->fake, world->loop));
        assert_true(gw_conn_hung_up(a->conn));
        assert_int_equal(a->closed, 0);
        gw_conn_resume(a->conn);
        for (int i = 0; i < 3; i++)
            turn(world);
        assert_got(a, "publish");
        assert_int_equal(a->closed, 1);
        assert_int_equal(a->end, GW_CONN_END_PEER);
        world_free(world);
    }
}

/* Paused because its output is stuck, and the peer is wholly gone: the stuck write must be tried.
 */
static void a_stuck_write_learns_of_the_hangup(void **state)
{
    (void)state;
    for (int fails = 0; fails <= 1; fails++) {
        struct world *world = world_new(1);
        struct owner *a = &world->owners[0];
        a->do_drained = resume_on_drained;
        socket_of(a)->out.window = 0;
        put(a, "stuck");
        gw_conn_pause(a->conn);
        gw_conn_want_drained(a->conn, 0);
        give(a, "publish");
        turn(world);
        assert_true(fake_sleeps(world->fake, world->loop));
        socket_of(a)->in.eof = true;
        socket_of(a)->hangup = true;
        socket_of(a)->out.error = fails ? ECONNRESET : 0;
        for (int i = 0; i < 10; i++)
            turn(world);
        assert_got(a, "publish");
        assert_int_equal(a->drained, 1);
        assert_int_equal(a->closed, 1);
        assert_int_equal(a->end, GW_CONN_END_ERROR);
        assert_int_equal(a->os_errno, fails ? ECONNRESET : EPIPE);
        world_free(world);
    }
}

static void close_now(struct owner *owner)
{
    close_conn(owner, false, 0);
    close_conn(owner, true, GW_NS_PER_S); /* idempotent */
    put(owner, "ignored");
    uint8_t *room = gw_conn_reserve(owner->conn, 10);
    assert_non_null(room);
    memset(room, 'x', 10);
    gw_conn_commit(owner->conn, 10);
    gw_conn_want_drained(owner->conn, 100);
    gw_conn_pause(owner->conn);
    gw_conn_resume(owner->conn);
    assert_int_equal(gw_conn_output_size(owner->conn), 0);
}

static void close_all(struct owner *owner)
{
    for (int i = 0; i < PEERS; i++)
        if (!owner->world->owners[i].closed)
            close_now(&owner->world->owners[i]);
}

/* Each of four has bytes ready in one turn; the first closes all: the others get nothing more. */
static void closes_others_with_events_pending(void **state)
{
    (void)state;
    struct world *world = world_new(PEERS);
    for (int i = 0; i < PEERS; i++) {
        give(&world->owners[i], "bytes");
        world->owners[i].do_bytes = close_all;
    }
    turn(world);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(world->owners[i].bytes_in, i == 0 ? 5 : 0);
        assert_int_equal(world->owners[i].closed, 1);
        assert_int_equal(world->owners[i].end, GW_CONN_END_LOCAL);
    }
    world_free(world);
}

static void closes_from_on_drained(void **state)
{
    (void)state;
    struct world *world = world_new(PEERS);
    for (int i = 0; i < PEERS; i++) {
        gw_conn_want_drained(world->owners[i].conn, 0);
        world->owners[i].do_drained = close_all;
    }
    turn(world);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(world->owners[i].drained, i == 0);
        assert_int_equal(world->owners[i].closed, 1);
    }
    world_free(world);
}

static void flush_close_all(struct owner *owner)
{
    for (int i = 0; i < PEERS; i++) {
        put(&owner->world->owners[i], "bye");
        close_conn(&owner->world->owners[i], true, GW_NS_PER_S);
    }
}

/* Told to close with flush by another's on_drained, while waiting for its own. */
static void flush_closes_from_on_drained(void **state)
{
    (void)state;
    struct world *world = world_new(PEERS);
    for (int i = 0; i < PEERS; i++) {
        gw_conn_want_drained(world->owners[i].conn, 0);
        world->owners[i].do_drained = flush_close_all;
    }
    turn(world);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(world->owners[i].drained, i == 0);
        assert_sent(&world->owners[i], "bye");
        assert_true(socket_of(&world->owners[i])->out.shut);
    }
    world_free(world);
}

static void closes_from_on_closed(void **state)
{
    (void)state;
    struct world *world = world_new(PEERS);
    for (int i = 0; i < PEERS; i++)
        world->owners[i].do_closed = close_all;
    close_now(&world->owners[2]);
    assert_int_equal(world->owners[2].closed, 0);
    turn(world);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(world->owners[i].closed, 1);
    world_free(world);
}

static void write_to_next(struct owner *owner)
{
    put(&owner->world->owners[1], "will");
}

/* What on_closed writes to others (a will) comes after the flush: it goes at once all the same. */
static void does_not_sleep_on_what_on_closed_wrote(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world->owners[0].do_closed = write_to_next;
    socket_of(&world->owners[0])->in.eof = true;
    turn(world);
    assert_false(fake_sleeps(world->fake, world->loop));
    assert_sent(&world->owners[1], "will");
    world_free(world);
}

static void write_to_all(struct world *world)
{
    for (int i = 0; i < PEERS; i++)
        put(&world->owners[i], "x");
    world->before_flush = NULL;
}

static void the_hook_writes_within_the_turn(void **state)
{
    (void)state;
    struct world *world = world_new(PEERS);
    world->before_flush = write_to_all;
    turn(world);
    for (int i = 0; i < PEERS; i++)
        assert_sent(&world->owners[i], "x");
    world_free(world);
}

struct closing_row {
    size_t window;       /* what the socket takes of "goodbye" */
    uint64_t flush_time; /* seconds */
    bool eof_first;      /* the peer ends its side before it takes our output */
    uint64_t wait;       /* seconds that pass, nothing else happening */
    bool closed;
    bool shut;
    enum gw_conn_end end;
};

static void closes_with_flush(void **state)
{
    (void)state;
    static const struct closing_row rows[] = {
        /* all went out: shut, then the peer has a moment to end its side */
        {SIZE_MAX, 5, false, 0, false, true, GW_CONN_END_LOCAL},
        {SIZE_MAX, 5, false, 2, true, true, GW_CONN_END_LOCAL},
        {SIZE_MAX, 5, true, 0, true, true, GW_CONN_END_LOCAL},
        {SIZE_MAX, 0, false, 0, true, false, GW_CONN_END_LOCAL},
        /* stuck */
        {3, 5, false, 2, false, false, GW_CONN_END_LOCAL},
        {3, 5, false, 6, true, false, GW_CONN_END_TIMEOUT},
        {3, 5, true, 2, false, false, GW_CONN_END_LOCAL},
        {3, 5, true, 6, true, false, GW_CONN_END_TIMEOUT},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct world *world = world_new(1);
        struct owner *a = &world->owners[0];
        socket_of(a)->out.window = rows[i].window;
        socket_of(a)->in.eof = rows[i].eof_first;
        give(a, "more from the peer");
        put(a, "goodbye");
        close_conn(a, true, rows[i].flush_time * GW_NS_PER_S);
        assert_true(gw_conn_closing(a->conn));
        for (int t = 0; t < 3; t++)
            turn(world);
        world->fake->now += rows[i].wait * GW_NS_PER_S;
        turn(world);
        turn(world);
        assert_int_equal(a->bytes_in, 0);
        assert_int_equal(a->closed, rows[i].closed);
        assert_true(rows[i].closed || fake_sleeps(world->fake, world->loop));
        assert_int_equal(socket_of(a)->out.shut, rows[i].shut);
        if (rows[i].closed)
            assert_int_equal(a->end, rows[i].end);
        world_free(world);
    }
}

static void ends_when_the_peer_follows(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    put(a, "bye");
    close_conn(a, true, 5 * GW_NS_PER_S);
    turn(world);
    assert_true(socket_of(a)->out.shut);
    assert_int_equal(a->closed, 0);
    socket_of(a)->in.eof = true;
    turn(world);
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->end, GW_CONN_END_LOCAL);
    world_free(world);
}

/* A closing connection whose output is stuck and whose peer is wholly gone must not spin. */
static void a_stuck_close_learns_of_the_hangup(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    socket_of(a)->out.window = 0;
    put(a, "bye");
    close_conn(a, true, 60 * GW_NS_PER_S);
    turn(world);
    socket_of(a)->in.eof = true;
    socket_of(a)->hangup = true;
    for (int i = 0; i < 5; i++)
        turn(world);
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->end, GW_CONN_END_ERROR);
    world_free(world);
}

/* Even no time at all is one try, though the timer comes before the flush in a turn. */
static void a_flush_without_time_is_tried_once(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    put(a, "bye");
    close_conn(a, true, 0);
    world->fake->now += GW_NS_PER_S;
    turn(world);
    assert_sent(a, "bye");
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->end, GW_CONN_END_LOCAL);
    world_free(world);
}

static void cut_short_by_a_second_close(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    socket_of(a)->out.window = 0;
    put(a, "bye");
    close_conn(a, true, 60 * GW_NS_PER_S);
    turn(world);
    assert_int_equal(a->closed, 0);
    close_conn(a, false, 0);
    turn(world);
    assert_int_equal(a->closed, 1);
    world_free(world);
}

static void refill(struct owner *owner)
{
    put(owner, "x");
    gw_conn_want_drained(owner->conn, 0);
}

/* An owner that writes again each time it is told: two writes a turn, and no sleep between. */
static void drained_is_bounded_within_a_turn(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    a->do_drained = refill;
    refill(a);
    for (int i = 1; i <= 5; i++) {
        assert_false(fake_sleeps(world->fake, world->loop));
        assert_true(socket_of(a)->sends <= 2 * i);
        assert_int_equal(a->drained, i);
    }
    a->do_drained = NULL;
    turn(world);
    turn(world);
    assert_true(fake_sleeps(world->fake, world->loop));
    world_free(world);
}

/* on_drained comes after the hook, which must hear of what it left, even if nothing was written. */
static void does_not_sleep_after_on_drained(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    gw_conn_want_drained(world->owners[0].conn, 0);
    turn(world);
    assert_int_equal(world->owners[0].drained, 1);
    assert_false(fake_sleeps(world->fake, world->loop));
    assert_true(fake_sleeps(world->fake, world->loop));
    world_free(world);
}

/* Whoever waits to hear that output drained hears it on the next loop too. */
static void moves_with_its_wish_to_hear(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    gw_conn_want_drained(a->conn, 0);
    gw_conn_detach(a->conn);
    assert_int_equal(gw_conn_attach(a->conn, world->other), GW_OK);
    fake_turn(world->fake, world->other);
    assert_int_equal(a->drained, 1);
    world_free(world);
}

static void drained_waits_for_the_mark(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    socket_of(a)->out.window = 2;
    put(a, "abcdef");
    gw_conn_want_drained(a->conn, 2);
    turn(world);
    assert_int_equal(a->drained, 0);
    socket_of(a)->out.window = 1;
    turn(world);
    assert_int_equal(a->drained, 0);
    socket_of(a)->out.window = 1;
    turn(world);
    assert_int_equal(a->drained, 1);
    socket_of(a)->out.window = SIZE_MAX;
    turn(world);
    assert_int_equal(a->drained, 1);
    assert_sent(a, "abcdef");
    world_free(world);
}

/* Mail that is noted to act on the first owner's connection. */
struct letter {
    struct gw_mail mail; /* first */
    struct owner *owner;
    void (*act)(struct owner *owner);
};

static void on_mail(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    (void)owner;
    (void)now;
    struct letter *letter = GW_CONTAINER(mail, struct letter, mail);
    letter->act(letter->owner);
}

static struct letter letter_to_second;

static void post_to_second(struct owner *owner)
{
    letter_to_second.mail.fn = on_mail;
    gw_loop_post(owner->world->loop, &letter_to_second.mail);
}

static void detach(struct owner *owner)
{
    gw_conn_detach(owner->conn);
    assert_null(gw_conn_loop(owner->conn));
}

static void detach_and_back(struct owner *owner)
{
    gw_conn_detach(owner->conn);
    assert_int_equal(gw_conn_attach(owner->conn, owner->world->loop), GW_OK);
}

static void pause_conn(struct owner *owner)
{
    gw_conn_pause(owner->conn);
}

static void say_mail(struct owner *owner)
{
    owner->bytes[owner->size++] = '!';
}

/* The first owner's bytes cause mail; the second's bytes, ready in the same turn, come after it. */
static void mail_comes_before_later_bytes(void **state)
{
    (void)state;
    static const struct {
        void (*act)(struct owner *owner);
        const char *got;   /* in that turn */
        const char *later; /* after resume and attach */
    } rows[] = {
        {say_mail, "!bytes", "!bytes"}, {close_now, "", ""},
        {pause_conn, "", "bytes"},      {detach, "", "bytes"},
        {detach_and_back, "", "bytes"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct world *world = world_new(2);
        struct owner *b = &world->owners[1];
        letter_to_second.owner = b;
        letter_to_second.act = rows[i].act;
        world->owners[0].do_bytes = post_to_second;
        give(&world->owners[0], "cause");
        give(b, "bytes");
        turn(world);
        assert_got(b, rows[i].got);
        if (rows[i].act == detach) {
            assert_int_equal(gw_conn_attach(b->conn, world->other), GW_OK);
            assert_false(fake_sleeps(world->fake, world->other));
        }
        if (rows[i].act == pause_conn) {
            turn(world);
            assert_got(b, "");
            gw_conn_resume(b->conn);
        }
        for (int t = 0; t < 3; t++) {
            fake_turn(world->fake, world->loop);
            fake_turn(world->fake, world->other);
        }
        assert_got(b, rows[i].later);
        world_free(world);
    }
}

static void resume_second(struct owner *owner)
{
    gw_conn_resume(owner->world->owners[1].conn);
}

/* Resumed within the turn in which its hang-up is noted: what was kept comes before the end. */
static void kept_bytes_come_before_the_end(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    struct owner *b = &world->owners[1];
    letter_to_second.owner = b;
    letter_to_second.act = pause_conn;
    world->owners[0].do_bytes = post_to_second;
    give(&world->owners[0], "cause");
    give(b, "bytes");
    turn(world);
    world->owners[0].do_bytes = resume_second;
    give(&world->owners[0], "again");
    give(b, "+");
    socket_of(b)->in.eof = true;
    for (int t = 0; t < 4; t++)
        turn(world);
    assert_got(b, "bytes+");
    assert_int_equal(b->closed, 1);
    world_free(world);
}

static void post_from_hook(struct world *world)
{
    post_to_second(&world->owners[0]);
    world->before_flush = NULL;
}

static void say_closed(struct owner *owner)
{
    owner->bytes[owner->size++] = '.';
}

/* An end is an input too: mail that came before it is read before it. */
static void mail_comes_before_an_end(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    struct owner *b = &world->owners[1];
    letter_to_second.owner = b;
    letter_to_second.act = say_mail;
    b->do_closed = say_closed;
    socket_of(b)->in.eof = true;
    world->before_flush = post_from_hook;
    turn(world);
    assert_got(b, "!.");
    world_free(world);
}

/* A connection whose write failed moves with the rest of its patience, not with its old timer. */
static void moves_with_its_failed_write(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    socket_of(a)->out.error = ENOBUFS;
    put(a, "lost");
    turn(world);
    gw_conn_detach(a->conn);
    world->fake->now += 60 * GW_NS_PER_S;
    turn(world);
    fake_turn(world->fake, world->other);
    assert_int_equal(gw_conn_attach(a->conn, world->other), GW_OK);
    fake_turn(world->fake, world->other);
    assert_int_equal(a->closed, 0);
    world->fake->now += 60 * GW_NS_PER_S;
    fake_turn(world->fake, world->other);
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->os_errno, ENOBUFS);
    world_free(world);
}

/* Kept bytes die with the connection, and a second hand-over in pause keeps them again. */
static void closes_with_kept_bytes(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    struct owner *b = &world->owners[1];
    letter_to_second.owner = b;
    letter_to_second.act = pause_conn;
    world->owners[0].do_bytes = post_to_second;
    give(&world->owners[0], "cause");
    give(b, "bytes");
    turn(world);
    gw_conn_resume(b->conn);
    gw_conn_pause(b->conn);
    turn(world);
    assert_got(b, "");
    close_now(b);
    turn(world);
    assert_int_equal(b->closed, 1);
    world_free(world);
}

static void move_in_bytes(struct owner *owner)
{
    put(owner, "queued");
    gw_conn_detach(owner->conn);
}

static void moves_with_its_output(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    a->do_bytes = move_in_bytes;
    give(a, "connect");
    turn(world);
    assert_sent(a, "");
    assert_int_equal(gw_loop_counters(world->loop)->connections, 0);
    assert_int_equal(gw_loop_counters(world->loop)->output_bytes, 0);
    assert_null(socket_of(a)->poller);
    put(a, "+ more");
    give(a, "rest");
    a->do_bytes = NULL;
    assert_int_equal(gw_conn_attach(a->conn, world->other), GW_OK);
    assert_int_equal(gw_loop_counters(world->other)->output_bytes, 12);
    fake_turn(world->fake, world->other);
    assert_sent(a, "queued+ more");
    assert_got(a, "connectrest");
    world_free(world);
}

/* It moves though its end was found in this very turn: the other loop finds it again. */
static void detach_first(struct owner *owner)
{
    gw_conn_detach(owner->world->owners[0].conn);
}

static void moves_with_its_end(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    struct owner *a = &world->owners[0];
    socket_of(a)->in.eof = true;
    world->owners[1].do_bytes = detach_first;
    give(&world->owners[1], "move it");
    turn(world);
    assert_int_equal(a->closed, 0);
    assert_int_equal(gw_conn_attach(a->conn, world->other), GW_OK);
    fake_turn(world->fake, world->other);
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->end, GW_CONN_END_PEER);
    world_free(world);
}

/* A connection that was detached gets nothing of the events that were noted for it. */
static void forgets_events_of_the_detached(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    struct owner *b = &world->owners[1];
    letter_to_second.owner = b;
    letter_to_second.act = detach;
    give(b, "bytes");
    gw_loop_wait(world->loop); /* notes b */
    post_to_second(b);
    gw_loop_turn(world->loop, world->fake->now);
    assert_int_equal(socket_of(b)->recvs, 0);
    gw_conn_close(b->conn, false, 0); /* unattached: at once and silent */
    assert_int_equal(b->closed, 0);
    assert_int_equal(socket_of(b)->closes, 1);
    b->conn = NULL;
    world_free(world);
}

static void unattached_close_tries_to_send(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct owner *a = &world->owners[0];
    add_owner(world, 0);
    put(a, "busy");
    gw_conn_close(a->conn, true, GW_NS_PER_S);
    assert_sent(a, "busy");
    assert_int_equal(socket_of(a)->closes, 1);
    a->conn = NULL;
    gw_conn_close(NULL, false, 0);
    world_free(world);
}

/* The poller takes no more sockets, at the start or when one comes back: an end like any other. */
static void ends_if_the_poller_is_full(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    struct owner *b = &world->owners[1];
    add_owner(world, 1);
    socket_of(b)->add_fails = 1;
    assert_int_equal(gw_conn_attach(b->conn, world->loop), GW_OK);
    gw_conn_pause(a->conn);
    socket_of(a)->hangup = true;
    for (int i = 0; i < 4; i++)
        turn(world);
    assert_null(socket_of(a)->poller); /* parked */
    socket_of(a)->add_fails = 1;
    gw_conn_resume(a->conn);
    turn(world);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world->owners[i].closed, 1);
        assert_int_equal(world->owners[i].end, GW_CONN_END_ERROR);
        assert_int_equal(world->owners[i].os_errno, ENOMEM);
    }
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers_one_write_a_turn),
        cmocka_unit_test(asks_for_writable_after_a_short_write_only),
        cmocka_unit_test(goes_on_next_turn_with_many_parts),
        cmocka_unit_test(tells_each_end_once),
        cmocka_unit_test(ends_on_a_bare_hangup),
        cmocka_unit_test(reads_on_after_a_failed_write),
        cmocka_unit_test(ends_some_time_after_a_failed_write),
        cmocka_unit_test(does_not_read_while_paused),
        cmocka_unit_test(notices_a_hangup_while_paused),
        cmocka_unit_test(a_stuck_write_learns_of_the_hangup),
        cmocka_unit_test(closes_others_with_events_pending),
        cmocka_unit_test(closes_from_on_drained),
        cmocka_unit_test(flush_closes_from_on_drained),
        cmocka_unit_test(closes_from_on_closed),
        cmocka_unit_test(does_not_sleep_on_what_on_closed_wrote),
        cmocka_unit_test(the_hook_writes_within_the_turn),
        cmocka_unit_test(closes_with_flush),
        cmocka_unit_test(ends_when_the_peer_follows),
        cmocka_unit_test(a_stuck_close_learns_of_the_hangup),
        cmocka_unit_test(a_flush_without_time_is_tried_once),
        cmocka_unit_test(cut_short_by_a_second_close),
        cmocka_unit_test(drained_is_bounded_within_a_turn),
        cmocka_unit_test(drained_waits_for_the_mark),
        cmocka_unit_test(does_not_sleep_after_on_drained),
        cmocka_unit_test(moves_with_its_wish_to_hear),
        cmocka_unit_test(mail_comes_before_later_bytes),
        cmocka_unit_test(kept_bytes_come_before_the_end),
        cmocka_unit_test(mail_comes_before_an_end),
        cmocka_unit_test(moves_with_its_failed_write),
        cmocka_unit_test(closes_with_kept_bytes),
        cmocka_unit_test(moves_with_its_output),
        cmocka_unit_test(moves_with_its_end),
        cmocka_unit_test(forgets_events_of_the_detached),
        cmocka_unit_test(unattached_close_tries_to_send),
        cmocka_unit_test(ends_if_the_poller_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
