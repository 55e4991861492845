/*
 * pki/issuer: makes certificates: a CA that may sign servers and clients and nothing else, and
 * those that it signs.
 *
 * Layer   pki (may include os, base). By OpenSSL.
 * Owner   any thread.
 * Life    none.
 * Limits  GW_ISSUER_NAME_MAX bytes of common name; whole days, GW_ISSUER_DAYS_MAX of them.
 */
#ifndef GW_PKI_ISSUER_H
#define GW_PKI_ISSUER_H

#include "pki/certificate.h"

#define GW_ISSUER_NAME_MAX    64 /* as X.509 has it */
#define GW_ISSUER_DAYS_MAX    36500
#define GW_ISSUER_DAYS_CA     3650
#define GW_ISSUER_DAYS_SERVER 825 /* what all clients take */
#define GW_ISSUER_DAYS_CLIENT 730
#define GW_ISSUER_EARLY_S     3600 /* begins so long before now: clocks differ */

enum gw_issuer_kind { GW_ISSUER_CA, GW_ISSUER_SERVER, GW_ISSUER_CLIENT };

struct gw_issuer_request {
    enum gw_issuer_kind kind;
    const char *common_name;          /* UTF-8; too long or NULL: none */
    const struct gw_certnames *names; /* of a server; NULL: none */
    const struct gw_certkey *key;     /* the certificate's own */
    int64_t now_s;                    /* seconds since 1970 */
    uint32_t days;
};

/* Who signs; NULL for a CA, which signs itself. */
struct gw_issuer_signer {
    const struct gw_certificate *certificate;
    const struct gw_certkey *key;
};

/* Makes a certificate with SHA-256 and a random serial number. It ends with its CA at the latest.
 * GW_REFUSED: the CA is over, or it is none; GW_INVALID: a request without name, or for no days;
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_issuer_make(const struct gw_issuer_request *request,
                                          const struct gw_issuer_signer *signer,
                                          struct gw_certificate *ret_certificate);

#endif
