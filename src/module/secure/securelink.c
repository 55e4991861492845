#include "module/secure/securelink.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum gw_status gw_securelink_context(const char *ca_file, SSL_CTX **ret_context,
                                     char ret_words[GW_BACKEND_WORDS_MAX])
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    *ret_context = NULL;
    if (!context)
        return GW_NO_MEMORY;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    bool good = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                (ca_file ? SSL_CTX_load_verify_file(context, ca_file)
                         : SSL_CTX_set_default_verify_paths(context)) == 1;
    ERR_clear_error();
    if (good) {
        *ret_context = context;
        return GW_OK;
    }
    SSL_CTX_free(context);
    gw_backend_say(ret_words, "ca_file: %s holds no certificates (PEM) that can be read",
                   ca_file ? ca_file : "the trust store of this system");
    return GW_INVALID;
}

enum gw_status gw_securelink_outcome(const SSL *ssl, int result, bool *ret_to_write)
{
    int error = SSL_get_error(ssl, result);
    *ret_to_write = error == SSL_ERROR_WANT_WRITE;
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? GW_AGAIN : GW_CLOSED;
}

/* The name that its certificate must be for; an address is looked for among the addresses. */
static bool expect(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return true;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    char *name = (char *)(uintptr_t)host; /* it is copied */
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static enum gw_status shake_hands(SSL *ssl, int fd, const struct gw_patience *patience)
{
    for (;;) {
        bool to_write = false;
        ERR_clear_error();
        int result = SSL_connect(ssl);
        if (result == 1)
            return GW_OK;
        GW_TRY(gw_securelink_outcome(ssl, result, &to_write) == GW_AGAIN ? GW_OK : GW_CLOSED);
        GW_TRY(gw_patience_wait(patience, fd, !to_write, to_write));
    }
}

static void explain(const SSL *ssl, const char *host, enum gw_status status, char *words)
{
    long verified = SSL_get_verify_result(ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    const char *why = status == GW_TIMEOUT    ? "no answer within `timeout`"
                      : verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                      : reason                ? reason
                                              : "the connection broke";
    gw_backend_say(words, "no TLS with %s: %s", host, why);
}

enum gw_status gw_securelink_begin(SSL_CTX *context, int fd, const char *host,
                                   const struct gw_patience *patience, SSL **ret_ssl,
                                   char ret_words[GW_BACKEND_WORDS_MAX])
{
    SSL *ssl = SSL_new(context);
    *ret_ssl = NULL;
    if (!ssl || !expect(ssl, host) || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        gw_backend_say(ret_words, "no TLS with %s: out of memory", host);
        return GW_NO_MEMORY;
    }
    enum gw_status status = shake_hands(ssl, fd, patience);
    if (status == GW_OK) {
        *ret_ssl = ssl;
        return GW_OK;
    }
    explain(ssl, host, status, ret_words);
    ERR_clear_error();
    SSL_free(ssl);
    return status == GW_TIMEOUT ? GW_TIMEOUT : GW_CLOSED;
}
