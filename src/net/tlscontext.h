/*
 * net/tlscontext: everything that the TLS connections of one listener (or client) have in common:
 *                 certificates, keys, whom to trust, versions, ciphers. Read from files at once.
 *
 * Layer   net (may include os, base). Knows no MQTT.
 * Owner   counted, immutable: any thread.
 * Life    new; ref and unref; each connection holds one.
 * Limits  GW_TLSCONTEXT_CERTS_MAX certificates, GW_TLSCONTEXT_FILE_MAX bytes a file.
 */
#ifndef GW_NET_TLSCONTEXT_H
#define GW_NET_TLSCONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "net/tlsfault.h"
#include "net/tlskeys.h"
#include "net/tlsstaple.h"
#include "net/tlstickets.h"

#define GW_TLSCONTEXT_CERTS_MAX 16
#define GW_TLSCONTEXT_FILE_MAX  ((size_t)4 * 1024 * 1024)
#define GW_TLSCONTEXT_CIPHERS   "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GW_TLSCONTEXT_CURVES    "X25519:P-256:P-384"

enum gw_tls_client_cert {
    GW_TLS_CLIENT_CERT_OFF,      /* none is asked for */
    GW_TLS_CLIENT_CERT_OPTIONAL, /* one that is sent must be good */
    GW_TLS_CLIENT_CERT_REQUIRED,
    GW_TLS_CLIENT_CERT_COUNT
};

/* What of a certificate names its owner. */
enum gw_tls_identity {
    GW_TLS_IDENTITY_OFF,
    GW_TLS_IDENTITY_CN,
    GW_TLS_IDENTITY_SUBJECT,
    GW_TLS_IDENTITY_SAN_DNS,
    GW_TLS_IDENTITY_SAN_EMAIL,
    GW_TLS_IDENTITY_SAN_URI,
    GW_TLS_IDENTITY_FINGERPRINT, /* SHA-256, lower-case hexadecimal */
    GW_TLS_IDENTITY_COUNT
};

struct gw_tls_pair {
    const char *cert; /* chain, ours first; empty: none */
    const char *key;  /* empty: in the same file */
    const char *ocsp; /* response (DER) to show with it; NULL or empty: none */
};

/* All texts are file names or words; empty is none or the default. Read during new only. */
struct gw_tls_options {
    bool server;
    enum gw_tls_client_cert client_cert;
    enum gw_tls_identity identity;
    const struct gw_tls_pair *pairs; /* the first is for whom no other fits */
    size_t pair_count;
    const char *ca_file;
    const char *ca_path; /* directory of them */
    bool system_cas;
    const char *crl;
    const char *psk_file;     /* a server's: keys of its clients; identities become peer names */
    const char *psk_identity; /* a client's own, with its key; both or none */
    const char *psk_hex;
    int version_min; /* 12, 13 */
    int version_max; /* 0: none */
    const char *ciphers;
    const char *ciphersuites;
    const char *curves;
    const char *alpn;              /* one protocol */
    struct gw_tlstickets *tickets; /* NULL: none are given */
    bool insecure_name;            /* a client does not compare names */
    bool insecure;                 /* ... and checks no certificate */
};

struct gw_tlscontext {
    atomic_uint refs; /* release by unref, acquire by the last one */
    SSL_CTX *ctxs[GW_TLSCONTEXT_CERTS_MAX];
    X509 *certs[GW_TLSCONTEXT_CERTS_MAX];
    struct gw_tlsstaple staples[GW_TLSCONTEXT_CERTS_MAX];
    size_t count; /* at least 1; without a certificate there is one without */
    BIO_METHOD *bio;
    struct gw_tlstickets *tickets;
    struct gw_tlskeys *keys; /* NULL: none are taken or offered */
    uint8_t keys_sum[32];    /* of their file */
    enum gw_tls_identity identity;
    bool server;
    bool insecure_name;
    uint8_t alpn_size;
    uint8_t alpn[32]; /* as on the wire: length, name */
};

/* GW_INVALID with the fault, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_tlscontext_new(const struct gw_tls_options *options,
                                             struct gw_tlscontext **ret_context,
                                             struct gw_tlsfault *fault);
struct gw_tlscontext *gw_tlscontext_ref(struct gw_tlscontext *context);
/* NULL is fine. */
void gw_tlscontext_unref(struct gw_tlscontext *context);

/* When the certificate at an index ends, in seconds since 1970; INT64_MAX: unknown. */
int64_t gw_tlscontext_expiry(const struct gw_tlscontext *context, size_t index);

/* The name that a certificate proves, malloc'd; NULL: it has none of this kind, or one with a zero
 * byte, or memory is out. */
char *gw_tlscontext_identity(X509 *cert, enum gw_tls_identity identity);

#endif
