#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/owner.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_comes_before_later_bytes),
        cmocka_unit_test(kept_bytes_come_before_the_end),
        cmocka_unit_test(mail_comes_before_an_end),
        cmocka_unit_test(moves_with_its_failed_write),
        cmocka_unit_test(closes_with_kept_bytes),
        cmocka_unit_test(moves_with_its_output),
        cmocka_unit_test(moves_with_its_end),
        cmocka_unit_test(forgets_events_of_the_detached),
        cmocka_unit_test(moves_with_its_wish_to_hear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
