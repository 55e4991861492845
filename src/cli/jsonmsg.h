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

/* Writes a message; `parsed`: the payload is JSON itself and stands there as such, else
 * GW_MALFORMED. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jsonmsg_write(struct gw_jsonout *out,
                                            const struct gw_publish *publish, gw_wall_ns wall,
                                            bool parsed);

#endif
