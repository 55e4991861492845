/*
 * auth/scramtext: the parts of SCRAM's messages: attributes, names, nonces, base64 (RFC 5802
 *                 section 7).
 *
 * Layer   auth (may include topic, base, os). No I/O.
 * Owner   a borrowed view.
 * Life    none.
 * Limits  none of its own.
 */
#ifndef GW_AUTH_SCRAMTEXT_H
#define GW_AUTH_SCRAMTEXT_H

#include "auth/hashtext.h"

/* Takes the attribute with this letter ("r=...", up to the next comma or the end) off the front of
 * the text, and the comma; false if something else stands there. */
bool gw_scramtext_take(struct gw_span *text, char letter, struct gw_span *ret_value);
/* Takes any attribute: a letter, an equals sign and something behind it. */
bool gw_scramtext_take_any(struct gw_span *text, char *ret_letter, struct gw_span *ret_value);

/* True if it may stand as a nonce: printable ASCII without comma, and not empty. */
bool gw_scramtext_is_nonce(struct gw_span text);
/* An iteration count, from 1 to most; 0 if it is none. */
uint32_t gw_scramtext_count(struct gw_span text, uint32_t most);

/* Names have =2C and =3D for comma and equals sign. Decoding: GW_INVALID for any other. */
GW_MUST_USE enum gw_status gw_scramtext_add_name(struct gw_buf *out, struct gw_span name);
GW_MUST_USE enum gw_status gw_scramtext_read_name(struct gw_span text, struct gw_buf *ret_name);

/* Appends base64 with its padding. */
GW_MUST_USE enum gw_status gw_scramtext_add_base64(struct gw_buf *out, struct gw_span bytes);
/* Reads base64 with its padding. */
bool gw_scramtext_read_base64(struct gw_span text, struct gw_hashtext_part *ret_part);

#endif
