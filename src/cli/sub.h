/*
 * cli/sub: subscribes and shows what arrives.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Prints.
 * Owner   the main thread.
 * Life    one call.
 * Limits  one message in memory, as it is shown.
 */
#ifndef GW_CLI_SUB_H
#define GW_CLI_SUB_H

#include "cli/options.h"
#include "wire/publish.h"

#define GW_SUB_SHOWN_MAX ((size_t)2 * 1024 * 1024 * 1024)

/* Runs to the end; returns the exit code. */
int gw_sub_run(struct gw_options *options);

/* Shows one message on stdout in the form that the options say; GW_OS_ERROR when stdout is gone. */
GW_MUST_USE enum gw_status gw_sub_show(const struct gw_options *options,
                                       const struct gw_publish *publish);

#endif
