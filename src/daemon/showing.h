/*
 * daemon/showing: `godwit config` and `godwit check`: configurations looked at, nothing started.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    one call.
 * Limits  none.
 */
#ifndef GW_DAEMON_SHOWING_H
#define GW_DAEMON_SHOWING_H

#include <stdbool.h>

/* `godwit config show|reference`; argv[0] is the word "config". Returns the exit code. */
int gw_showing_config(const char *program, int argc, char **argv);

/* `godwit check config FILE`; argv[0] is the word "check". Returns the exit code. */
int gw_showing_check(const char *program, int argc, char **argv);

/* Prints what a key means; false if there is no such key. */
bool gw_showing_key(const char *name);

/* Prints the keys of a section ("limits"); false if there is no such section. */
bool gw_showing_section(const char *name);

/* Says that there is no such key, and which was meant; returns the exit code. */
int gw_showing_refuse_key(const char *name);

#endif
