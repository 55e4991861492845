#include "broker/checker.h"

#include <stdlib.h>

#include "auth/password.h"
#include "base/assert.h"
#include "os/thread.h"

#define WORKERS_MAX 64u

struct gw_checker {
    struct gw_mutex mutex;
    struct gw_signal signal;
    struct gw_checker_job *first; /* what waits, the oldest first */
    struct gw_checker_job **last;
    size_t waiting;
    bool stopping;
    struct gw_thread threads[WORKERS_MAX];
    unsigned thread_count; /* that run; the controlling thread's, and read under the mutex */
    unsigned wanted;
};

struct gw_checker *gw_checker_new(unsigned workers)
{
    struct gw_checker *checker = calloc(1, sizeof(*checker));
    if (!checker)
        return NULL;
    if (workers == 0)
        workers = (gw_thread_core_count() + 1) / 2;
    checker->wanted = workers < WORKERS_MAX ? workers : WORKERS_MAX;
    checker->last = &checker->first;
    gw_mutex_init(&checker->mutex);
    gw_signal_init(&checker->signal);
    return checker;
}

static void job_free(struct gw_checker_job *job)
{
    gw_password_wipe(job->password, job->password_size);
    free(job);
}

static void on_answer(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct gw_checker_job *job = GW_CONTAINER(mail, struct gw_checker_job, mail);
    (void)owner;
    if (job->asker)
        job->answered(job->asker, job, job->answer, now);
    job_free(job);
}

struct gw_checker_job *gw_checker_job_new(struct gw_span password)
{
    struct gw_checker_job *job = calloc(1, sizeof(*job) + password.size);
    if (!job)
        return NULL;
    atomic_init(&job->dropped, false);
    job->mail.fn = on_answer;
    job->answer = GW_NO_MEMORY;
    job->password_size = password.size;
    if (password.size > 0)
        memcpy(job->password, password.data, password.size);
    return job;
}

void gw_checker_drop(struct gw_checker_job *job)
{
    job->asker = NULL;
    atomic_store_explicit(&job->dropped, true, memory_order_relaxed);
}

/* Computes and sends the answer on its way; the job is its loop's from then on. */
static void answer(struct gw_checker_job *job, bool compute)
{
    if (compute && !atomic_load_explicit(&job->dropped, memory_order_relaxed))
        job->answer = gw_password_check(&job->hash, gw_span_of(job->password, job->password_size));
    gw_loop_post(job->loop, &job->mail);
}

/* The oldest question; NULL if there is none. */
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
    gw_mutex_lock(&checker->mutex);
    for (;;) {
        struct gw_checker_job *job = take(checker);
        if (!job && checker->stopping)
            break;
        if (!job) {
            gw_signal_wait(&checker->signal, &checker->mutex, UINT64_MAX);
            continue;
        }
        bool compute = !checker->stopping;
        gw_mutex_unlock(&checker->mutex);
        answer(job, compute);
        gw_mutex_lock(&checker->mutex);
    }
    gw_mutex_unlock(&checker->mutex);
    return NULL;
}

enum gw_status gw_checker_start(struct gw_checker *checker)
{
    while (checker->thread_count < checker->wanted) {
        struct gw_thread *thread = &checker->threads[checker->thread_count];
        if (gw_thread_start(thread, "godwit-login", work, checker) != GW_OK)
            break;
        gw_mutex_lock(&checker->mutex);
        checker->thread_count++;
        gw_mutex_unlock(&checker->mutex);
    }
    return checker->thread_count > 0 ? GW_OK : GW_OS_ERROR;
}

void gw_checker_stop(struct gw_checker *checker)
{
    gw_mutex_lock(&checker->mutex);
    checker->stopping = true;
    gw_signal_ring(&checker->signal);
    gw_mutex_unlock(&checker->mutex);
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
        job_free(job);
    else if (!threads)
        answer(job, true);
    return full ? GW_LIMIT : GW_OK;
}
