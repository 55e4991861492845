/*
 * os/thread: threads, a mutex, a signal and the number of cores. One of the few files with locks.
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    a started thread is joined once.
 * Limits  none.
 */
#ifndef GW_OS_THREAD_H
#define GW_OS_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "base/status.h"

struct gw_thread {
    pthread_t handle;
};

struct gw_mutex {
    pthread_mutex_t handle;
};

struct gw_signal {
    pthread_cond_t handle;
};

/* Starts fn(user) on a thread named name (15 characters) with all signals blocked; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_thread_start(struct gw_thread *thread, const char *name,
                                           void *(*fn)(void *user), void *user);
/* Waits for the end of a thread. */
void gw_thread_join(struct gw_thread *thread);

/* Lets the calling thread rest for about `time` nanoseconds. */
void gw_thread_sleep(uint64_t time);

/* Cores this process may use, at least 1 (affinity and cgroup quota respected). */
unsigned gw_thread_core_count(void);

void gw_mutex_init(struct gw_mutex *mutex);
void gw_mutex_fini(struct gw_mutex *mutex);
void gw_mutex_lock(struct gw_mutex *mutex);
void gw_mutex_unlock(struct gw_mutex *mutex);

void gw_signal_init(struct gw_signal *signal);
void gw_signal_fini(struct gw_signal *signal);
/* Gives the locked mutex back, waits until it rings or `time` nanoseconds are over (UINT64_MAX: for
 * ever), and locks again. May return without reason: look at what is waited for, in a loop. */
void gw_signal_wait(struct gw_signal *signal, struct gw_mutex *mutex, uint64_t time);
/* Wakes all that wait. */
void gw_signal_ring(struct gw_signal *signal);

#endif
