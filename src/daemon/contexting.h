/*
 * daemon/contexting: `godwit context`: lists, adds, chooses and removes the brokers that the
 *                    tools know.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    one call.
 * Limits  GW_CONTEXTING_MAX contexts are listed.
 */
#ifndef GW_DAEMON_CONTEXTING_H
#define GW_DAEMON_CONTEXTING_H

#define GW_CONTEXTING_MAX 1000

/* argv[0] is the word "context"; returns the exit code. */
int gw_contexting_run(const char *program, int argc, char **argv);

#endif
