/*
 * daemon/founding: `godwit init`: all that a secure broker needs, in one directory: configuration,
 * CA, server certificate, a user; and a context by which the tools find it.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    one call.
 * Limits  GW_FOUNDING_TEXT_MAX bytes of a configuration.
 */
#ifndef GW_DAEMON_FOUNDING_H
#define GW_DAEMON_FOUNDING_H

#include <stddef.h>

#define GW_FOUNDING_TEXT_MAX ((size_t)64 * 1024)

/* argv[0] is the word "init"; returns the exit code. */
int gw_founding_run(const char *program, int argc, char **argv);

#endif
