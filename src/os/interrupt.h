/*
 * os/interrupt: the wish to end (SIGINT, SIGTERM) as a descriptor that becomes readable.
 *
 * Layer   os (may include base).
 * Owner   the main thread of a command-line program.
 * Life    open blocks the signals for the process; close gives the descriptor back, they stay
 *         blocked.
 * Limits  none.
 */
#ifndef GW_OS_INTERRUPT_H
#define GW_OS_INTERRUPT_H

#include "base/status.h"

/* Turns SIGINT and SIGTERM into readiness of *ret_descriptor; GW_OS_ERROR. A signal that was
 * ignored when the program started (nohup, background jobs) stays ignored. */
GW_MUST_USE enum gw_status gw_interrupt_open(int *ret_descriptor);

/* Takes one signal that arrived; its number, 0 if there is none. */
int gw_interrupt_take(int descriptor);

/* Gives the descriptor back; -1 is fine. */
void gw_interrupt_close(int descriptor);

#endif
