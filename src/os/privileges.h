/*
 * os/privileges: what this process may do, made less.
 *
 * Layer   os (may include base).
 * Owner   the main thread, before it starts others.
 * Life    for good: nothing gives back what is gone.
 * Limits  none.
 */
#ifndef GW_OS_PRIVILEGES_H
#define GW_OS_PRIVILEGES_H

#include <stdbool.h>

#include "os/account.h"

/* True while this process may do everything. */
bool gw_privileges_are_roots(void);

/* Becomes another user with its groups, for good, and no program that it starts gets more; what is
 * in its memory is not written into core files then. Nothing to do if it is that user already.
 * GW_OS_ERROR with the errno: the process must not go on. */
GW_MUST_USE enum gw_status gw_privileges_become(const struct gw_account *account, int *ret_errno);

#endif
