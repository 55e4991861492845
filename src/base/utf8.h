/*
 * base/utf8: strict UTF-8 as MQTT wants it (MQTT-1.5.4-1, 1.5.4-2).
 *
 * Layer   base. Pure.
 * Owner   any thread.
 * Life    none.
 * Limits  linear in the length.
 */
#ifndef GW_BASE_UTF8_H
#define GW_BASE_UTF8_H

#include "base/span.h"

/* Why a text is not an MQTT string; GW_UTF8_VALID is 0. */
enum gw_utf8_fault {
    GW_UTF8_VALID = 0,
    GW_UTF8_NUL,        /* U+0000 */
    GW_UTF8_SURROGATE,  /* U+D800..U+DFFF */
    GW_UTF8_ILL_FORMED, /* overlong, cut short, stray byte, above U+10FFFF */
};

/* Validates a UTF-8 encoded string: no U+0000, no surrogates, no overlong forms, at most U+10FFFF.
 * Control characters and non-characters are let through (they are only discouraged). */
enum gw_utf8_fault gw_utf8_check(struct gw_span text);

/* Validates a payload marked as UTF-8 (payload format indicator 1): as above, but U+0000 is fine.
 */
bool gw_utf8_payload_valid(struct gw_span payload);

#endif
