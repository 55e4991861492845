#include "net/tlsnames.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/compiler.h"

/* Who is told. */
struct teller {
    gw_transport_attest_fn *fn;
    void *user;
};

static enum gw_status tell_string(const struct teller *teller, const char *name,
                                  const ASN1_STRING *string)
{
    unsigned char *utf8 = NULL;
    int size = ASN1_STRING_to_UTF8(&utf8, string);
    enum gw_status status = GW_OK;
    if (size > 0 && memchr(utf8, '\0', (size_t)size) == NULL)
        status = teller->fn(teller->user, name, gw_span_of(utf8, (size_t)size));
    OPENSSL_free(utf8);
    ERR_clear_error();
    return status;
}

static enum gw_status tell_entries(const struct teller *teller, const char *name,
                                   const X509_NAME *of, int nid)
{
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(of, nid, at)) >= 0)
        GW_TRY(tell_string(teller, name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(of, at))));
    return GW_OK;
}

static enum gw_status tell_subject(const struct teller *teller, X509 *cert)
{
    static const struct {
        const char *name;
        int nid;
    } fields[] = {
        {"cert.cn", NID_commonName},
        {"cert.o", NID_organizationName},
        {"cert.ou", NID_organizationalUnitName},
        {"cert.c", NID_countryName},
        {"cert.l", NID_localityName},
        {"cert.st", NID_stateOrProvinceName},
        {"cert.email", NID_pkcs9_emailAddress},
    };
    const X509_NAME *subject = X509_get_subject_name(cert);
    for (size_t i = 0; i < GW_COUNT_OF(fields); i++)
        GW_TRY(tell_entries(teller, fields[i].name, subject, fields[i].nid));
    return tell_entries(teller, "cert.issuer_cn", X509_get_issuer_name(cert), NID_commonName);
}

static const char *kind_of(const GENERAL_NAME *name)
{
    switch (name->type) { /* all of them IA5 strings */
    case GEN_DNS: return "cert.san_dns";
    case GEN_EMAIL: return "cert.san_email";
    case GEN_URI: return "cert.san_uri";
    default: return NULL;
    }
}

static enum gw_status tell_alternatives(const struct teller *teller, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    enum gw_status status = GW_OK;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && status == GW_OK; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const char *kind = kind_of(name);
        if (kind != NULL)
            status = tell_string(teller, kind, name->d.ia5);
    }
    GENERAL_NAMES_free(names);
    return status;
}

static enum gw_status tell_fingerprint(const struct teller *teller, X509 *cert)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    char text[2 * sizeof sum];
    unsigned size = 0;
    if (X509_digest(cert, EVP_sha256(), sum, &size) != 1)
        return GW_NO_MEMORY;
    for (unsigned i = 0; i < size; i++) {
        text[2 * i] = digits[sum[i] >> 4];
        text[2 * i + 1] = digits[sum[i] & 15];
    }
    return teller->fn(teller->user, "cert.fingerprint", gw_span_of(text, (size_t)2 * size));
}

enum gw_status gw_tlsnames_tell(X509 *cert, gw_transport_attest_fn *fn, void *user)
{
    const struct teller teller = {fn, user};
    GW_TRY(tell_subject(&teller, cert));
    GW_TRY(tell_alternatives(&teller, cert));
    return tell_fingerprint(&teller, cert);
}
