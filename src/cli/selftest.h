/*
 * cli/selftest: `godwit selftest --crash`: kills this very program as a broker again and again and
 * counts what of its promises survives, on the user's own disk.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Prints.
 * Owner   the main thread.
 * Life    a call is a whole run.
 * Limits  GW_SELFTEST_CYCLES_MAX lives of the broker; GW_SELFTEST_PATIENCE_S for an answer.
 */
#ifndef GW_CLI_SELFTEST_H
#define GW_CLI_SELFTEST_H

#define GW_SELFTEST_CYCLES_MAX 1000000u
#define GW_SELFTEST_PATIENCE_S 30

/* Runs to the end: 0 nothing was lost, 1 something was, or the test could not be made; 64 the
 * command line is wrong. argv[0] is the command's own word. */
int gw_selftest_run(int argc, char **argv);

#endif
