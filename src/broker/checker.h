/*
 * broker/checker: workers that do for a loop what takes its time, so that no loop waits for it:
 *                 hold a password against its hash, ask a directory.
 *
 * Layer   broker. One of the few files with a lock.
 * Owner   ask from any loop; start and stop by the controlling thread.
 * Life    new, start (idempotent), stop, free. Without threads, before start and after stop, an
 *         answer is computed where it is asked for: in the simulator, in tests, at the end.
 * Limits  jobs that wait: the asker's queue_max; done at a time: the workers.
 *
 * A job is embedded in what the asker has to say. A pool belongs to whoever made it, so that a slow
 * one stalls nobody else.
 */
#ifndef GW_BROKER_CHECKER_H
#define GW_BROKER_CHECKER_H

#include <stdatomic.h>

#include "net/loop.h"

#define GW_CHECKER_WORKERS_MAX 64u

struct gw_checker;
struct gw_checker_job;

/* Does a job on a worker, with what that worker has (see gw_checker_options), NULL if nothing. */
typedef enum gw_status gw_checker_work_fn(struct gw_checker_job *job, void *worker);
/* Its outcome, on the loop that asked: what work said, or GW_NO_MEMORY if it was never done. The
 * job is released after. */
typedef void gw_checker_fn(void *asker, struct gw_checker_job *job, enum gw_status answer,
                           gw_mono_ns now);
/* Frees what the job is embedded in; on the loop that asked, or where it was refused. */
typedef void gw_checker_release_fn(struct gw_checker_job *job);

/* What to do and for whom; set by the asker, all but the first two and the last. Asker and answered
 * belong to the loop that asked. */
struct gw_checker_job {
    struct gw_mail mail;
    struct gw_checker_job *next;
    struct gw_loop *loop;
    gw_checker_work_fn *work;
    gw_checker_fn *answered;
    gw_checker_release_fn *release;
    void *asker;         /* NULL: nobody wants to know any more */
    atomic_bool dropped; /* relaxed: a hint that spares the work */
    enum gw_status answer;
};

struct gw_checker_options {
    const char *name; /* of the threads, 15 characters */
    unsigned workers; /* 0: half the cores */
    /* What each worker has for itself: made and ended on its own thread; NULL where it needs
     * nothing. If enter returns NULL, its jobs are answered with GW_NO_MEMORY until it does not. */
    void *ctx;
    void *(*enter)(void *ctx);
    void (*leave)(void *worker);
};

/* NULL when memory is out. */
struct gw_checker *gw_checker_new(const struct gw_checker_options *options);
/* Starts the threads if they do not run; GW_OS_ERROR: none could be started. */
GW_MUST_USE enum gw_status gw_checker_start(struct gw_checker *checker);
/* Begins what stop ends, without waiting: for whoever stops several. */
void gw_checker_close(struct gw_checker *checker);
/* Answers what is being done and ends the threads; what waits is answered with GW_NO_MEMORY.
 * The loops must still take their mail afterwards. */
void gw_checker_stop(struct gw_checker *checker);
/* NULL is fine. */
void gw_checker_free(struct gw_checker *checker);

/* Prepares the job in zeroed memory. */
void gw_checker_job_init(struct gw_checker_job *job);

/* Asks; takes the job over. GW_LIMIT: queue_max wait already, and the job is released. */
GW_MUST_USE enum gw_status gw_checker_ask(struct gw_checker *checker, struct gw_checker_job *job,
                                          size_t queue_max);
/* The asker is gone or does not want to know any more; on its loop, before the answer. */
void gw_checker_drop(struct gw_checker_job *job);

#endif
