/*
 * daemon/serve: `godwit serve`: starts the broker, answers signals, ends in order.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    one call.
 * Limits  none.
 */
#ifndef GW_DAEMON_SERVE_H
#define GW_DAEMON_SERVE_H

/* Runs until SIGTERM or SIGINT; argv[0] is the word "serve". Returns the exit code. */
int gw_serve_run(const char *program, int argc, char **argv);

#endif
