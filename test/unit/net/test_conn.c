#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/owner.h"

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

/* Takes three more of the bytes that came and gives the rest back. */
static void nibble(struct owner *owner)
{
    size_t taken = owner->size / 3 * 3 == owner->size ? 3 : owner->size % 3;
    size_t rest = owner->bytes_in - taken;
    owner->bytes_in = 0; /* of this call only */
    owner->size -= rest;
    assert_int_equal(gw_conn_unread(owner->conn, gw_span_of(owner->bytes + owner->size, rest)),
                     GW_OK);
}

static void pause_and_nibble(struct owner *owner)
{
    gw_conn_pause(owner->conn);
    nibble(owner);
}

/* What is given back comes in the next turn, before what came later, and not while paused. */
static void gives_bytes_back(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct owner *a = &world->owners[0];
    a->do_bytes = nibble;
    give(a, "abcdefghi");
    turn(world);
    assert_got(a, "abc");
    assert_false(fake_sleeps(world->fake, world->loop));
    assert_got(a, "abcdef");
    a->do_bytes = pause_and_nibble;
    give(a, "jkl");
    turn(world);
    turn(world);
    assert_got(a, "abcdefghi");
    gw_conn_resume(a->conn);
    turn(world);
    turn(world);
    assert_got(a, "abcdefghijkl");
    gw_conn_resume(a->conn);
    give(a, "mnopqr");
    turn(world);
    turn(world);
    assert_got(a, "abcdefghijklmno");
    assert_true(fake_sleeps(world->fake, world->loop));
    gw_conn_resume(a->conn);
    turn(world);
    assert_got(a, "abcdefghijklmnopqr");
    gw_conn_resume(a->conn);
    give(a, "stuvwx"); /* the rest of it is released with the connection */
    turn(world);
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
        cmocka_unit_test(gives_bytes_back),
        cmocka_unit_test(notices_a_hangup_while_paused),
        cmocka_unit_test(a_stuck_write_learns_of_the_hangup),
        cmocka_unit_test(drained_is_bounded_within_a_turn),
        cmocka_unit_test(does_not_sleep_after_on_drained),
        cmocka_unit_test(drained_waits_for_the_mark),
        cmocka_unit_test(ends_if_the_poller_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
