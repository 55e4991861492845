/*
 * daemon/benching: `godwit bench`: loads a broker, any broker, and says how well it stood it.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    a call is a whole run.
 * Limits  those of bench/drill.
 */
#ifndef GW_DAEMON_BENCHING_H
#define GW_DAEMON_BENCHING_H

/* Exit codes: 0; 1 if anything was lost, doubled or out of order, or a client was cut off; those of
 * daemon/command. */
int gw_benching_run(const char *program, int argc, char **argv);

#endif
