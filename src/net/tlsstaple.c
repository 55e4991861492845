#include "net/tlsstaple.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

/* The first word of a response on a certificate; NULL: it says nothing of it. */
static OCSP_SINGLERESP *find(OCSP_BASICRESP *basic, X509 *cert)
{
    const ASN1_INTEGER *wanted = X509_get0_serialNumber(cert);
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        /* OpenSSL's function takes no const, and changes nothing. */
        OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
        ASN1_INTEGER *serial = NULL;
        if (OCSP_id_get0_info(NULL, NULL, NULL, &serial, id) == 1 &&
            ASN1_INTEGER_cmp(serial, wanted) == 0)
            return single;
    }
    return NULL;
}

static enum gw_status judge(struct gw_tlsstaple *staple, OCSP_BASICRESP *basic, X509 *cert)
{
    ASN1_GENERALIZEDTIME *until = NULL;
    OCSP_SINGLERESP *single = find(basic, cert);
    if (single == NULL) {
        staple->unfit = "it is of another certificate";
        return GW_OK;
    }
    switch (OCSP_single_get0_status(single, NULL, NULL, NULL, &until)) {
    case V_OCSP_CERTSTATUS_GOOD: break;
    case V_OCSP_CERTSTATUS_REVOKED:
        staple->unfit = "it says that the certificate is revoked";
        break;
    default: staple->unfit = "it says that the certificate is not known to the CA"; break;
    }
    if (until == NULL)
        return GW_OK;
    staple->until = ASN1_STRING_dup(until);
    return staple->until != NULL ? GW_OK : GW_NO_MEMORY;
}

enum gw_status gw_tlsstaple_read(struct gw_tlsstaple *staple, struct gw_span der, X509 *cert,
                                 const char **ret_what)
{
    const unsigned char *at = der.data;
    OCSP_RESPONSE *response =
        der.size <= GW_TLSSTAPLE_SIZE_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)der.size) : NULL;
    OCSP_BASICRESP *basic = response != NULL ? OCSP_response_get1_basic(response) : NULL;
    enum gw_status status = GW_INVALID;
    *ret_what = NULL;
    if (der.size > GW_TLSSTAPLE_SIZE_MAX)
        *ret_what = "is larger than 16 KiB";
    else if (response == NULL || at != der.data + der.size)
        *ret_what = "holds no OCSP response (DER)";
    else if (basic == NULL)
        *ret_what = "holds an OCSP response without an answer: the responder refused";
    else
        status = judge(staple, basic, cert);
    gw_buf_init(&staple->der, GW_TLSSTAPLE_SIZE_MAX);
    if (status == GW_OK)
        status = gw_buf_append(&staple->der, der);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return status;
}

void gw_tlsstaple_fini(struct gw_tlsstaple *staple)
{
    gw_buf_fini(&staple->der);
    ASN1_GENERALIZEDTIME_free(staple->until);
    *staple = (struct gw_tlsstaple){.until = NULL};
}

const char *gw_tlsstaple_fault(const struct gw_tlsstaple *staple)
{
    if (staple->der.size == 0 || staple->unfit != NULL)
        return staple->unfit;
    if (staple->until != NULL && X509_cmp_current_time(staple->until) <= 0)
        return "its time has passed";
    return NULL;
}

/* A client would rather have no response than one that it must refuse. */
static int on_status(SSL *ssl, void *user)
{
    const struct gw_tlsstaple *staple = user;
    if (staple->der.size == 0 || gw_tlsstaple_fault(staple) != NULL)
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char *copy = OPENSSL_memdup(staple->der.data, staple->der.size);
    if (copy == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->der.size); /* takes it */
    return SSL_TLSEXT_ERR_OK;
}

void gw_tlsstaple_serve(SSL_CTX *ctx, struct gw_tlsstaple *staple)
{
    SSL_CTX_set_tlsext_status_cb(ctx, on_status);
    SSL_CTX_set_tlsext_status_arg(ctx, staple);
}
