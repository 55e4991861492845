/*
 * cli/base64: bytes as base64 text (RFC 4648, with padding).
 *
 * Layer   cli. Pure but for the buffer's malloc.
 * Owner   any thread.
 * Life    none.
 * Limits  the buffer's bound.
 */
#ifndef GW_CLI_BASE64_H
#define GW_CLI_BASE64_H

#include "base/buf.h"

/* Appends the text of bytes; GW_LIMIT, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_base64_append(struct gw_span bytes, struct gw_buf *buf);

#endif
