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

/* A question: whether a password is that of a hash. */
struct question {
    struct gw_checker_job job;
    struct gw_hashtext hash;
    const char *password;
};

static void on_answer(void *user, struct gw_checker_job *job, enum gw_status answer, gw_mono_ns now)
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
    const struct gw_checker_options options = {.name = "test", .workers = 2};
    asker->checker = gw_checker_new(&options);
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

static enum gw_status check(struct gw_checker_job *job, void *worker)
{
    struct question *question = GW_CONTAINER(job, struct question, job);
    assert_null(worker);
    return gw_password_check(&question->hash, gw_span_str(question->password));
}

static void release(struct gw_checker_job *job)
{
    free(GW_CONTAINER(job, struct question, job));
}

static struct question *question_new(struct asker *asker, const char *password)
{
    struct question *question = calloc(1, sizeof(*question));
    static const char hash[] =
        "$6$6MKidibLCPGWff2+$YwxI0rj1LmoA0uX4GGKR3Mx0+DDsXQAGEqXxr0KPZRQacwaudw/"
        "nnUl4i/KrJVYqU2kyVc3y51QEPi7ds60GdA==";
    const char *why;
    size_t at;
    GW_ASSERT(question != NULL);
    GW_ASSERT(gw_hashtext_parse(gw_span_str(hash), &question->hash, &why, &at) == GW_OK);
    gw_checker_job_init(&question->job);
    question->password = password;
    question->job.loop = asker->loop;
    question->job.work = check;
    question->job.answered = on_answer;
    question->job.release = release;
    question->job.asker = asker;
    return question;
}

/* A question whose answer is yes if the password is "builder". */
static struct gw_checker_job *question(struct asker *asker, const char *password)
{
    return &question_new(asker, password)->job;
}

/* One that takes its time. */
static struct gw_checker_job *long_question(struct asker *asker)
{
    struct question *question = question_new(asker, "builder");
    gw_password_dummy(NULL, &question->hash);
    return &question->job;
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
        bool full = gw_checker_ask(asker->checker, long_question(asker), 1) == GW_LIMIT;
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
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(gw_checker_ask(asker->checker, long_question(asker), 20), GW_OK);
    gw_checker_stop(asker->checker);
    await(asker, 20);
}

/* What workers have for themselves, counted. */
struct tools {
    atomic_uint made;
    atomic_uint left;
    atomic_bool none; /* there is no memory for one */
};

static void *take_tool(void *ctx)
{
    struct tools *tools = ctx;
    if (atomic_load(&tools->none))
        return NULL;
    atomic_fetch_add(&tools->made, 1);
    return tools;
}

static void leave_tool(void *worker)
{
    struct tools *tools = worker;
    atomic_fetch_add(&tools->left, 1);
}

static enum gw_status use_tool(struct gw_checker_job *job, void *worker)
{
    (void)job;
    return worker ? GW_EXISTS : GW_NOT_FOUND;
}

static void ask_with_tool(struct asker *asker, struct gw_checker *pool, enum gw_status answer)
{
    struct gw_checker_job *job = question(asker, "");
    unsigned before = asker->answers;
    job->work = use_tool;
    assert_int_equal(gw_checker_ask(pool, job, 10), GW_OK);
    await(asker, before + 1);
    assert_int_equal(asker->last, answer);
}

static void each_worker_has_its_own(void **state)
{
    struct asker *asker = *state;
    struct tools tools = {0};
    const struct gw_checker_options options = {
        .name = "test", .workers = 1, .ctx = &tools, .enter = take_tool, .leave = leave_tool};
    struct gw_checker *pool = gw_checker_new(&options);
    assert_non_null(pool);
    ask_with_tool(asker, pool, GW_EXISTS); /* nobody runs: for this one job */
    assert_int_equal(tools.made, 1);
    assert_int_equal(tools.left, 1);
    atomic_store(&tools.none, true);
    assert_int_equal(gw_checker_start(pool), GW_OK);
    ask_with_tool(asker, pool, GW_NO_MEMORY);
    atomic_store(&tools.none, false); /* it is tried again */
    ask_with_tool(asker, pool, GW_EXISTS);
    ask_with_tool(asker, pool, GW_EXISTS);
    gw_checker_stop(pool);
    assert_int_equal(tools.made, 2);
    assert_int_equal(tools.left, 2);
    gw_checker_free(pool);
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
        CASE(each_worker_has_its_own),
    };
    return cmocka_run_group_tests_name("checker", tests, NULL, NULL);
}
