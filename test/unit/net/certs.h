/*
 * Certificates made in memory and laid into files of a directory of the test's own.
 */
#ifndef GW_TEST_NET_CERTS_H
#define GW_TEST_NET_CERTS_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

struct certs {
    char directory[64];
    char cert[96]; /* for `name`, signed by itself, so it is the CA file too */
    char key[96];
};

static inline void certs_write(const char *path, X509 *cert, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    GW_ASSERT(file != NULL);
    if (cert != NULL)
        GW_ASSERT(PEM_write_X509(file, cert) == 1);
    if (key != NULL)
        GW_ASSERT(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(file);
}

static inline void certs_extend(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    GW_ASSERT(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static inline X509 *certs_make(const char *name, const char *san, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 10 * 86400);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(cert, subject);
    X509_set_pubkey(cert, key);
    certs_extend(cert, NID_subject_alt_name, san);
    GW_ASSERT(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static inline void certs_open(struct certs *certs, const char *name, const char *san)
{
    snprintf(certs->directory, sizeof certs->directory, "/tmp/godwit-certs-XXXXXX");
    GW_ASSERT(mkdtemp(certs->directory) != NULL);
    snprintf(certs->cert, sizeof certs->cert, "%s/cert.pem", certs->directory);
    snprintf(certs->key, sizeof certs->key, "%s/key.pem", certs->directory);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = certs_make(name, san, key);
    certs_write(certs->cert, cert, NULL);
    certs_write(certs->key, NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static inline void certs_close(struct certs *certs)
{
    unlink(certs->cert);
    unlink(certs->key);
    rmdir(certs->directory);
}

#endif
