#include "pki/issuer.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "os/entropy.h"

#define SERIAL_SIZE 16

/* An extension and its value in OpenSSL's words. */
struct extension {
    int nid;
    const char *value;
};

static const struct extension ca_extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
};
static const struct extension server_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};
static const struct extension client_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "clientAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

static const struct {
    const struct extension *items;
    size_t count;
} extensions[] = {
    [GW_ISSUER_CA] = {ca_extensions, GW_COUNT_OF(ca_extensions)},
    [GW_ISSUER_SERVER] = {server_extensions, GW_COUNT_OF(server_extensions)},
    [GW_ISSUER_CLIENT] = {client_extensions, GW_COUNT_OF(client_extensions)},
};

static bool set_serial(X509 *x509)
{
    uint8_t bytes[SERIAL_SIZE];
    gw_entropy_fill(bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40); /* positive, always of this length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return done;
}

static bool set_subject(X509 *x509, const char *common_name)
{
    if (common_name == NULL || strlen(common_name) > GW_ISSUER_NAME_MAX)
        return true;
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool set_dates(X509 *x509, const struct gw_issuer_request *request, int64_t end_s)
{
    time_t begin = (time_t)(request->now_s - GW_ISSUER_EARLY_S);
    time_t end = (time_t)end_s;
    return X509_time_adj_ex(X509_getm_notBefore(x509), 0, 0, &begin) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x509), 0, 0, &end) != NULL;
}

static bool add_extension(X509 *x509, X509V3_CTX *context, const struct extension *wanted)
{
    X509_EXTENSION *made = X509V3_EXT_nconf_nid(NULL, context, wanted->nid, wanted->value);
    bool done = made != NULL && X509_add_ext(x509, made, -1) == 1;
    X509_EXTENSION_free(made);
    return done;
}

static GENERAL_NAME *general_name(const struct gw_certnames_item *item)
{
    bool address = item->address_size > 0;
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    const void *data = address ? (const void *)item->address : (const void *)item->text;
    int size = address ? item->address_size : (int)strlen(item->text);
    if (name == NULL || text == NULL || !ASN1_STRING_set(text, data, size)) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(text);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, address ? GEN_IPADD : GEN_DNS, text);
    return name;
}

/* Written as values, not as text: no name can smuggle in another. */
static bool add_names(X509 *x509, const struct gw_certnames *names)
{
    if (names == NULL || names->count == 0)
        return true;
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    bool done = all != NULL;
    for (size_t i = 0; done && i < names->count; i++) {
        GENERAL_NAME *name = general_name(&names->items[i]);
        done = name != NULL && sk_GENERAL_NAME_push(all, name) > 0;
        if (!done)
            GENERAL_NAME_free(name);
    }
    bool nameless = X509_NAME_entry_count(X509_get_subject_name(x509)) == 0;
    done = done && X509_add1_ext_i2d(x509, NID_subject_alt_name, all, nameless, 0) == 1;
    GENERAL_NAMES_free(all);
    return done;
}

static bool add_extensions(X509 *x509, X509 *issuer, const struct gw_issuer_request *request)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    for (size_t i = 0; i < extensions[request->kind].count; i++) {
        if (!add_extension(x509, &context, &extensions[request->kind].items[i]))
            return false;
    }
    return add_names(x509, request->names);
}

static bool fill(X509 *x509, const struct gw_issuer_request *request,
                 const struct gw_issuer_signer *signer, int64_t end_s)
{
    X509 *issuer = signer != NULL ? signer->certificate->x509 : x509;
    EVP_PKEY *pkey = signer != NULL ? signer->key->pkey : request->key->pkey;
    return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
           set_subject(x509, request->common_name) &&
           X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1 &&
           set_dates(x509, request, end_s) && X509_set_pubkey(x509, request->key->pkey) == 1 &&
           add_extensions(x509, issuer, request) && X509_sign(x509, pkey, EVP_sha256()) > 0;
}

/* When the new one ends: with its CA at the latest. */
static enum gw_status choose_end(const struct gw_issuer_request *request,
                                 const struct gw_issuer_signer *signer, int64_t *ret_end)
{
    struct gw_certificate_facts facts;
    *ret_end = request->now_s + (int64_t)request->days * GW_CERTIFICATE_DAY_S;
    if (signer == NULL)
        return GW_OK;
    GW_TRY(gw_certificate_tell(signer->certificate, &facts));
    if (!facts.is_ca || facts.not_after <= request->now_s)
        return GW_REFUSED;
    if (facts.not_after < *ret_end)
        *ret_end = facts.not_after;
    return GW_OK;
}

enum gw_status gw_issuer_make(const struct gw_issuer_request *request,
                              const struct gw_issuer_signer *signer,
                              struct gw_certificate *ret_certificate)
{
    int64_t end_s;
    bool named =
        request->common_name != NULL || (request->names != NULL && request->names->count > 0);
    ret_certificate->x509 = NULL;
    if (!named || request->days == 0 || request->days > GW_ISSUER_DAYS_MAX ||
        (signer == NULL) != (request->kind == GW_ISSUER_CA))
        return GW_INVALID;
    GW_TRY(choose_end(request, signer, &end_s));
    X509 *x509 = X509_new();
    if (x509 == NULL || !fill(x509, request, signer, end_s)) {
        X509_free(x509);
        ERR_clear_error();
        return GW_NO_MEMORY;
    }
    ret_certificate->x509 = x509;
    return GW_OK;
}
