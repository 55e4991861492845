/*
 * broker/whynot: the words in which an MQTT 5 client hears what it was refused, and how its owner
 *                can find out why (Reason String, MQTT 5.0 sections 3.4.2.2.2, 3.9.2.1.2).
 *
 * Layer   broker.
 * Owner   the client's shard.
 * Life    texts are the caller's.
 * Limits  GW_WHYNOT_MAX bytes; names and topics that are long, or that a shell would not take as
 *         they are, are left out.
 *
 * It says what the client knows already, who it is and what it wanted, and never which rule
 * decided: rules may tell of others. The log has that (acl.denied).
 */
#ifndef GW_BROKER_WHYNOT_H
#define GW_BROKER_WHYNOT_H

#include "broker/guest.h"

#define GW_WHYNOT_MAX 640u

/* What was refused: "no access rule lets user "bob" publish to "devices/9/temp" ...". Empty if the
 * client does not want to hear it (Request Problem Information) or is not of MQTT 5. */
struct gw_span gw_whynot_access(const struct gw_guest *client, bool publish, struct gw_span topic,
                                char text[GW_WHYNOT_MAX]);
/* The same for words that are there already. */
struct gw_span gw_whynot_words(const struct gw_guest *client, const char *words);

#endif
