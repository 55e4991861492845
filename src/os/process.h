/*
 * os/process: what concerns a program as a whole: signals as events, descriptors, another program
 * in its place.
 *
 * Layer   os (may include base).
 * Owner   the main thread, before it starts others.
 * Life    gw_process_open_signals once; release ends it.
 * Limits  none.
 */
#ifndef GW_OS_PROCESS_H
#define GW_OS_PROCESS_H

#include <stdint.h>

#include "base/status.h"

enum gw_process_signal {
    GW_PROCESS_NOTHING, /* the time ran out */
    GW_PROCESS_RELOAD,  /* SIGHUP */
    GW_PROCESS_END,     /* SIGTERM, SIGINT */
};

/* Turns SIGHUP, SIGTERM and SIGINT into events and ignores SIGPIPE; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_process_open_signals(int *ret_descriptor);

/* Waits for a signal; ret_number (may be NULL) is its number. */
enum gw_process_signal gw_process_wait_signal(int descriptor, int timeout_ms, int *ret_number);

/* Gives signals their usual effect again: the next SIGTERM or SIGINT ends the program at once. */
void gw_process_release_signals(int descriptor);

/* Raises the number of open descriptors to `wanted` if the system lets us; what we have then. */
uint64_t gw_process_raise_descriptors(uint64_t wanted);

/* Becomes another program, found on the PATH; returns only if there is none. */
void gw_process_become(const char *name, char **argv);

/* The number of this process. */
int64_t gw_process_id(void);

/* The name of the user that this process acts for; "uid 1000" if it has none. Returns text. */
const char *gw_process_user(char *text, size_t size);

#endif
