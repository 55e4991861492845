/*
 * auth/jwalg: the signature algorithms of JSON Web Tokens (RFC 7518 section 3, RFC 8037), and which
 *             kind of key each wants.
 *
 * Layer   auth (may include topic, base, os). By OpenSSL.
 * Owner   immutable; any thread.
 * Life    none.
 * Limits  these and no others: "none" is not in the table.
 */
#ifndef GW_AUTH_JWALG_H
#define GW_AUTH_JWALG_H

#include "base/span.h"
#include "base/status.h"

enum gw_jwalg {
    GW_JWALG_RS256,
    GW_JWALG_RS384,
    GW_JWALG_RS512,
    GW_JWALG_PS256,
    GW_JWALG_PS384,
    GW_JWALG_PS512,
    GW_JWALG_ES256,
    GW_JWALG_ES384,
    GW_JWALG_ES512,
    GW_JWALG_EDDSA,
    GW_JWALG_HS256,
    GW_JWALG_HS384,
    GW_JWALG_HS512,
    GW_JWALG_COUNT /* and: no such algorithm */
};

/* A set of algorithms is a bit for each. */
#define GW_JWALG_BIT(algorithm) ((uint32_t)1 << (algorithm))
#define GW_JWALG_SECRET                                                                            \
    (GW_JWALG_BIT(GW_JWALG_HS256) | GW_JWALG_BIT(GW_JWALG_HS384) | GW_JWALG_BIT(GW_JWALG_HS512))
#define GW_JWALG_PUBLIC ((GW_JWALG_BIT(GW_JWALG_COUNT) - 1) & ~GW_JWALG_SECRET)

/* What a key is; an algorithm wants exactly one of these. */
enum gw_jwalg_key {
    GW_JWALG_KEY_SECRET,
    GW_JWALG_KEY_RSA,
    GW_JWALG_KEY_P256,
    GW_JWALG_KEY_P384,
    GW_JWALG_KEY_P521,
    GW_JWALG_KEY_ED25519,
    GW_JWALG_KEY_ED448,
};

/* By its name in a token, letter by letter; GW_JWALG_COUNT: there is none. */
enum gw_jwalg gw_jwalg_find(struct gw_span name);
const char *gw_jwalg_name(enum gw_jwalg algorithm);

/* Reads a list such as "RS256, ES256". GW_INVALID: it names none, or *ret_wrong is no algorithm. */
GW_MUST_USE enum gw_status gw_jwalg_list(struct gw_span text, uint32_t *ret_set,
                                         struct gw_span *ret_wrong);

/* The algorithms that want such a key; a secret must be as long as the hash, in bytes. */
uint32_t gw_jwalg_for(enum gw_jwalg_key key, size_t secret_size);

/* True if the signature is right; key is an EVP_PKEY of the kind that the algorithm wants. */
bool gw_jwalg_verify(enum gw_jwalg algorithm, void *key, struct gw_span text,
                     struct gw_span signature);
/* The same for the algorithms with a secret; takes the same time however wrong it is. */
bool gw_jwalg_verify_secret(enum gw_jwalg algorithm, struct gw_span secret, struct gw_span text,
                            struct gw_span signature);

#endif
