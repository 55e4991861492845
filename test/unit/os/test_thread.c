#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "os/clock.h"
#include "os/entropy.h"
#include "os/thread.h"

struct report {
    struct gw_mutex mutex;
    char name[16];
    int blocked;
    long count;
};

static void *report(void *user)
{
    struct report *report = user;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int i = 0; i < 10000; i++) {
        gw_mutex_lock(&report->mutex);
        report->count++;
        gw_mutex_unlock(&report->mutex);
    }
    gw_mutex_lock(&report->mutex);
    report->blocked = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGINT);
    gw_mutex_unlock(&report->mutex);
    return NULL;
}

static void runs_threads_without_signals(void **state)
{
    (void)state;
    struct report both = {.count = 0};
    struct gw_thread threads[2];
    sigset_t mask;
    gw_mutex_init(&both.mutex);
    for (int i = 0; i < 2; i++)
        assert_int_equal(gw_thread_start(&threads[i], "a name of more than fifteen", report, &both),
                         GW_OK);
    for (int i = 0; i < 2; i++)
        gw_thread_join(&threads[i]);
    gw_mutex_fini(&both.mutex);
    assert_int_equal(both.count, 20000);
    assert_true(both.blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &mask); /* ours is as before */
    assert_false(sigismember(&mask, SIGTERM));
}

static void counts_cores(void **state)
{
    (void)state;
    cpu_set_t before;
    assert_true(gw_thread_core_count() >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(gw_thread_core_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void clocks_run_forward(void **state)
{
    (void)state;
    const struct gw_clock *clock = gw_clock_system();
    gw_mono_ns first = gw_clock_mono(clock);
    assert_true(gw_clock_mono(clock) >= first);
    assert_true(gw_clock_wall(clock) > (gw_wall_ns)(1600000000 * GW_NS_PER_S));
}

static void entropy_differs(void **state)
{
    (void)state;
    uint8_t a[600] = {0};
    uint8_t b[600] = {0};
    gw_entropy_fill(a, sizeof a);
    gw_entropy_fill(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 584, b + 584, 16); /* up to the end */
    gw_entropy_fill(a, 0);
}

struct bell {
    struct gw_mutex mutex;
    struct gw_signal signal;
    bool rung;
};

static void *ring(void *user)
{
    struct bell *bell = user;
    gw_thread_sleep(1000000);
    gw_mutex_lock(&bell->mutex);
    bell->rung = true;
    gw_signal_ring(&bell->signal);
    gw_mutex_unlock(&bell->mutex);
    return NULL;
}

static void waits_for_a_signal(void **state)
{
    (void)state;
    struct bell bell = {.rung = false};
    struct gw_thread thread;
    gw_mutex_init(&bell.mutex);
    gw_signal_init(&bell.signal);
    gw_mutex_lock(&bell.mutex);
    gw_signal_wait(&bell.signal, &bell.mutex, 1); /* nobody rings: the time is over */
    gw_signal_wait(&bell.signal, &bell.mutex, 1999999999 / 1000);
    assert_int_equal(gw_thread_start(&thread, "ring", ring, &bell), GW_OK);
    while (!bell.rung)
        gw_signal_wait(&bell.signal, &bell.mutex, UINT64_MAX);
    gw_mutex_unlock(&bell.mutex);
    gw_thread_join(&thread);
    gw_signal_fini(&bell.signal);
    gw_mutex_fini(&bell.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_a_signal), cmocka_unit_test(runs_threads_without_signals),
        cmocka_unit_test(counts_cores),       cmocka_unit_test(clocks_run_forward),
        cmocka_unit_test(entropy_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
