/*
 * net/tlsnames: what a certificate says of its owner, field by field, for whoever writes rules.
 *
 * Layer   net (may include os, base). Knows no MQTT. By OpenSSL.
 * Owner   any thread.
 * Life    none; texts are borrowed for a call.
 * Limits  none of its own: whoever takes the fields bounds them.
 */
#ifndef GW_NET_TLSNAMES_H
#define GW_NET_TLSNAMES_H

#include <openssl/x509.h>

#include "net/transport.h"

/* Tells each field of a certificate: cert.cn, cert.o, cert.ou, cert.c, cert.l, cert.st, cert.email
 * of its subject, cert.san_dns, cert.san_email, cert.san_uri, cert.issuer_cn, and
 * cert.fingerprint (SHA-256, lower-case hexadecimal). A field may come several times. Fields with
 * U+0000 in them are left out. GW_NO_MEMORY, or what `fn` says. */
GW_MUST_USE enum gw_status gw_tlsnames_tell(X509 *cert, gw_transport_attest_fn *fn, void *user);

#endif
