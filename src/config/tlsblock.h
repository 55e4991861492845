/*
 * config/tlsblock: what a configuration says about TLS, as a part of struct gw_config.
 *
 * Layer   config. No I/O.
 * Owner   the configuration; see config/config.
 * Life    see config/conftls.
 * Limits  GW_CONFIG_PAIRS_MAX.
 */
#ifndef GW_CONFIG_TLSBLOCK_H
#define GW_CONFIG_TLSBLOCK_H

#include <stdbool.h>
#include <stddef.h>

#define GW_CONFIG_PAIRS_MAX 15 /* tls.certificates */

struct gw_config_key;

/* A key of another block, as written for one listener. */
struct gw_config_said {
    const struct gw_config_key *key;
    char *text;
};

struct gw_config_saids {
    struct gw_config_said *items;
    size_t count;
};

enum gw_config_client_cert {
    GW_CONFIG_CLIENT_CERT_OFF,
    GW_CONFIG_CLIENT_CERT_OPTIONAL,
    GW_CONFIG_CLIENT_CERT_REQUIRED,
    GW_CONFIG_CLIENT_CERT_COUNT
};

enum gw_config_identity {
    GW_CONFIG_IDENTITY_OFF,
    GW_CONFIG_IDENTITY_CN,
    GW_CONFIG_IDENTITY_SUBJECT,
    GW_CONFIG_IDENTITY_SAN_DNS,
    GW_CONFIG_IDENTITY_SAN_EMAIL,
    GW_CONFIG_IDENTITY_SAN_URI,
    GW_CONFIG_IDENTITY_FINGERPRINT,
    GW_CONFIG_IDENTITY_COUNT
};

enum gw_config_tls_version { GW_CONFIG_TLS_12, GW_CONFIG_TLS_13, GW_CONFIG_TLS_VERSION_COUNT };

struct gw_config_pair {
    char *cert;
    char *key;  /* empty: in the same file */
    char *ocsp; /* empty: none */
};

struct gw_config_pairs {
    struct gw_config_pair *items;
    size_t count;
};

/* Texts are never NULL, empty where nothing was said. */
struct gw_config_tls {
    char *cert;
    char *key;
    char *ocsp_file;
    struct gw_config_pairs certificates;
    char *client_ca;
    enum gw_config_client_cert client_cert;
    char *crl;
    char *psk_file;
    enum gw_config_identity identity;
    enum gw_config_tls_version version_min;
    char *ciphers;
    char *ciphersuites;
    char *curves;
    bool tickets;
};

#endif
