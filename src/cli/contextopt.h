/*
 * cli/contextopt: fills in what a command line leaves open from the context in use.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Reads files.
 * Owner   the main thread.
 * Life    texts are copied into the options.
 * Limits  those of cli/context.
 *
 * Which one: --context; none if the command line (or the options file) names a broker; the one that
 * GODWIT_CONTEXT names, none if that is empty; the one of `godwit context use`. Options win over
 * it.
 */
#ifndef GW_CLI_CONTEXTOPT_H
#define GW_CLI_CONTEXTOPT_H

#include "cli/options.h"

/* GW_INVALID with options->problem; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_contextopt_apply(struct gw_options *options);

/* Whether the tools can do with the URL of a context; as apply. Fills in options all the same. */
GW_MUST_USE enum gw_status gw_contextopt_judge(struct gw_options *options, const char *url);

#endif
