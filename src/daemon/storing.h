/*
 * daemon/storing: `godwit store info`, `verify` and `compact`.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_STORING_H
#define GW_DAEMON_STORING_H

/* `godwit store …`; argv[0] is "store". Returns the exit code. */
int gw_storing_run(const char *program, int argc, char **argv);

#endif
