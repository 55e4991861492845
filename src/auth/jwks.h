/*
 * auth/jwks: a set of keys that tokens may be signed with (RFC 7517 section 5), or those of a PEM
 *            file, or one secret.
 *
 * Layer   auth (may include topic, base, os). By OpenSSL.
 * Owner   immutable once made; any thread.
 * Life    a parse fills it, fini releases.
 * Limits  GW_JWKS_SIZE_MAX of text, GW_JWKS_KEYS_MAX keys, GW_JWKS_TRIES_MAX of them tried for a
 *         token.
 */
#ifndef GW_AUTH_JWKS_H
#define GW_AUTH_JWKS_H

#include "auth/jwkey.h"

#define GW_JWKS_SIZE_MAX  ((size_t)512 * 1024)
#define GW_JWKS_KEYS_MAX  256u
#define GW_JWKS_TRIES_MAX 8u

struct gw_jwks {
    struct gw_jwkey *keys;
    size_t count;
    size_t passed_over; /* that are in the text, but not for us */
    const char *why;    /* the first of these is not */
};

/* Each fills a set that is empty or fresh. GW_INVALID with a word in ret_why: the text is no such
 * set; GW_LIMIT: too large, too many; GW_NO_MEMORY. A JWK set may turn out to be empty. */
GW_MUST_USE enum gw_status gw_jwks_parse(struct gw_span text, struct gw_jwks *ret_set,
                                         const char **ret_why);
GW_MUST_USE enum gw_status gw_jwks_of_pem(struct gw_span text, struct gw_jwks *ret_set,
                                          const char **ret_why);
GW_MUST_USE enum gw_status gw_jwks_of_secret(struct gw_span secret, struct gw_jwks *ret_set,
                                             const char **ret_why);

/* The set is empty afterwards. */
void gw_jwks_fini(struct gw_jwks *set);

/* The algorithms that its keys are good for. */
uint32_t gw_jwks_algorithms(const struct gw_jwks *set);

/* The key that made a signature. `kid` may be empty: the token does not say which; a key without
 * one fits every token. GW_NOT_FOUND: no key of this set fits, others may; GW_REFUSED: the key that
 * the token names is here, and the signature is not its. */
GW_MUST_USE enum gw_status gw_jwks_verify(const struct gw_jwks *set, enum gw_jwalg algorithm,
                                          struct gw_span kid, struct gw_span text,
                                          struct gw_span signature,
                                          const struct gw_jwkey **ret_key);

/* True if a key of this proof is in it. */
bool gw_jwks_has(const struct gw_jwks *set, uint64_t proof);

#endif
