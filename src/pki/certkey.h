/*
 * pki/certkey: the private key of a certificate: P-256, or whatever a file brings.
 *
 * Layer   pki (may include os, base). By OpenSSL.
 * Owner   whoever holds it; not thread-safe.
 * Life    make or parse fill it, fini releases; zero holds none.
 * Limits  none of its own.
 */
#ifndef GW_PKI_CERTKEY_H
#define GW_PKI_CERTKEY_H

#include <openssl/types.h>

#include "base/buf.h"

struct gw_certkey {
    EVP_PKEY *pkey;
};

/* Makes a new P-256 key; GW_NO_MEMORY (which is all that can go wrong). */
GW_MUST_USE enum gw_status gw_certkey_make(struct gw_certkey *ret_key);

/* Takes the first private key of a PEM text; GW_NOT_FOUND: there is none; GW_INVALID: it cannot be
 * read; GW_REFUSED: it wants a pass phrase. */
GW_MUST_USE enum gw_status gw_certkey_parse(struct gw_span pem, struct gw_certkey *ret_key);

/* NULL is fine. */
void gw_certkey_fini(struct gw_certkey *key);

/* Appends it as PEM (PKCS#8), without pass phrase; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_certkey_print(const struct gw_certkey *key, struct gw_buf *out);

/* Releases a buffer that held a secret, and leaves nothing of it in memory. */
void gw_certkey_wipe(struct gw_buf *buf);

#endif
