/*
 * net/tlsstaple: an OCSP response that is shown along with a certificate, as its CA has signed it.
 *
 * Layer   net (may include os, base).
 * Owner   immutable after read; any thread.
 * Life    embedded; read fills it, fini releases it.
 * Limits  GW_TLSSTAPLE_SIZE_MAX bytes: it goes into every full handshake.
 */
#ifndef GW_NET_TLSSTAPLE_H
#define GW_NET_TLSSTAPLE_H

#include <openssl/ssl.h>

#include "base/buf.h"

#define GW_TLSSTAPLE_SIZE_MAX ((size_t)16 * 1024)

struct gw_tlsstaple {
    struct gw_buf der;           /* empty: there is none */
    ASN1_GENERALIZEDTIME *until; /* NULL: for ever */
    const char *unfit;           /* why it cannot be shown with its certificate; NULL: it can */
};

/* Takes a response (DER) for a certificate. GW_INVALID with *ret_what if it is none at all; one of
 * another certificate, or that does not say "good", is taken and unfit. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_tlsstaple_read(struct gw_tlsstaple *staple, struct gw_span der,
                                             X509 *cert, const char **ret_what);
void gw_tlsstaple_fini(struct gw_tlsstaple *staple);

/* Why it is not shown now; NULL: it is, or there is none. */
const char *gw_tlsstaple_fault(const struct gw_tlsstaple *staple);
/* Shows it to clients of a context that ask for one, while it is fit; must outlive the context. */
void gw_tlsstaple_serve(SSL_CTX *ctx, struct gw_tlsstaple *staple);

#endif
