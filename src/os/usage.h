/*
 * os/usage: what a process has cost so far: processor time, memory.
 *
 * Layer   os (may include base).
 * Owner   any thread.
 * Life    values only.
 * Limits  none.
 */
#ifndef GW_OS_USAGE_H
#define GW_OS_USAGE_H

#include "base/status.h"
#include "base/time.h"

struct gw_usage {
    uint64_t user_ns;   /* processor time in the program */
    uint64_t system_ns; /* and in the system on its behalf */
};

/* Of this process. */
void gw_usage_own(struct gw_usage *ret_usage);
/* Of any process, all its threads, in steps of the system's clock tick (10 ms as a rule);
 * *ret_memory is the memory it has resident. GW_NOT_FOUND. */
GW_MUST_USE enum gw_status gw_usage_of(int64_t pid, struct gw_usage *ret_usage,
                                       uint64_t *ret_memory);

#endif
