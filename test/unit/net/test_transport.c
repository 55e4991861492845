#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/owner.h"
#include "unit/net/toy.h"

#define RECORD_HI    "\x02\x48\x49"             /* "hi" */
#define RECORD_WORLD "\x05\x57\x4f\x52\x4c\x44" /* "world" */

struct stage {
    struct world *world;
    struct owner *owner;
    struct toy *toy;
    int frees;
};

/* One connection over a toy, attached. */
static struct stage *stage_new(bool greets)
{
    struct stage *stage = calloc(1, sizeof *stage);
    stage->world = world_new(0);
    stage->owner = &stage->world->owners[0];
    add_owner(stage->world, 0);
    stage->toy = toy_new(greets);
    stage->toy->frees = &stage->frees;
    gw_conn_push(stage->owner->conn, &stage->toy->base);
    assert_int_equal(gw_conn_attach(stage->owner->conn, stage->world->loop), GW_OK);
    turn(stage->world);
    return stage;
}

static void stage_free(struct stage *stage)
{
    world_free(stage->world);
    assert_int_equal(stage->frees, 1);
    free(stage);
}

static void until_rest(struct stage *stage)
{
    for (int i = 0; i < 100; i++)
        if (fake_sleeps(stage->world->fake, stage->world->loop))
            return;
    fail_msg("the loop does not come to rest");
}

static void decodes_byte_by_byte(void **state)
{
    (void)state;
    struct stage *stage = stage_new(true);
    socket_of(stage->owner)->in.recv_max = 1;
    give(stage->owner, "h" RECORD_HI RECORD_WORLD);
    until_rest(stage);
    assert_got(stage->owner, "hiworld");
    assert_sent(stage->owner, "H");
    assert_int_equal(gw_conn_bytes_in(stage->owner->conn), 10);
    assert_int_equal(gw_conn_bytes_out(stage->owner->conn), 1);
    assert_int_equal(gw_loop_counters(stage->world->loop)->bytes_in, 10);
    stage_free(stage);
}

/* What the poller will not tell of comes in the next turns, a share in each. */
static void pending_bytes_come_in_shares(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    stage->toy->give_max = 3;
    give(stage->owner, RECORD_HI RECORD_WORLD);
    turn(stage->world);
    assert_got(stage->owner, "hiw");
    assert_false(fake_sleeps(stage->world->fake, stage->world->loop));
    assert_got(stage->owner, "hiworl");
    until_rest(stage);
    assert_got(stage->owner, "hiworld");
    stage_free(stage);
}

static void pause_it(struct owner *owner)
{
    gw_conn_pause(owner->conn);
}

static void pending_bytes_wait_while_paused(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    stage->toy->give_max = 3;
    stage->owner->do_bytes = pause_it;
    give(stage->owner, RECORD_HI RECORD_WORLD);
    turn(stage->world);
    until_rest(stage);
    assert_got(stage->owner, "hiw");
    gw_conn_resume(stage->owner->conn);
    turn(stage->world);
    assert_got(stage->owner, "hiworl");
    gw_conn_resume(stage->owner->conn);
    until_rest(stage);
    assert_got(stage->owner, "hiworld");
    stage_free(stage);
}

static void move_it(struct owner *owner)
{
    owner->do_bytes = NULL;
    gw_conn_detach(owner->conn);
}

static void pending_bytes_move_to_the_other_loop(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    stage->toy->give_max = 3;
    stage->owner->do_bytes = move_it;
    give(stage->owner, RECORD_HI RECORD_WORLD);
    turn(stage->world);
    until_rest(stage);
    assert_got(stage->owner, "hiw");
    assert_int_equal(gw_conn_attach(stage->owner->conn, stage->world->other), GW_OK);
    fake_turn(stage->world->fake, stage->world->other);
    fake_turn(stage->world->fake, stage->world->other);
    fake_turn(stage->world->fake, stage->world->other);
    assert_got(stage->owner, "hiworld");
    stage_free(stage);
}

static void unread_it(struct owner *owner)
{
    owner->do_bytes = NULL;
    owner->size--;
    assert_int_equal(gw_conn_unread(owner->conn, gw_span_of(owner->bytes + owner->size, 1)), GW_OK);
}

static void unread_bytes_come_before_pending_ones(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    stage->toy->give_max = 3;
    stage->owner->do_bytes = unread_it;
    give(stage->owner, RECORD_HI RECORD_WORLD);
    until_rest(stage);
    assert_got(stage->owner, "hiworld");
    stage_free(stage);
}

/* Output before the handshake waits for the peer's bytes, not for a writable socket. */
static void a_write_waits_for_a_read(void **state)
{
    (void)state;
    struct stage *stage = stage_new(true);
    put(stage->owner, "hi");
    turn(stage->world);
    until_rest(stage);
    assert_sent(stage->owner, "H");
    assert_int_equal(socket_of(stage->owner)->interest, GW_POLL_READ);
    give(stage->owner, "h");
    until_rest(stage);
    assert_sent(stage->owner, "H" RECORD_HI);
    assert_int_equal(gw_conn_output_size(stage->owner->conn), 0);
    stage_free(stage);
}

/* A handshake that cannot send its answer waits for a writable socket. */
static void a_read_waits_for_a_write(void **state)
{
    (void)state;
    struct stage *stage = stage_new(true);
    struct fake_socket *socket = socket_of(stage->owner);
    socket->out.window = 0;
    give(stage->owner, "h" RECORD_HI);
    until_rest(stage);
    assert_int_equal(socket->interest & GW_POLL_WRITE, GW_POLL_WRITE);
    socket->out.window = SIZE_MAX;
    until_rest(stage);
    assert_sent(stage->owner, "H");
    assert_got(stage->owner, "hi");
    assert_int_equal(socket->interest, GW_POLL_READ);
    stage_free(stage);
}

static void blocked_writes_go_on(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    struct fake_socket *socket = socket_of(stage->owner);
    socket->out.send_max = 1;
    socket->out.window = 2;
    put(stage->owner, "hi");
    turn(stage->world);
    until_rest(stage);
    assert_int_equal(socket->out.all.size, 2);
    assert_int_equal(socket->interest, GW_POLL_READ | GW_POLL_WRITE);
    put(stage->owner, "world");
    until_rest(stage);
    socket->out.window = SIZE_MAX;
    until_rest(stage);
    assert_sent(stage->owner, RECORD_HI RECORD_WORLD);
    assert_int_equal(socket->interest, GW_POLL_READ);
    assert_int_equal(gw_conn_bytes_out(stage->owner->conn), 9);
    stage_free(stage);
}

static void corked_output_stays(void **state)
{
    (void)state;
    struct stage *stage = stage_new(true);
    gw_conn_cork(stage->owner->conn, true);
    put(stage->owner, "hi");
    give(stage->owner, "h");
    until_rest(stage);
    assert_sent(stage->owner, "H");
    gw_conn_cork(stage->owner->conn, false);
    until_rest(stage);
    assert_sent(stage->owner, "H" RECORD_HI);
    stage_free(stage);
}

static void goodbye_follows_the_last_bytes(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    struct fake_socket *socket = socket_of(stage->owner);
    put(stage->owner, "hi");
    close_conn(stage->owner, true, GW_NS_PER_S);
    socket->out.window = 3;
    turn(stage->world);
    until_rest(stage);
    assert_sent(stage->owner, RECORD_HI);
    assert_false(socket->out.shut);
    socket->out.window = SIZE_MAX;
    until_rest(stage);
    assert_sent(stage->owner, RECORD_HI "!");
    assert_true(socket->out.shut);
    assert_int_equal(stage->owner->closed, 0);
    socket->in.eof = true;
    turn(stage->world);
    assert_int_equal(stage->owner->closed, 1);
    assert_int_equal(stage->owner->end, GW_CONN_END_LOCAL);
    stage_free(stage);
}

static void the_end_of_the_peer_is_answered(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    socket_of(stage->owner)->in.eof = true;
    turn(stage->world);
    assert_int_equal(stage->owner->closed, 1);
    assert_int_equal(stage->owner->end, GW_CONN_END_PEER);
    assert_int_equal(stage->world->fake->sockets[stage->owner->socket].out.all.bytes[0], '!');
    stage_free(stage);
}

static void note_trouble(struct owner *owner)
{
    assert_string_equal(gw_conn_trouble(owner->conn), "a record has no bytes");
}

/* What the transport told the peer before it gave up is not lost to a reset. */
static void trouble_ends_it_in_words(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    stage->owner->do_closed = note_trouble;
    fake_give(stage->world->fake, stage->owner->socket, RECORD_HI "\0", 4);
    turn(stage->world);
    until_rest(stage);
    assert_int_equal(stage->owner->closed, 0);
    assert_true(gw_conn_closing(stage->owner->conn));
    assert_true(socket_of(stage->owner)->out.shut);
    give(stage->owner, "more");
    until_rest(stage);
    stage->world->fake->now += GW_NS_PER_S;
    turn(stage->world);
    assert_int_equal(stage->owner->closed, 1);
    assert_int_equal(stage->owner->end, GW_CONN_END_TRANSPORT);
    stage_free(stage);
}

static void trouble_is_found_again_on_the_other_loop(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    fake_give(stage->world->fake, stage->owner->socket, "\0", 1);
    turn(stage->world);
    gw_conn_detach(stage->owner->conn);
    assert_int_equal(gw_conn_attach(stage->owner->conn, stage->world->other), GW_OK);
    fake_turn(stage->world->fake, stage->world->other);
    socket_of(stage->owner)->in.eof = true;
    fake_turn(stage->world->fake, stage->world->other);
    fake_turn(stage->world->fake, stage->world->other);
    assert_int_equal(stage->owner->closed, 1);
    assert_int_equal(stage->owner->end, GW_CONN_END_TRANSPORT);
    stage_free(stage);
}

/* The write fails; what the peer sent before is read through the transport to its end. */
static void a_failed_write_leaves_the_input(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    socket_of(stage->owner)->out.error = ECONNRESET;
    put(stage->owner, "lost");
    turn(stage->world);
    assert_int_equal(stage->owner->closed, 0);
    give(stage->owner, RECORD_HI);
    socket_of(stage->owner)->in.eof = true;
    turn(stage->world);
    turn(stage->world);
    assert_got(stage->owner, "hi");
    assert_int_equal(stage->owner->closed, 1);
    assert_int_equal(stage->owner->end, GW_CONN_END_ERROR);
    stage_free(stage);
}

static void closes_unattached_with_last_words(void **state)
{
    (void)state;
    struct stage *stage = stage_new(false);
    gw_conn_detach(stage->owner->conn);
    put(stage->owner, "hi");
    struct fake_socket *socket = socket_of(stage->owner);
    gw_conn_close(stage->owner->conn, true, 0);
    stage->owner->conn = NULL;
    assert_int_equal(socket->out.all.size, 4);
    assert_memory_equal(socket->out.all.bytes, RECORD_HI "!", 4);
    stage_free(stage);
}

/* Handshakes cost time: those beyond a turn's share wait for the next, everybody else does not. */
static void heavy_ones_share_a_turn(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct toy *toys[PEERS];
    for (int i = 0; i < PEERS; i++) {
        add_owner(world, i);
        toys[i] = toy_new(true);
        toys[i]->fake = world->fake;
        toys[i]->costs = 3 * GW_NS_PER_MS;
        gw_conn_push(world->owners[i].conn, &toys[i]->base);
        assert_int_equal(gw_conn_attach(world->owners[i].conn, world->loop), GW_OK);
        give(&world->owners[i], "h");
    }
    turn(world);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(toys[i]->answered, i < 2);
    turn(world);
    for (int i = 0; i < PEERS; i++)
        assert_true(toys[i]->answered);
    world_free(world);
}

static void stands_on_another(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct owner *owner = &world->owners[0];
    add_owner(world, 0);
    struct toy *lower = toy_new(false);
    struct toy *upper = toy_new(false);
    gw_conn_push(owner->conn, &lower->base);
    gw_conn_push(owner->conn, &upper->base);
    assert_int_equal(gw_conn_attach(owner->conn, world->loop), GW_OK);
    lower->give_max = 1;
    give(owner, "\x03\x22\x68\x69"); /* a record around a record: the masks meet */
    for (int i = 0; i < 6; i++)
        turn(world);
    assert_got(owner, "hi");
    put(owner, "hi");
    turn(world);
    assert_sent(owner, "\x03\x22hi");
    assert_int_equal(gw_conn_bytes_in(owner->conn), 4);
    assert_int_equal(gw_conn_bytes_out(owner->conn), 4);
    assert_string_equal(gw_conn_peer_name(owner->conn), "toy on toy");
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_byte_by_byte),
        cmocka_unit_test(pending_bytes_come_in_shares),
        cmocka_unit_test(pending_bytes_wait_while_paused),
        cmocka_unit_test(pending_bytes_move_to_the_other_loop),
        cmocka_unit_test(unread_bytes_come_before_pending_ones),
        cmocka_unit_test(a_write_waits_for_a_read),
        cmocka_unit_test(a_read_waits_for_a_write),
        cmocka_unit_test(blocked_writes_go_on),
        cmocka_unit_test(corked_output_stays),
        cmocka_unit_test(goodbye_follows_the_last_bytes),
        cmocka_unit_test(the_end_of_the_peer_is_answered),
        cmocka_unit_test(trouble_ends_it_in_words),
        cmocka_unit_test(trouble_is_found_again_on_the_other_loop),
        cmocka_unit_test(a_failed_write_leaves_the_input),
        cmocka_unit_test(closes_unattached_with_last_words),
        cmocka_unit_test(heavy_ones_share_a_turn),
        cmocka_unit_test(stands_on_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
