/*
 * cli/jsonmsg: a message as JSON (%j, %J): tst, topic, qos, retain, payloadlen, mid, properties,
 * payload.
 *
 * Layer   cli. Pure but for the buffer's malloc; the local time zone comes from the C library.
 * Owner   the main thread.
 * Life    none.
 * Limits  the buffer's bound.
 */
#ifndef GW_CLI_JSONMSG_H
#define GW_CLI_JSONMSG_H

#include "base/time.h"
#include "cli/jsonout.h"
#include "wire/publish.h"

/* How the payload is shown. */
enum gw_jsonmsg_payload {
    GW_JSONMSG_TEXT,   /* as a string; what is not UTF-8 becomes U+FFFD */
    GW_JSONMSG_EXACT,  /* as a string if it is UTF-8, else as payload_b64 */
    GW_JSONMSG_PARSED, /* it is JSON itself and stands there as such */
};

/* Writes a message. GW_MALFORMED: parsed is asked for and it is not JSON; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jsonmsg_write(struct gw_jsonout *out,
                                            const struct gw_publish *publish, gw_wall_ns wall,
                                            enum gw_jsonmsg_payload form);

#endif
