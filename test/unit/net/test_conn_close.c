#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/owner.h"

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

/* What is held back is never said, not even with the last breath; taken off, it still goes. */
static void what_is_corked_stays_unsaid(void **state)
{
    (void)state;
    static const bool rows[] = {false, true};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct world *world = world_new(1);
        struct owner *a = &world->owners[0];
        put(a, "welcome");
        gw_conn_cork(a->conn, true);
        turn(world);
        close_conn(a, true, 5 * GW_NS_PER_S);
        turn(world);
        assert_sent(a, "");
        gw_conn_cork(a->conn, !rows[i]);
        turn(world);
        world->fake->now += 6 * GW_NS_PER_S;
        turn(world);
        turn(world);
        assert_sent(a, rows[i] ? "welcome" : "");
        assert_int_equal(a->closed, 1);
        world_free(world);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test(what_is_corked_stays_unsaid),
        cmocka_unit_test(cut_short_by_a_second_close),
        cmocka_unit_test(unattached_close_tries_to_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
