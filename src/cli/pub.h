/*
 * cli/pub: sends one message, one repeatedly, or each line of standard input.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Prints.
 * Owner   the main thread.
 * Life    one call.
 * Limits  GW_PUB_LINES_MAX lines that are not acknowledged yet; reading waits beyond.
 */
#ifndef GW_CLI_PUB_H
#define GW_CLI_PUB_H

#include "cli/options.h"

#define GW_PUB_LINES_MAX 1000u

/* Runs to the end; returns the exit code. */
int gw_pub_run(struct gw_options *options);

#endif
