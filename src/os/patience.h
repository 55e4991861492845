/*
 * os/patience: how long a worker still waits for a descriptor, all its waits together.
 *
 * Layer   os (may include base). Waits: for workers and tools, never on a loop.
 * Owner   a value.
 * Life    none.
 * Limits  the time it is given.
 */
#ifndef GW_OS_PATIENCE_H
#define GW_OS_PATIENCE_H

#include <stdbool.h>

#include "base/status.h"
#include "base/time.h"

struct gw_patience {
    gw_mono_ns until; /* of the system's monotonic clock */
};

/* Patience that ends so many milliseconds from now. */
struct gw_patience gw_patience_for(uint32_t ms);
/* What is left of it in milliseconds, rounded up; 0 when it is over. */
uint32_t gw_patience_left_ms(const struct gw_patience *patience);
/* Waits until a descriptor can be read from or written to (or has an error to tell); GW_TIMEOUT,
 * GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_patience_wait(const struct gw_patience *patience, int fd,
                                            bool to_read, bool to_write);

#endif
