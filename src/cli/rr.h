/*
 * cli/rr: sends a request and shows the response.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Prints.
 * Owner   the main thread.
 * Life    one call.
 * Limits  one request, one response.
 */
#ifndef GW_CLI_RR_H
#define GW_CLI_RR_H

#include "cli/options.h"

/* Runs to the end; returns the exit code. */
int gw_rr_run(struct gw_options *options);

#endif
