/*
 * base/base64url: bytes as text in the alphabet for URLs, without padding (RFC 4648 section 5, as
 *                 RFC 7515 section 2 has it).
 *
 * Layer   base. Pure but for the buffer's malloc.
 * Owner   any thread.
 * Life    none.
 * Limits  the buffer's bound.
 */
#ifndef GW_BASE_BASE64URL_H
#define GW_BASE_BASE64URL_H

#include "base/buf.h"

/* Appends the bytes that a text stands for. GW_MALFORMED: another character ('=' too), a length
 * that no bytes have, or something in the bits that no byte needs; GW_LIMIT, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_base64url_decode(struct gw_span text, struct gw_buf *out);

/* Appends the text of bytes; GW_LIMIT, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_base64url_encode(struct gw_span bytes, struct gw_buf *out);

#endif
