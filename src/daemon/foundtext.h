/*
 * daemon/foundtext: the text of the configuration that `godwit init` writes.
 *
 * Layer   daemon. No I/O.
 * Owner   values.
 * Life    none.
 * Limits  the buffer's.
 */
#ifndef GW_DAEMON_FOUNDTEXT_H
#define GW_DAEMON_FOUNDTEXT_H

#include "base/buf.h"

/* What stands in it. */
struct gw_foundtext {
    const char *directory; /* a whole path */
    const char *user;      /* the one who may do everything */
    uint16_t tls_port;
    uint16_t plain_port;
    bool ipv6; /* a socket for both IP versions can be listened on */
};

/* Why a path cannot stand in a configuration; NULL if it can. */
const char *gw_foundtext_judge(const char *path);

/* Appends it; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_foundtext_print(const struct gw_foundtext *found, struct gw_buf *out);

#endif
