/*
 * cli/debugline: one line on stdout for each packet (-d), in the words of mosquitto's tools.
 *
 * Layer   cli. Prints.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_CLI_DEBUGLINE_H
#define GW_CLI_DEBUGLINE_H

#include "client/core/client.h"

/* Prints the line of a packet; id NULL is shown as "(null)". */
void gw_debugline_print(const char *id, const struct gw_client_trace *trace);

#endif
