#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/password.h"
#include "base/assert.h"
#include "base/compiler.h"
#include "broker/checker.h"
#include "os/thread.h"

/* Who asks, and what was answered. */
struct asker {
    struct gw_loop *loop;
    struct gw_checker *checker;
    unsigned answers;
    enum gw_status last;
};

static void on_answer(void *user, const struct gw_checker_job *job, enum gw_status answer,
                      gw_mono_ns now)
{
    struct asker *asker = user;
    (void)job;
    (void)now;
    asker->answers++;
    asker->last = answer;
}

static int setup(void **state)
{
    struct asker *asker = calloc(1, sizeof(*asker));
    GW_ASSERT(asker != NULL);
    asker->loop = gw_loop_new(gw_socket_system(), gw_clock_system(), asker);
    asker->checker = gw_checker_new(2);
    GW_ASSERT(asker->loop != NULL && asker->checker != NULL);
    *state = asker;
    return 0;
}

static int teardown(void **state)
{
    struct asker *asker = *state;
    gw_checker_stop(asker->checker);
    gw_loop_turn(asker->loop, gw_clock_mono(gw_clock_system())); /* its mail has to be read */
    gw_checker_free(asker->checker);
    gw_loop_free(asker->loop);
    free(asker);
    return 0;
}

/* A question whose answer is yes if the password is "x". */
static struct gw_checker_job *question(struct asker *asker, const char *password)
{
    struct gw_checker_job *job = gw_checker_job_new(gw_span_str(password));
    static const char hash[] =
        "$6$6MKidibLCPGWff2+$YwxI0rj1LmoA0uX4GGKR3Mx0+DDsXQAGEqXxr0KPZRQacwaudw/"
        "nnUl4i/KrJVYqU2kyVc3y51QEPi7ds60GdA==";
    const char *why;
    size_t at;
    GW_ASSERT(job != NULL);
    GW_ASSERT(gw_hashtext_parse(gw_span_str(hash), &job->hash, &why, &at) == GW_OK);
    job->loop = asker->loop;
    job->answered = on_answer;
    job->asker = asker;
    return job;
}

static void await(struct asker *asker, unsigned answers)
{
    while (asker->answers < answers) {
        gw_loop_wait(asker->loop);
        gw_loop_turn(asker->loop, gw_clock_mono(gw_clock_system()));
    }
    assert_int_equal(asker->answers, answers);
}

static void without_threads_the_answer_comes_with_the_next_turn(void **state)
{
    struct asker *asker = *state;
    assert_int_equal(gw_checker_ask(asker->checker, question(asker, "builder"), 1), GW_OK);
    assert_int_equal(asker->answers, 0); /* never in the asker's own stack */
    await(asker, 1);
    assert_int_equal(asker->last, GW_OK);
    assert_int_equal(gw_checker_ask(asker->checker, question(asker, "wrong"), 1), GW_OK);
    await(asker, 2);
    assert_int_equal(asker->last, GW_REFUSED);
}

static void threads_answer_all_of_many(void **state)
{
    struct asker *asker = *state;
    assert_int_equal(gw_checker_start(asker->checker), GW_OK);
    assert_int_equal(gw_checker_start(asker->checker), GW_OK); /* once is enough */
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(gw_checker_ask(asker->checker, question(asker, "builder"), 500), GW_OK);
    await(asker, 500);
    assert_int_equal(asker->last, GW_OK);
}

static void who_is_gone_is_not_told(void **state)
{
    struct asker *asker = *state;
    assert_int_equal(gw_checker_start(asker->checker), GW_OK);
    struct gw_checker_job *job = question(asker, "builder");
    assert_int_equal(gw_checker_ask(asker->checker, job, 10), GW_OK);
    gw_checker_drop(job);
    assert_int_equal(gw_checker_ask(asker->checker, question(asker, "builder"), 10), GW_OK);
    await(asker, 1);
}

static void a_full_queue_takes_no_more(void **state)
{
    struct asker *asker = *state;
    unsigned taken = 0, refused = 0;
    assert_int_equal(gw_checker_start(asker->checker), GW_OK);
    for (unsigned i = 0; i < 20; i++) {
        struct gw_checker_job *job = question(asker, "builder");
        gw_password_dummy(NULL, &job->hash); /* takes its time */
        bool full = gw_checker_ask(asker->checker, job, 1) == GW_LIMIT;
        refused += full;
        taken += !full;
    }
    assert_true(taken >= 1 && refused >= 1);
    await(asker, taken);
    assert_int_equal(asker->last, GW_REFUSED);
}

static void the_end_answers_what_waits(void **state)
{
    struct asker *asker = *state;
    assert_int_equal(gw_checker_start(asker->checker), GW_OK);
    for (unsigned i = 0; i < 20; i++) {
        struct gw_checker_job *job = question(asker, "builder");
        gw_password_dummy(NULL, &job->hash);
        assert_int_equal(gw_checker_ask(asker->checker, job, 20), GW_OK);
    }
    gw_checker_stop(asker->checker);
    await(asker, 20);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_threads_the_answer_comes_with_the_next_turn),
        CASE(threads_answer_all_of_many),
        CASE(who_is_gone_is_not_told),
        CASE(a_full_queue_takes_no_more),
        CASE(the_end_answers_what_waits),
    };
    return cmocka_run_group_tests_name("checker", tests, NULL, NULL);
}
