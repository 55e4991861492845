/*
 * auth/jwkey: one key that signatures of tokens are held against (RFC 7517, 7518 section 6, 8037).
 *
 * Layer   auth (may include topic, base, os). By OpenSSL.
 * Owner   immutable once made; any thread.
 * Life    zero is none; fini releases and wipes.
 * Limits  RSA of GW_JWKEY_RSA_MIN to GW_JWKEY_RSA_MAX bits; secrets of GW_JWKEY_SECRET_MIN bytes
 * and more; P-256, P-384, P-521, Ed25519, Ed448.
 *
 * A key knows for which algorithms it may be used, by what it is and by what its maker says: no
 * token can have it used for another one.
 */
#ifndef GW_AUTH_JWKEY_H
#define GW_AUTH_JWKEY_H

#include "auth/jwalg.h"
#include "base/buf.h"
#include "base/jsontree.h"

#define GW_JWKEY_RSA_MIN    2048u
#define GW_JWKEY_RSA_MAX    8192u
#define GW_JWKEY_SECRET_MIN 32u
#define GW_JWKEY_KID_MAX    256u
#define GW_JWKEY_PART_MAX   ((size_t)4096)

struct gw_jwkey {
    void *pkey;           /* EVP_PKEY; NULL: it is a secret */
    struct gw_buf secret; /* empty: it is public */
    struct gw_buf kid;    /* its identifier; empty: it has none */
    uint32_t algorithms;  /* GW_JWALG_BIT of those that it is good for */
    uint64_t proof;       /* another one for another key */
};

/* Takes a JWK, which is an object of the tree. GW_REFUSED with a word in ret_why: it is none for
 * signatures that we know, or breaks a rule (RFC 7517 section 5 wants it passed over);
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jwkey_of_jwk(const struct gw_jsontree *tree,
                                           const struct gw_jsontree_node *node,
                                           struct gw_jwkey *ret_key, const char **ret_why);

/* Takes the next public key or certificate of a PEM text, from *offset on, which moves behind it.
 * GW_END: there is no more; GW_REFUSED with a word; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jwkey_of_pem(struct gw_span pem, size_t *offset,
                                           struct gw_jwkey *ret_key, const char **ret_why);

/* Takes a secret. GW_REFUSED with a word: it is too short; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jwkey_of_secret(struct gw_span secret, struct gw_jwkey *ret_key,
                                              const char **ret_why);

void gw_jwkey_fini(struct gw_jwkey *key);

/* True if it may be used for this algorithm and the signature is right. */
bool gw_jwkey_verify(const struct gw_jwkey *key, enum gw_jwalg algorithm, struct gw_span text,
                     struct gw_span signature);

#endif
