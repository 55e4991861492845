#include "os/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#define THREAD_NAME_SIZE 16
#define CGROUP_PATH_MAX  512

enum gw_status gw_thread_start(struct gw_thread *thread, const char *name, void *(*fn)(void *user),
                               void *user)
{
    /* The new thread inherits the mask, so that signals go to the main thread only. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return GW_OS_ERROR;
    int failed = pthread_create(&thread->handle, NULL, fn, user);
    GW_ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (failed)
        return GW_OS_ERROR;
    char cut[THREAD_NAME_SIZE];
    snprintf(cut, sizeof cut, "%s", name);
    (void)pthread_setname_np(thread->handle, cut); /* a name is a comfort, not a need */
    return GW_OK;
}

void gw_thread_join(struct gw_thread *thread)
{
    GW_ASSERT(pthread_join(thread->handle, NULL) == 0);
}

static unsigned affinity_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

/* The cores that a quota allows, rounded up; `most` without a quota. */
static unsigned quota_count(const char *path, unsigned most)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return most;
    unsigned long quota = 0;
    unsigned long period = 0;
    int read = fscanf(file, "%lu %lu", &quota, &period); /* "max 100000" gives 0 */
    fclose(file);
    if (read != 2 || period == 0)
        return most;
    unsigned long cores = quota / period + (quota % period != 0);
    return cores == 0 ? 1 : cores < most ? (unsigned)cores : most;
}

/* This process's group in the unified hierarchy, without the end of line; false if there is none.
 */
static bool own_cgroup(char path[CGROUP_PATH_MAX])
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL)
        return false;
    bool found = false;
    char line[CGROUP_PATH_MAX];
    while (!found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, "0::/", 4) == 0;
        if (found) {
            line[strcspn(line, "\n")] = 0;
            memcpy(path, line + 3, strlen(line + 3) + 1);
        }
    }
    fclose(file);
    return found;
}

unsigned gw_thread_core_count(void)
{
    unsigned count = affinity_count();
    char group[CGROUP_PATH_MAX];
    if (!own_cgroup(group))
        return count;
    /* Each level above may be narrower than the one below. */
    for (;;) {
        char path[CGROUP_PATH_MAX + 32];
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        count = quota_count(path, count);
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return count;
        *slash = 0;
    }
}

void gw_mutex_init(struct gw_mutex *mutex)
{
    GW_ASSERT(pthread_mutex_init(&mutex->handle, NULL) == 0);
}

void gw_mutex_fini(struct gw_mutex *mutex)
{
    GW_ASSERT(pthread_mutex_destroy(&mutex->handle) == 0);
}

void gw_mutex_lock(struct gw_mutex *mutex)
{
    GW_ASSERT(pthread_mutex_lock(&mutex->handle) == 0);
}

void gw_mutex_unlock(struct gw_mutex *mutex)
{
    GW_ASSERT(pthread_mutex_unlock(&mutex->handle) == 0);
}

void gw_thread_sleep(uint64_t time)
{
    struct timespec rest = {.tv_sec = (time_t)(time / 1000000000u),
                            .tv_nsec = (long)(time % 1000000000u)};
    (void)nanosleep(&rest, NULL);
}

void gw_signal_init(struct gw_signal *signal)
{
    pthread_condattr_t attributes;
    GW_ASSERT(pthread_condattr_init(&attributes) == 0);
    GW_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    GW_ASSERT(pthread_cond_init(&signal->handle, &attributes) == 0);
    GW_ASSERT(pthread_condattr_destroy(&attributes) == 0);
}

void gw_signal_fini(struct gw_signal *signal)
{
    GW_ASSERT(pthread_cond_destroy(&signal->handle) == 0);
}

void gw_signal_wait(struct gw_signal *signal, struct gw_mutex *mutex, uint64_t time)
{
    if (time == UINT64_MAX) {
        GW_ASSERT(pthread_cond_wait(&signal->handle, &mutex->handle) == 0);
        return;
    }
    struct timespec until;
    GW_ASSERT(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    uint64_t nanoseconds = (uint64_t)until.tv_nsec + time % 1000000000u;
    until.tv_sec += (time_t)(time / 1000000000u + nanoseconds / 1000000000u);
    until.tv_nsec = (long)(nanoseconds % 1000000000u);
    int result = pthread_cond_timedwait(&signal->handle, &mutex->handle, &until);
    GW_ASSERT(result == 0 || result == ETIMEDOUT);
}

void gw_signal_ring(struct gw_signal *signal)
{
    GW_ASSERT(pthread_cond_broadcast(&signal->handle) == 0);
}
