#include "broker/checker.h"

#include <stdlib.h>

#include "base/assert.h"
#include "os/thread.h"

struct gw_checker {
    struct gw_checker_options options;
    struct gw_mutex mutex;
    struct gw_signal signal;
    struct gw_checker_job *first; /* what waits, the oldest first */
    struct gw_checker_job **last;
    size_t waiting;
    bool stopping;
    struct gw_thread threads[GW_CHECKER_WORKERS_MAX];
    unsigned thread_count; /* that run; the controlling thread's, and read under the mutex */
    unsigned wanted;
};

struct gw_checker *gw_checker_new(const struct gw_checker_options *options)
{
    struct gw_checker *checker = calloc(1, sizeof(*checker));
    unsigned workers = options->workers;
    if (!checker)
        return NULL;
    if (workers == 0)
        workers = (gw_thread_core_count() + 1) / 2;
    checker->options = *options;
    checker->wanted = workers < GW_CHECKER_WORKERS_MAX ? workers : GW_CHECKER_WORKERS_MAX;
    checker->last = &checker->first;
    gw_mutex_init(&checker->mutex);
    gw_signal_init(&checker->signal);
    return checker;
}

static void on_answer(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct gw_checker_job *job = GW_CONTAINER(mail, struct gw_checker_job, mail);
    (void)owner;
    if (job->asker)
        job->answered(job->asker, job, job->answer, now);
    job->release(job);
}

void gw_checker_job_init(struct gw_checker_job *job)
{
    atomic_init(&job->dropped, false);
    job->mail.fn = on_answer;
    job->answer = GW_NO_MEMORY;
}

void gw_checker_drop(struct gw_checker_job *job)
{
    job->asker = NULL;
    atomic_store_explicit(&job->dropped, true, memory_order_relaxed);
}

/* What a worker has; made when it is first wanted. False: it cannot work without it. */
static bool equip(const struct gw_checker *checker, void **worker)
{
    if (checker->options.enter && !*worker)
        *worker = checker->options.enter(checker->options.ctx);
    return !checker->options.enter || *worker;
}

static void disarm(const struct gw_checker *checker, void *worker)
{
    if (worker)
        checker->options.leave(worker);
}

/* Does the job and sends the answer on its way; the job is its loop's from then on. */
static void answer(const struct gw_checker *checker, struct gw_checker_job *job, void **worker)
{
    if (!atomic_load_explicit(&job->dropped, memory_order_relaxed) && equip(checker, worker))
        job->answer = job->work(job, *worker);
    gw_loop_post(job->loop, &job->mail);
}

/* The oldest job; NULL if there is none. */
static struct gw_checker_job *take(struct gw_checker *checker)
{
    struct gw_checker_job *job = checker->first;
    if (!job)
        return NULL;
    checker->first = job->next;
    if (!checker->first)
        checker->last = &checker->first;
    checker->waiting--;
    return job;
}

static void *work(void *user)
{
    struct gw_checker *checker = user;
    void *worker = NULL;
    gw_mutex_lock(&checker->mutex);
    for (;;) {
        struct gw_checker_job *job = take(checker);
        if (!job && checker->stopping)
            break;
        if (!job) {
            gw_signal_wait(&checker->signal, &checker->mutex, UINT64_MAX);
            continue;
        }
        bool stopping = checker->stopping;
        gw_mutex_unlock(&checker->mutex);
        if (stopping)
            gw_loop_post(job->loop, &job->mail);
        else
            answer(checker, job, &worker);
        gw_mutex_lock(&checker->mutex);
    }
    gw_mutex_unlock(&checker->mutex);
    disarm(checker, worker);
    return NULL;
}

/* Nobody runs: the asker does it itself. */
static void answer_here(const struct gw_checker *checker, struct gw_checker_job *job)
{
    void *worker = NULL;
    answer(checker, job, &worker);
    disarm(checker, worker);
}

enum gw_status gw_checker_start(struct gw_checker *checker)
{
    while (checker->thread_count < checker->wanted) {
        struct gw_thread *thread = &checker->threads[checker->thread_count];
        if (gw_thread_start(thread, checker->options.name, work, checker) != GW_OK)
            break;
        gw_mutex_lock(&checker->mutex);
        checker->thread_count++;
        gw_mutex_unlock(&checker->mutex);
    }
    return checker->thread_count > 0 ? GW_OK : GW_OS_ERROR;
}

void gw_checker_close(struct gw_checker *checker)
{
    gw_mutex_lock(&checker->mutex);
    checker->stopping = true;
    gw_signal_ring(&checker->signal);
    gw_mutex_unlock(&checker->mutex);
}

void gw_checker_stop(struct gw_checker *checker)
{
    gw_checker_close(checker);
    for (unsigned i = 0; i < checker->thread_count; i++)
        gw_thread_join(&checker->threads[i]);
    gw_mutex_lock(&checker->mutex);
    checker->thread_count = 0;
    checker->stopping = false;
    gw_mutex_unlock(&checker->mutex);
}

void gw_checker_free(struct gw_checker *checker)
{
    if (!checker)
        return;
    GW_ASSERT(checker->thread_count == 0 && !checker->first);
    gw_signal_fini(&checker->signal);
    gw_mutex_fini(&checker->mutex);
    free(checker);
}

enum gw_status gw_checker_ask(struct gw_checker *checker, struct gw_checker_job *job,
                              size_t queue_max)
{
    gw_mutex_lock(&checker->mutex);
    bool threads = checker->thread_count > 0;
    bool full = threads && checker->waiting >= queue_max;
    if (threads && !full) {
        job->next = NULL;
        *checker->last = job;
        checker->last = &job->next;
        checker->waiting++;
        gw_signal_ring(&checker->signal);
    }
    gw_mutex_unlock(&checker->mutex);
    if (full)
        job->release(job);
    else if (!threads)
        answer_here(checker, job);
    return full ? GW_LIMIT : GW_OK;
}
