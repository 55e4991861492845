/*
 * auth/scramkey: the arithmetic of SCRAM (RFC 5802 section 3): keys of passwords, proofs of keys.
 *
 * Layer   auth (may include topic, base, os). By OpenSSL.
 * Owner   none; any thread.
 * Life    none.
 * Limits  GW_SCRAMKEY_MAX bytes of each result.
 *
 * `kind` is GW_HASHTEXT_SCRAM256 or GW_HASHTEXT_SCRAM512. What fails is for want of memory.
 */
#ifndef GW_AUTH_SCRAMKEY_H
#define GW_AUTH_SCRAMKEY_H

#include "auth/hashtext.h"

#define GW_SCRAMKEY_MAX 64u

struct gw_scramkey {
    uint8_t bytes[GW_SCRAMKEY_MAX];
};

/* Bytes of each key. */
size_t gw_scramkey_size(enum gw_hashtext_kind kind);

/* SaltedPassword, the slow part: as long as rounds are many. */
GW_MUST_USE enum gw_status gw_scramkey_salted(const struct gw_hashtext *hash,
                                              struct gw_span password,
                                              struct gw_scramkey *ret_salted);
/* HMAC of a text with a key. */
GW_MUST_USE enum gw_status gw_scramkey_sign(enum gw_hashtext_kind kind, const uint8_t *key,
                                            struct gw_span text, struct gw_scramkey *ret_key);
/* The hash of a key: of the client key that is the stored key. */
GW_MUST_USE enum gw_status gw_scramkey_digest(enum gw_hashtext_kind kind, const uint8_t *key,
                                              struct gw_scramkey *ret_key);

/* Fills key and server of a credential whose kind, salt and rounds are set. */
GW_MUST_USE enum gw_status gw_scramkey_make(struct gw_hashtext *hash, struct gw_span password);

#endif
