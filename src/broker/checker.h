/*
 * broker/checker: workers that hold passwords against hashes, so that no loop waits for it.
 *
 * Layer   broker. One of the few files with a lock.
 * Owner   ask from any loop; start and stop by the controlling thread.
 * Life    new, start (idempotent), stop, free. Without threads, before start and after stop, an
 *         answer is computed where it is asked for: in the simulator, in tests, at the end.
 * Limits  questions that wait: the asker's queue_max; computed at a time: the workers, each with
 *         the memory of its hash (auth/hashtext).
 */
#ifndef GW_BROKER_CHECKER_H
#define GW_BROKER_CHECKER_H

#include <stdatomic.h>

#include "auth/hashtext.h"
#include "net/loop.h"

struct gw_checker;
struct gw_checker_job;

/* The answer, on the loop that asked: GW_OK, GW_REFUSED, GW_NO_MEMORY. The job is released after.
 */
typedef void gw_checker_fn(void *asker, const struct gw_checker_job *job, enum gw_status answer,
                           gw_mono_ns now);

/* A question under way. Asker and answered belong to the loop that asked. */
struct gw_checker_job {
    struct gw_mail mail;
    struct gw_checker_job *next;
    struct gw_loop *loop;
    gw_checker_fn *answered;
    void *asker;         /* NULL: nobody wants to know any more */
    atomic_bool dropped; /* relaxed: a hint that spares the work */
    enum gw_status answer;
    struct gw_hashtext hash;
    uint64_t proof; /* the asker's: which hash it was */
    size_t password_size;
    uint8_t password[];
};

/* workers 0: half the cores. NULL when memory is out. */
struct gw_checker *gw_checker_new(unsigned workers);
/* Starts the threads if they do not run; GW_OS_ERROR: none could be started. */
GW_MUST_USE enum gw_status gw_checker_start(struct gw_checker *checker);
/* Answers what is being computed and ends the threads; what waits is answered with GW_NO_MEMORY.
 * The loops must still take their mail afterwards. */
void gw_checker_stop(struct gw_checker *checker);
/* NULL is fine. */
void gw_checker_free(struct gw_checker *checker);

/* Makes a question; NULL when memory is out. The password is wiped with it. */
struct gw_checker_job *gw_checker_job_new(struct gw_span password);

/* Asks; takes the job over. GW_LIMIT: queue_max wait already, and the job is gone. */
GW_MUST_USE enum gw_status gw_checker_ask(struct gw_checker *checker, struct gw_checker_job *job,
                                          size_t queue_max);
/* The asker is gone or does not want to know any more; on its loop, before the answer. */
void gw_checker_drop(struct gw_checker_job *job);

#endif
