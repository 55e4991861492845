#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/random.h"
#include "base/wheel.h"

#define TICK GW_WHEEL_TICK_NS

struct probe {
    struct gw_timer timer;
    struct gw_wheel *wheel;
    unsigned fired;
    gw_mono_ns fired_at;
    struct probe *victim; /* cancelled from the callback */
    gw_mono_ns rearm;     /* deadline armed from the callback, 0 for none */
};

static void on_fire(struct gw_timer *timer, gw_mono_ns now)
{
    struct probe *probe = GW_CONTAINER(timer, struct probe, timer);
    assert_false(gw_timer_armed(timer));
    assert_true(timer->deadline <= now);
    probe->fired++;
    probe->fired_at = now;
    if (probe->victim != NULL)
        gw_wheel_cancel(probe->wheel, &probe->victim->timer);
    if (probe->rearm != 0)
        gw_wheel_arm(probe->wheel, timer, probe->rearm);
}

static void probe_init(struct probe *probe, struct gw_wheel *wheel)
{
    *probe = (struct probe){.wheel = wheel};
    gw_timer_init(&probe->timer, on_fire);
}

/* From several starting points, one timer a distance on each level and at each level's borders;
 * time moves as a loop moves it: to next(). */
static void fires_on_every_level(void **state)
{
    (void)state;
    static const uint64_t starts[] = {0, 1, 63, 64, 4095, 4096 * 64 - 1, 123456789};
    for (size_t s = 0; s < GW_COUNT_OF(starts); s++) {
        for (unsigned level = 0; level <= GW_WHEEL_LEVELS; level++) {
            for (int edge = -2; edge <= 2; edge++) {
                uint64_t ticks = ((uint64_t)1 << (6 * level)) + 2 + (uint64_t)(int64_t)edge;
                struct gw_wheel wheel;
                struct probe probe;
                gw_mono_ns start = starts[s] * TICK + 17;
                gw_wheel_init(&wheel, start);
                probe_init(&probe, &wheel);
                gw_mono_ns deadline = start + ticks * TICK;
                gw_wheel_arm(&wheel, &probe.timer, deadline);
                assert_int_equal(wheel.count, 1);
                unsigned steps = 0;
                while (gw_timer_armed(&probe.timer)) {
                    gw_mono_ns next = gw_wheel_next(&wheel);
                    assert_true(next > wheel.now && next < deadline + TICK);
                    gw_wheel_advance(&wheel, next);
                    assert_true(++steps < 12);
                }
                assert_int_equal(probe.fired, 1);
                assert_true(probe.fired_at >= deadline && probe.fired_at < deadline + TICK);
                assert_true(gw_wheel_next(&wheel) == GW_NEVER);
                assert_int_equal(wheel.count, 0);
            }
        }
    }
}

static void far_deadlines_wait(void **state)
{
    (void)state;
    struct gw_wheel wheel;
    struct probe never, last, century;
    gw_wheel_init(&wheel, 5 * TICK);
    probe_init(&never, &wheel);
    probe_init(&last, &wheel);
    probe_init(&century, &wheel);
    gw_wheel_arm(&wheel, &never.timer, GW_NEVER);
    assert_false(gw_timer_armed(&never.timer));
    assert_true(gw_wheel_next(&wheel) == GW_NEVER);
    gw_wheel_arm(&wheel, &last.timer, GW_NEVER - 1);
    gw_mono_ns deadline = 100ull * 365 * 86400 * GW_NS_PER_S;
    gw_wheel_arm(&wheel, &century.timer, deadline);
    gw_wheel_advance(&wheel, deadline - 1);
    assert_int_equal(century.fired, 0);
    gw_wheel_advance(&wheel, deadline + TICK);
    assert_int_equal(century.fired, 1);
    assert_int_equal(last.fired, 0);
    unsigned steps = 0;
    while (gw_wheel_next(&wheel) < GW_NEVER - 1) {
        gw_wheel_advance(&wheel, gw_wheel_next(&wheel));
        assert_true(++steps < 200);
    }
    assert_true(gw_timer_armed(&last.timer));
    gw_wheel_arm(&wheel, &last.timer, GW_NEVER);
    assert_false(gw_timer_armed(&last.timer));
    assert_int_equal(wheel.count, 0);
    assert_true(gw_wheel_next(&wheel) == GW_NEVER);
}

static void a_past_deadline_fires_at_the_next_advance(void **state)
{
    (void)state;
    struct gw_wheel wheel;
    struct probe a, b;
    gw_wheel_init(&wheel, 1000 * TICK + 5);
    probe_init(&a, &wheel);
    probe_init(&b, &wheel);
    gw_wheel_arm(&wheel, &a.timer, 0);
    gw_wheel_arm(&wheel, &b.timer, 1000 * TICK + 5);
    assert_true(gw_wheel_next(&wheel) <= 1000 * TICK + 5);
    gw_wheel_advance(&wheel, 1000 * TICK + 5);
    assert_int_equal(a.fired + b.fired, 2);
    /* A callback that arms itself in the past does not keep the advance busy. */
    a.rearm = 1;
    gw_wheel_arm(&wheel, &a.timer, 1);
    gw_wheel_advance(&wheel, 1000 * TICK + 5);
    assert_int_equal(a.fired, 2);
    gw_wheel_advance(&wheel, 0); /* time does not run backwards */
    assert_int_equal(a.fired, 3);
    gw_wheel_cancel(&wheel, &a.timer);
    gw_wheel_cancel(&wheel, &a.timer);
    assert_true(gw_wheel_next(&wheel) == GW_NEVER);
}

static void callbacks_cancel_and_arm(void **state)
{
    (void)state;
    struct gw_wheel wheel;
    struct probe a, b, c, d;
    gw_wheel_init(&wheel, 0);
    struct probe *all[] = {&a, &b, &c, &d};
    for (size_t i = 0; i < 4; i++)
        probe_init(all[i], &wheel);
    for (size_t i = 0; i < 3; i++)
        gw_wheel_arm(&wheel, &all[i]->timer, 10 * TICK);
    gw_wheel_arm(&wheel, &d.timer, 11 * TICK);
    a.victim = &b;         /* of the same slot, being run */
    c.victim = &d;         /* of a later slot of the same advance */
    a.rearm = 5000 * TICK; /* another level */
    gw_wheel_advance(&wheel, 20 * TICK);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 0);
    assert_int_equal(c.fired, 1);
    assert_int_equal(d.fired, 0);
    assert_int_equal(wheel.count, 1);
    a.victim = &a; /* itself, not armed any more: harmless */
    a.rearm = 0;
    gw_wheel_advance(&wheel, 4999 * TICK);
    assert_int_equal(a.fired, 1);
    gw_wheel_advance(&wheel, 5000 * TICK);
    assert_int_equal(a.fired, 2);
    assert_int_equal(wheel.count, 0);
}

static void free_owner(struct gw_timer *timer, gw_mono_ns now)
{
    (void)now;
    free(GW_CONTAINER(timer, struct probe, timer));
}

static void a_callback_may_free_its_owner(void **state)
{
    (void)state;
    struct gw_wheel wheel;
    gw_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < 100; i++) {
        struct probe *probe = malloc(sizeof(*probe));
        assert_non_null(probe);
        probe_init(probe, &wheel);
        probe->timer.fn = free_owner;
        gw_wheel_arm(&wheel, &probe->timer, i / 10 * TICK);
    }
    gw_wheel_advance(&wheel, 100 * TICK);
    assert_int_equal(wheel.count, 0);
}

#define TIMERS 200

struct naive {
    struct gw_timer timer;
    gw_mono_ns deadline; /* GW_NEVER when not armed */
    bool due;            /* was past when armed */
};

struct world {
    struct gw_wheel wheel;
    struct gw_random random;
    struct naive timers[TIMERS];
    gw_mono_ns last_tick; /* of the timer that fired before, for the order */
    uint64_t fired;
};

static struct world world;

static void arm_random(struct naive *naive)
{
    uint64_t bits = gw_random_below(&world.random, 40);
    uint64_t far = gw_random_next(&world.random) & (((uint64_t)1 << (bits + 4)) - 1);
    gw_mono_ns deadline = world.wheel.now + far;
    if (gw_random_below(&world.random, 10) == 0)
        deadline = world.wheel.now - (far < world.wheel.now ? far : world.wheel.now);
    gw_wheel_arm(&world.wheel, &naive->timer, deadline);
    naive->deadline = deadline;
    naive->due = deadline <= world.wheel.now;
}

static void on_naive(struct gw_timer *timer, gw_mono_ns now)
{
    struct naive *naive = GW_CONTAINER(timer, struct naive, timer);
    assert_true(naive->deadline <= now);
    gw_mono_ns tick = naive->due ? 0 : (naive->deadline + TICK - 1) / TICK;
    assert_true(tick >= world.last_tick);
    world.last_tick = tick;
    naive->deadline = GW_NEVER;
    world.fired++;
    struct naive *other = &world.timers[gw_random_below(&world.random, TIMERS)];
    switch (gw_random_below(&world.random, 4)) {
    case 0: arm_random(naive); break;
    case 1: arm_random(other); break;
    case 2:
        gw_wheel_cancel(&world.wheel, &other->timer);
        other->deadline = GW_NEVER;
        break;
    default: break;
    }
}

/* After an advance nothing may be left that was due a tick ago, and counts and next() must fit. */
static void compare(void)
{
    size_t armed = 0;
    gw_mono_ns earliest = GW_NEVER;
    for (size_t i = 0; i < TIMERS; i++) {
        struct naive *naive = &world.timers[i];
        assert_int_equal(gw_timer_armed(&naive->timer), naive->deadline != GW_NEVER);
        if (naive->deadline == GW_NEVER)
            continue;
        armed++;
        assert_true(naive->due || naive->deadline + TICK > world.wheel.now);
        gw_mono_ns fires =
            naive->due ? world.wheel.now : (naive->deadline + TICK - 1) / TICK * TICK;
        earliest = fires < earliest ? fires : earliest;
    }
    assert_int_equal(world.wheel.count, armed);
    /* Awake only to fire or to cascade: no bit of an empty slot may be left. */
    gw_mono_ns next = gw_wheel_next(&world.wheel);
    assert_true(next == earliest || (next < earliest && next / TICK % GW_WHEEL_SLOTS == 0));
}

static void agrees_with_a_naive_list(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        gw_random_init(&world.random, seed);
        gw_wheel_init(&world.wheel, gw_random_next(&world.random) >> (8 + seed));
        world.fired = 0;
        for (size_t i = 0; i < TIMERS; i++) {
            gw_timer_init(&world.timers[i].timer, on_naive);
            world.timers[i].deadline = GW_NEVER;
        }
        for (unsigned step = 0; step < 2000; step++) {
            arm_random(&world.timers[gw_random_below(&world.random, TIMERS)]);
            gw_mono_ns now = world.wheel.now + (gw_random_next(&world.random) >>
                                                (64 - gw_random_below(&world.random, 34) - 1));
            if (gw_random_below(&world.random, 4) == 0 && world.wheel.count > 0)
                now = gw_wheel_next(&world.wheel);
            world.last_tick = 0;
            gw_wheel_advance(&world.wheel, now);
            for (size_t i = 0; i < TIMERS; i++) /* what was armed past before is run by now */
                assert_true(!world.timers[i].due || world.timers[i].deadline <= world.wheel.now ||
                            world.timers[i].deadline == GW_NEVER);
            compare();
        }
        assert_true(world.fired > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_on_every_level),
        cmocka_unit_test(far_deadlines_wait),
        cmocka_unit_test(a_past_deadline_fires_at_the_next_advance),
        cmocka_unit_test(callbacks_cancel_and_arm),
        cmocka_unit_test(a_callback_may_free_its_owner),
        cmocka_unit_test(agrees_with_a_naive_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
