/*
 * cli/brokerurl: `-L mqtt://[user[:password]@]host[:port]/topic`; of a WebSocket
 *                `ws://[user[:password]@]host[:port]/path[/topic]`.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base). Pure but for malloc.
 * Owner   the main thread.
 * Life    texts are copied into the options.
 * Limits  none.
 */
#ifndef GW_CLI_BROKERURL_H
#define GW_CLI_BROKERURL_H

#include "cli/options.h"

/* Takes host, port, user, password and topic from a URL; the path of a WebSocket is its first level
 * (empty: as without a URL), and the topic may be missing. GW_INVALID with options->problem. */
GW_MUST_USE enum gw_status gw_brokerurl_read(struct gw_options *options, const char *url);

#endif
