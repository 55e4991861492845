#include "pki/certificate.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

enum gw_status gw_certificate_parse(struct gw_span *pem, struct gw_certificate *ret_certificate)
{
    ret_certificate->x509 = NULL;
    if (pem->size == 0)
        return GW_NOT_FOUND;
    if (pem->size > INT_MAX)
        return GW_INVALID;
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->size);
    if (bio == NULL)
        return GW_NO_MEMORY;
    ERR_clear_error();
    ret_certificate->x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    bool none = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    char *rest;
    long left = BIO_get_mem_data(bio, &rest);
    *pem = gw_span_from(*pem, pem->size - (size_t)left);
    ERR_clear_error();
    BIO_free(bio);
    if (ret_certificate->x509 != NULL)
        return GW_OK;
    return none ? GW_NOT_FOUND : GW_INVALID;
}

void gw_certificate_fini(struct gw_certificate *certificate)
{
    if (certificate == NULL)
        return;
    X509_free(certificate->x509);
    certificate->x509 = NULL;
}

/* Copies what a memory BIO holds, cut to the size. */
static void take_text(BIO *bio, char *text, size_t size)
{
    int got = BIO_read(bio, text, (int)size - 1);
    text[got > 0 ? got : 0] = '\0';
}

enum gw_status gw_certificate_print(const struct gw_certificate *certificate, struct gw_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    enum gw_status status = GW_NO_MEMORY;
    if (bio != NULL && PEM_write_bio_X509(bio, certificate->x509)) {
        long size = BIO_get_mem_data(bio, &text);
        status = gw_buf_append(out, gw_span_of(text, (size_t)size));
    }
    ERR_clear_error();
    BIO_free(bio);
    return status;
}

static bool tell_name(const X509_NAME *name, char *text, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return false;
    /* Escapes control characters, keeps UTF-8. */
    unsigned long form = (XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    X509_NAME_print_ex(bio, name, 0, form);
    take_text(bio, text, size);
    BIO_free(bio);
    return true;
}

static void tell_common_name(const X509 *x509, char *text, size_t size)
{
    const X509_NAME *name = X509_get_subject_name(x509);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    text[0] = '\0';
    if (at < 0)
        return;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return;
    ASN1_STRING_print_ex(bio, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)),
                         ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT);
    take_text(bio, text, size);
    BIO_free(bio);
}

static void tell_key(X509 *x509, char *text, size_t size)
{
    const EVP_PKEY *pkey = X509_get0_pubkey(x509);
    char group[32] = "";
    if (pkey == NULL)
        snprintf(text, size, "unknown");
    else if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL))
        snprintf(text, size, "%s", strcmp(group, "prime256v1") == 0 ? "P-256" : group);
    else
        snprintf(text, size, "%s %d", EVP_PKEY_get0_type_name(pkey), EVP_PKEY_get_bits(pkey));
}

static void tell_numbers(const X509 *x509, struct gw_certificate_facts *facts)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    char *hex = number != NULL ? BN_bn2hex(number) : NULL;
    snprintf(facts->serial, sizeof facts->serial, "%s", hex != NULL ? hex : "");
    OPENSSL_free(hex);
    BN_free(number);
    facts->fingerprint[0] = '\0';
    if (!X509_digest(x509, EVP_sha256(), digest, &size))
        return;
    for (unsigned i = 0; i < size && 2 * i + 2 < sizeof facts->fingerprint; i++)
        snprintf(facts->fingerprint + (size_t)2 * i, 3, "%02x", digest[i]);
}

/* The address of a certificate as text; false if it is none. */
static bool address_text(const ASN1_OCTET_STRING *bytes, char *text, size_t size)
{
    int family = ASN1_STRING_length(bytes) == 4    ? AF_INET
                 : ASN1_STRING_length(bytes) == 16 ? AF_INET6
                                                   : AF_UNSPEC;
    return family != AF_UNSPEC &&
           inet_ntop(family, ASN1_STRING_get0_data(bytes), text, (socklen_t)size) != NULL;
}

static void tell_names(const X509 *x509, struct gw_certificate_facts *facts)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        int kind;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &kind);
        char address[GW_CERTNAMES_TEXT_MAX];
        struct gw_span text = GW_SPAN_NONE;
        const char *why;
        if (kind == GEN_DNS)
            text = gw_span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        else if (kind == GEN_IPADD && address_text(value, address, sizeof address))
            text = gw_span_str(address);
        if (text.size == 0 || gw_certnames_add(&facts->names, text, &why) != GW_OK)
            facts->names_left_out = true;
    }
    GENERAL_NAMES_free(all);
}

static bool tell_date(const ASN1_TIME *date, int64_t *ret_seconds)
{
    struct tm parts;
    if (date == NULL || !ASN1_TIME_to_tm(date, &parts))
        return false;
    *ret_seconds = timegm(&parts);
    return true;
}

enum gw_status gw_certificate_tell(const struct gw_certificate *certificate,
                                   struct gw_certificate_facts *ret_facts)
{
    X509 *x509 = certificate->x509;
    struct gw_certificate_facts *facts = ret_facts;
    *facts = (struct gw_certificate_facts){0};
    if (!tell_name(X509_get_subject_name(x509), facts->subject, sizeof facts->subject) ||
        !tell_name(X509_get_issuer_name(x509), facts->issuer, sizeof facts->issuer))
        return GW_NO_MEMORY;
    tell_common_name(x509, facts->common_name, sizeof facts->common_name);
    tell_key(x509, facts->key, sizeof facts->key);
    tell_numbers(x509, facts);
    tell_names(x509, facts);
    facts->is_ca = X509_check_ca(x509) > 0;
    facts->for_server = X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 0) > 0;
    facts->for_client = X509_check_purpose(x509, X509_PURPOSE_SSL_CLIENT, 0) > 0;
    facts->self_signed = X509_self_signed(x509, 0) > 0;
    ERR_clear_error();
    bool dated = tell_date(X509_get0_notBefore(x509), &facts->not_before) &&
                 tell_date(X509_get0_notAfter(x509), &facts->not_after);
    return dated ? GW_OK : GW_INVALID;
}

bool gw_certificate_has_key(const struct gw_certificate *certificate, const struct gw_certkey *key)
{
    bool same = X509_check_private_key(certificate->x509, key->pkey) == 1;
    ERR_clear_error();
    return same;
}

bool gw_certificate_is_by(const struct gw_certificate *certificate,
                          const struct gw_certificate *issuer)
{
    EVP_PKEY *pkey = X509_get0_pubkey(issuer->x509);
    bool same = pkey != NULL && X509_check_issued(issuer->x509, certificate->x509) == X509_V_OK &&
                X509_verify(certificate->x509, pkey) == 1;
    ERR_clear_error();
    return same;
}

int64_t gw_certificate_days_left(const struct gw_certificate_facts *facts, int64_t now_s)
{
    int64_t left = facts->not_after - now_s;
    return left >= 0 ? left / GW_CERTIFICATE_DAY_S
                     : -((-left + GW_CERTIFICATE_DAY_S - 1) / GW_CERTIFICATE_DAY_S);
}
