/*
 * net/tlskeys: pre-shared keys by identity, from a text as mosquitto has it: a key a line.
 *
 * Layer   net (may include os, base). No I/O, no OpenSSL.
 * Owner   immutable after parse; any thread.
 * Life    parse or one make it, free wipes and releases it.
 * Limits  GW_TLSKEYS_IDENTITY_MAX, GW_TLSKEYS_KEY_MAX bytes; lines as many as the text has.
 *
 *   # a comment
 *   IDENTITY:HEXADECIMAL KEY
 */
#ifndef GW_NET_TLSKEYS_H
#define GW_NET_TLSKEYS_H

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define GW_TLSKEYS_IDENTITY_MAX 256u /* OpenSSL takes no longer ones */
#define GW_TLSKEYS_KEY_MAX      256u
#define GW_TLSKEYS_KEY_GOOD     16u /* bytes below which a key can be guessed */

struct gw_tlskeys;

struct gw_tlskeys_key {
    struct gw_span identity; /* UTF-8 without control characters */
    struct gw_span key;
};

/* What is wrong and where. */
struct gw_tlskeys_error {
    uint32_t line; /* from 1 */
    const char *what;
};

/* Reads a whole text; the first error ends it: GW_INVALID, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_tlskeys_parse(struct gw_span text, struct gw_tlskeys **ret_keys,
                                            struct gw_tlskeys_error *ret_error);
/* One key alone, as a client has it; outcomes as above. */
GW_MUST_USE enum gw_status gw_tlskeys_one(struct gw_span identity, struct gw_span hex,
                                          struct gw_tlskeys **ret_keys,
                                          struct gw_tlskeys_error *ret_error);
/* NULL is fine. */
void gw_tlskeys_free(struct gw_tlskeys *keys);

size_t gw_tlskeys_count(const struct gw_tlskeys *keys);
/* Keys that are shorter than GW_TLSKEYS_KEY_GOOD. */
size_t gw_tlskeys_short_count(const struct gw_tlskeys *keys);
/* The key of an identity, or NULL; lives as long as the keys. */
const struct gw_tlskeys_key *gw_tlskeys_find(const struct gw_tlskeys *keys,
                                             struct gw_span identity);
/* One after the other, by identity. */
const struct gw_tlskeys_key *gw_tlskeys_at(const struct gw_tlskeys *keys, size_t index);

/* Why a text cannot be an identity, or a key in hexadecimal; NULL if it can. */
const char *gw_tlskeys_judge_identity(struct gw_span identity);
const char *gw_tlskeys_judge_hex(struct gw_span hex);

#endif
