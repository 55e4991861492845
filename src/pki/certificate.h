/*
 * pki/certificate: an X.509 certificate: read, printed, and told in words.
 *
 * Layer   pki (may include os, base). By OpenSSL.
 * Owner   whoever holds it; not thread-safe.
 * Life    parse or pki/issuer fill it, fini releases; zero holds none.
 * Limits  texts of GW_CERTIFICATE_TEXT_MAX, cut if they are longer; GW_CERTNAMES_MAX names are
 * told.
 */
#ifndef GW_PKI_CERTIFICATE_H
#define GW_PKI_CERTIFICATE_H

#include <openssl/types.h>

#include "pki/certkey.h"
#include "pki/certnames.h"

#define GW_CERTIFICATE_TEXT_MAX 256
#define GW_CERTIFICATE_DAY_S    86400

struct gw_certificate {
    X509 *x509;
};

/* What it says. Texts hold no control characters. */
struct gw_certificate_facts {
    char subject[GW_CERTIFICATE_TEXT_MAX]; /* "CN = sensor-7" */
    char issuer[GW_CERTIFICATE_TEXT_MAX];
    char common_name[GW_CERTIFICATE_TEXT_MAX]; /* empty if there is none */
    char key[64];                              /* "P-256", "RSA 2048" */
    char serial[64];                           /* hexadecimal */
    char fingerprint[65];                      /* SHA-256, hexadecimal */
    struct gw_certnames names;
    int64_t not_before; /* seconds since 1970 */
    int64_t not_after;
    bool is_ca;
    bool for_server; /* may be shown by a server, by a client */
    bool for_client;
    bool self_signed;
    bool names_left_out; /* there are more than are told, or of other kinds */
};

/* Takes the next certificate off the front of a PEM text; GW_NOT_FOUND: there is none (more);
 * GW_INVALID: it cannot be read. */
GW_MUST_USE enum gw_status gw_certificate_parse(struct gw_span *pem,
                                                struct gw_certificate *ret_certificate);
/* NULL is fine. */
void gw_certificate_fini(struct gw_certificate *certificate);

/* Appends it as PEM; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_certificate_print(const struct gw_certificate *certificate,
                                                struct gw_buf *out);

/* Tells what it says; GW_NO_MEMORY, GW_INVALID (its dates make no sense). */
GW_MUST_USE enum gw_status gw_certificate_tell(const struct gw_certificate *certificate,
                                               struct gw_certificate_facts *ret_facts);

/* True if this is the key of it. */
bool gw_certificate_has_key(const struct gw_certificate *certificate, const struct gw_certkey *key);
/* True if the other one signed it. */
bool gw_certificate_is_by(const struct gw_certificate *certificate,
                          const struct gw_certificate *issuer);

/* Whole days that are left at a time; negative when it is over. */
int64_t gw_certificate_days_left(const struct gw_certificate_facts *facts, int64_t now_s);

#endif
