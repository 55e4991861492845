/*
 * cli/propopt: `-D COMMAND NAME [KEY] VALUE`, one MQTT 5 property of a packet.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base).
 * Owner   the main thread.
 * Life    texts are borrowed.
 * Limits  65,535 bytes a text; GW_PROPOPT_USERS_MAX bytes of user properties a packet.
 */
#ifndef GW_CLI_PROPOPT_H
#define GW_CLI_PROPOPT_H

#include "cli/options.h"

#define GW_PROPOPT_USERS_MAX ((size_t)1024 * 1024)

/* Reads one property from the words behind -D; *ret_used words were its own (3 or 4).
 * GW_INVALID with options->problem. */
GW_MUST_USE enum gw_status gw_propopt_read(struct gw_options *options, char *const *words,
                                           size_t word_count, size_t *ret_used);

#endif
