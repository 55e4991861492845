#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "unit/net/fake.h"

#define TIMERS 10000

struct alarm {
    struct gw_timer timer; /* first */
    struct fake *fake;
    gw_mono_ns deadline;
    int *left;
};

static void on_alarm(struct gw_timer *timer, gw_mono_ns now)
{
    struct alarm *alarm = GW_CONTAINER(timer, struct alarm, timer);
    assert_int_equal(now, alarm->fake->now);
    assert_true(now >= alarm->deadline);
    assert_true(now < alarm->deadline + 2 * GW_WHEEL_TICK_NS);
    alarm->deadline = GW_NEVER; /* again would be too early */
    --*alarm->left;
}

/* The loop sleeps exactly from timer to timer, and each fires once, in time. */
static void ten_thousand_timers(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    struct gw_loop *loop = gw_loop_new(&fake->service, &fake->clock, NULL);
    struct alarm *alarms = calloc(TIMERS, sizeof *alarms);
    struct gw_random random;
    int left = TIMERS;
    gw_random_init(&random, 1);
    for (int i = 0; i < TIMERS; i++) {
        alarms[i] = (struct alarm){.fake = fake, .left = &left};
        alarms[i].deadline = fake->now + gw_random_below(&random, 7200 * GW_NS_PER_S);
        gw_timer_init(&alarms[i].timer, on_alarm);
        gw_wheel_arm(gw_loop_wheel(loop), &alarms[i].timer, alarms[i].deadline);
    }
    int turns = 0;
    while (left > 0) {
        gw_loop_wait(loop);
        assert_int_not_equal(fake->last_deadline, GW_NEVER);
        if (fake->last_deadline > fake->now)
            fake->now = fake->last_deadline;
        gw_loop_turn(loop, fake->now);
        assert_true(++turns < 8 * TIMERS);
    }
    gw_loop_wait(loop);
    assert_int_equal(fake->last_deadline, GW_NEVER);
    free(alarms);
    gw_loop_free(loop);
    fake_free(fake);
}

static int mails_read;

static void on_mail(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    (void)mail;
    struct fake *fake = owner;
    assert_int_equal(now, fake->now);
    mails_read++;
}

static void mail_is_read_first_and_wakes_once(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    struct gw_loop *loop = gw_loop_new(&fake->service, &fake->clock, fake);
    struct gw_mail mails[3];
    mails_read = 0;
    for (int i = 0; i < 3; i++) {
        mails[i] = (struct gw_mail){NULL, on_mail, 10};
        gw_loop_post(loop, &mails[i]);
    }
    assert_int_equal(fake->wakes, 1);
    assert_int_equal(gw_loop_mail_weight(loop), 30);
    gw_loop_wait(loop);
    assert_int_equal(fake->last_deadline, fake->now);
    gw_loop_turn(loop, fake->now);
    assert_int_equal(mails_read, 3);
    assert_int_equal(gw_loop_counters(loop)->mails, 3);
    assert_int_equal(gw_loop_mail_weight(loop), 0);
    assert_true(fake_sleeps(fake, loop));
    gw_loop_free(loop);
    fake_free(fake);
}

static void *run(void *loop)
{
    gw_loop_run(loop);
    return NULL;
}

struct ping {
    struct gw_mail mail; /* first */
    struct gw_loop *loops[2];
    int at;
    int left;
};

static void on_ping(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct ping *ping = GW_CONTAINER(mail, struct ping, mail);
    (void)owner;
    (void)now;
    if (--ping->left == 0) {
        gw_loop_stop(ping->loops[0]);
        gw_loop_stop(ping->loops[1]);
        return;
    }
    ping->at = !ping->at;
    gw_loop_post(ping->loops[ping->at], &ping->mail);
}

/* Two threads, no timers: a wake that got lost would leave both asleep for ever. */
static void mail_wakes_a_sleeping_thread(void **state)
{
    (void)state;
    struct ping ping = {.left = 2000};
    struct gw_thread threads[2];
    ping.mail.fn = on_ping;
    for (int i = 0; i < 2; i++)
        ping.loops[i] = gw_loop_new(gw_socket_system(), gw_clock_system(), NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(gw_thread_start(&threads[i], "loop", run, ping.loops[i]), GW_OK);
    gw_loop_post(ping.loops[0], &ping.mail);
    for (int i = 0; i < 2; i++)
        gw_thread_join(&threads[i]);
    for (int i = 0; i < 2; i++)
        gw_loop_free(ping.loops[i]);
}

static void stops_from_another_thread(void **state)
{
    (void)state;
    struct gw_loop *loop = gw_loop_new(gw_socket_system(), gw_clock_system(), NULL);
    struct gw_thread thread;
    assert_int_equal(gw_thread_start(&thread, "loop", run, loop), GW_OK);
    gw_loop_stop(loop);
    gw_thread_join(&thread);
    gw_loop_free(loop);
    gw_loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_timers),
        cmocka_unit_test(mail_is_read_first_and_wakes_once),
        cmocka_unit_test(mail_wakes_a_sleeping_thread),
        cmocka_unit_test(stops_from_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
