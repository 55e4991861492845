#include "net/tlscontext.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "net/tlspipe.h"
#include "net/tlspsk.h"
#include "os/file.h"

#define SESSION_SECONDS 7200 /* how long a ticket lets its holder skip a full handshake */

/* -- files -- */

/* Reads a file into memory that OpenSSL can look at; the caller frees both. */
static enum gw_status open_pem(const char *what, const char *path, struct gw_buf *buf,
                               BIO **ret_bio, struct gw_tlsfault *fault)
{
    int os_errno;
    *ret_bio = NULL;
    gw_buf_init(buf, GW_TLSCONTEXT_FILE_MAX);
    enum gw_status status = gw_file_read(path, buf, &os_errno);
    if (status == GW_NO_MEMORY)
        return status;
    if (status != GW_OK)
        return gw_tlsfault_file(fault, what, path, os_errno);
    *ret_bio = BIO_new_mem_buf(buf->data, (int)buf->size);
    return *ret_bio != NULL ? GW_OK : GW_NO_MEMORY;
}

static void close_pem(struct gw_buf *buf, BIO *bio)
{
    BIO_free(bio);
    if (buf->data != NULL)
        OPENSSL_cleanse(buf->data, buf->size); /* it may have been a key */
    gw_buf_fini(buf);
}

/* A pass phrase would have to be asked for at a terminal that is not there. */
static int no_pass_phrase(char *text, int size, int writing, void *asked)
{
    (void)text;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static enum gw_status load_key(SSL_CTX *ctx, const char *path, const char *cert_path,
                               struct gw_tlsfault *fault)
{
    struct gw_buf buf;
    BIO *bio;
    bool asked = false;
    enum gw_status status = open_pem("key", path, &buf, &bio, fault);
    EVP_PKEY *key =
        status == GW_OK ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, &asked) : NULL;
    if (status == GW_OK && key == NULL && asked) {
        status = gw_tlsfault_set(fault, "T208", "the key %s is locked with a pass phrase", path);
        gw_tlsfault_hint(fault, "openssl pkey -in %s -out NEW writes one without", path);
    } else if (status == GW_OK && key == NULL) {
        status = gw_tlsfault_set(fault, "T204", "%s holds no private key (PEM): %s", path,
                                 gw_tlsfault_reason());
    } else if (status == GW_OK && SSL_CTX_use_PrivateKey(ctx, key) != 1) {
        status = gw_tlsfault_set(fault, "T205", "the key %s does not belong to the certificate %s",
                                 path, cert_path);
        gw_tlsfault_hint(fault, "openssl pkey -in KEY -pubout and openssl x509 -in CERT -noout "
                                "-pubkey must print the same");
    }
    ERR_clear_error();
    EVP_PKEY_free(key);
    close_pem(&buf, bio);
    return status;
}

/* The first certificate is ours, the rest its chain. */
static enum gw_status read_chain(SSL_CTX *ctx, BIO *bio, const char *path,
                                 struct gw_tlsfault *fault)
{
    X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    if (cert == NULL) {
        gw_tlsfault_set(fault, "T204", "%s holds no certificate (PEM): %s", path,
                        gw_tlsfault_reason());
        return GW_INVALID;
    }
    bool good = SSL_CTX_use_certificate(ctx, cert) == 1;
    X509_free(cert);
    if (!good)
        return gw_tlsfault_set(fault, "T204", "the certificate %s cannot be used: %s", path,
                               gw_tlsfault_reason());
    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
            X509_free(cert);
            return GW_NO_MEMORY;
        }
    }
    ERR_clear_error(); /* the end of the file is said as an error */
    return GW_OK;
}

static enum gw_status load_pair(SSL_CTX *ctx, const struct gw_tls_pair *pair,
                                struct gw_tlsfault *fault)
{
    struct gw_buf buf;
    BIO *bio;
    enum gw_status status = open_pem("certificate", pair->cert, &buf, &bio, fault);
    if (status == GW_OK)
        status = read_chain(ctx, bio, pair->cert, fault);
    close_pem(&buf, bio);
    if (status == GW_OK)
        status = load_key(ctx, pair->key[0] != '\0' ? pair->key : pair->cert, pair->cert, fault);
    return status;
}

/* The response that is shown with the certificate of a context, at the same place. */
static enum gw_status load_staple(struct gw_tlscontext *context, size_t index, const char *path,
                                  struct gw_tlsfault *fault)
{
    struct gw_buf buf;
    BIO *bio;
    const char *what = NULL;
    enum gw_status status = open_pem("OCSP response", path, &buf, &bio, fault);
    if (status == GW_OK)
        status = gw_tlsstaple_read(&context->staples[index], gw_buf_span(&buf),
                                   context->certs[index], &what);
    if (status == GW_INVALID && what != NULL) {
        gw_tlsfault_set(fault, "T217", "%s %s", path, what);
        gw_tlsfault_hint(fault, "openssl ocsp -issuer CA -cert CERT -url URL -respout FILE asks "
                                "the CA for one");
    }
    close_pem(&buf, bio);
    if (status == GW_OK)
        gw_tlsstaple_serve(context->ctxs[index], &context->staples[index]);
    return status;
}

/* Trusts every certificate of a file, and for a server names them to the clients. */
static enum gw_status read_cas(SSL_CTX *ctx, BIO *bio, const char *path, struct gw_tlsfault *fault)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    size_t count = 0;
    X509 *cert;
    while ((cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        bool good = X509_STORE_add_cert(store, cert) == 1 && SSL_CTX_add_client_CA(ctx, cert) == 1;
        X509_free(cert);
        if (!good)
            return GW_NO_MEMORY;
        count++;
    }
    if (count == 0)
        return gw_tlsfault_set(fault, "T204", "%s holds no certificate (PEM): %s", path,
                               gw_tlsfault_reason());
    ERR_clear_error();
    return GW_OK;
}

static enum gw_status read_crls(SSL_CTX *ctx, BIO *bio, const char *path, struct gw_tlsfault *fault)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    size_t count = 0;
    X509_CRL *crl;
    while ((crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL) {
        bool good = X509_STORE_add_crl(store, crl) == 1;
        X509_CRL_free(crl);
        if (!good)
            return GW_NO_MEMORY;
        count++;
    }
    if (count == 0)
        return gw_tlsfault_set(fault, "T209", "%s holds no revocation list (PEM): %s", path,
                               gw_tlsfault_reason());
    ERR_clear_error();
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return GW_OK;
}

/* Reads one of the files above and stirs it into the digest of what is trusted. */
static enum gw_status load_trust(SSL_CTX *ctx, const char *what, const char *path,
                                 EVP_MD_CTX *digest, struct gw_tlsfault *fault)
{
    struct gw_buf buf;
    BIO *bio;
    bool crl = strcmp(what, "revocation list") == 0;
    enum gw_status status = open_pem(what, path, &buf, &bio, fault);
    if (status == GW_OK)
        status = crl ? read_crls(ctx, bio, path, fault) : read_cas(ctx, bio, path, fault);
    if (status == GW_OK && EVP_DigestUpdate(digest, buf.data, buf.size) != 1)
        status = GW_NO_MEMORY;
    close_pem(&buf, bio);
    return status;
}

static enum gw_status load_trusts(const struct gw_tlscontext *context, SSL_CTX *ctx,
                                  const struct gw_tls_options *options, struct gw_tlsfault *fault)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    uint8_t sum[EVP_MAX_MD_SIZE];
    enum gw_status status = GW_NO_MEMORY;
    if (digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
        EVP_DigestUpdate(digest, context->keys_sum, sizeof context->keys_sum) == 1)
        status = GW_OK;
    if (status == GW_OK && options->ca_file[0] != '\0')
        status = load_trust(ctx, "CA file", options->ca_file, digest, fault);
    if (status == GW_OK && options->crl[0] != '\0')
        status = load_trust(ctx, "revocation list", options->crl, digest, fault);
    if (status == GW_OK && options->ca_path[0] != '\0' &&
        SSL_CTX_load_verify_dir(ctx, options->ca_path) != 1)
        status = gw_tlsfault_set(fault, "T202", "cannot use the CA directory %s: %s",
                                 options->ca_path, gw_tlsfault_reason());
    if (status == GW_OK && options->system_cas && SSL_CTX_set_default_verify_paths(ctx) != 1)
        status = gw_tlsfault_set(fault, "T202", "cannot read the CAs of this system: %s",
                                 gw_tlsfault_reason());
    /* A ticket stands for a certificate or a key that was checked: against other CAs, another list
     * of revoked ones or other keys it is worth nothing. */
    if (status == GW_OK && options->server &&
        (EVP_DigestFinal_ex(digest, sum, NULL) != 1 ||
         SSL_CTX_set_session_id_context(ctx, sum, 32) != 1))
        status = GW_NO_MEMORY;
    EVP_MD_CTX_free(digest);
    return status;
}

/* -- pre-shared keys -- */

static enum gw_status parse_keys(struct gw_tlscontext *context, const struct gw_buf *buf,
                                 const char *path, struct gw_tlsfault *fault)
{
    struct gw_tlskeys_error error;
    enum gw_status status = gw_tlskeys_parse(gw_buf_span(buf), &context->keys, &error);
    if (status == GW_INVALID) {
        gw_tlsfault_set(fault, "T215", "%s, line %u: %s", path, error.line, error.what);
        gw_tlsfault_hint(fault, "a line is IDENTITY:KEY, the key in hexadecimal (openssl rand -hex "
                                "32 makes one)");
    }
    if (status == GW_OK &&
        EVP_Digest(buf->data, buf->size, context->keys_sum, NULL, EVP_sha256(), NULL) != 1)
        status = GW_NO_MEMORY;
    return status;
}

static enum gw_status load_keys(struct gw_tlscontext *context, const struct gw_tls_options *options,
                                struct gw_tlsfault *fault)
{
    struct gw_buf buf;
    BIO *bio;
    if (options->psk_file[0] == '\0')
        return GW_OK;
    enum gw_status status =
        open_pem("file of pre-shared keys", options->psk_file, &buf, &bio, fault);
    if (status == GW_OK)
        status = parse_keys(context, &buf, options->psk_file, fault);
    close_pem(&buf, bio);
    return status;
}

static enum gw_status load_own_key(struct gw_tlscontext *context,
                                   const struct gw_tls_options *options, struct gw_tlsfault *fault)
{
    struct gw_tlskeys_error error;
    enum gw_status status = gw_tlskeys_one(gw_span_str(options->psk_identity),
                                           gw_span_str(options->psk_hex), &context->keys, &error);
    return status == GW_INVALID ? gw_tlsfault_set(fault, "T215", "%s", error.what) : status;
}

/* -- what OpenSSL asks -- */

static int on_server_name(SSL *ssl, int *alert, void *user)
{
    const struct gw_tlscontext *context = user;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (name == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i < context->count; i++) {
        if (context->certs[i] == NULL || X509_check_host(context->certs[i], name, 0, 0, NULL) != 1)
            continue;
        if (i > 0)
            SSL_set_SSL_CTX(ssl, context->ctxs[i]);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK; /* the first one, and the client judges */
}

static int on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                   const unsigned char *offered, unsigned size, void *user)
{
    const struct gw_tlscontext *context = user;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, ret_size, context->alpn, context->alpn_size, offered,
                              size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_name = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int encrypt)
{
    const struct gw_tlscontext *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return gw_tlstickets_answer(context->tickets, name, iv, cipher, mac, encrypt == 1);
}

/* -- settings -- */

static int version_number(int version)
{
    return version == 0 ? 0 : version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

/* With a key of its own and nothing else a client has no use for certificates. */
static const char *default_ciphers(const struct gw_tlscontext *context)
{
    if (context->keys == NULL)
        return GW_TLSCONTEXT_CIPHERS;
    return context->server ? GW_TLSCONTEXT_CIPHERS ":" GW_TLSPSK_CIPHERS : GW_TLSPSK_CIPHERS;
}

static enum gw_status set_algorithms(const struct gw_tlscontext *context, SSL_CTX *ctx,
                                     const struct gw_tls_options *options,
                                     struct gw_tlsfault *fault)
{
    const char *ciphers = options->ciphers[0] != '\0' ? options->ciphers : default_ciphers(context);
    const char *suites = options->ciphersuites;
    const char *curves = options->curves[0] != '\0' ? options->curves : GW_TLSCONTEXT_CURVES;
    if (SSL_CTX_set_min_proto_version(ctx, version_number(options->version_min)) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version_number(options->version_max)) != 1)
        return GW_NO_MEMORY;
    if (SSL_CTX_set_cipher_list(ctx, ciphers) != 1)
        return gw_tlsfault_set(fault, "T207", "no cipher of TLS 1.2 is called \"%s\"", ciphers);
    if (suites[0] == '\0' && context->keys != NULL)
        suites = GW_TLSPSK_CIPHERSUITES;
    if (suites[0] != '\0' && SSL_CTX_set_ciphersuites(ctx, suites) != 1)
        return gw_tlsfault_set(fault, "T207", "no cipher of TLS 1.3 is called \"%s\"", suites);
    /* OpenSSL's macro takes no const, and writes nothing. */
    if (SSL_CTX_set1_groups_list(ctx, (char *)(uintptr_t)curves) != 1)
        return gw_tlsfault_set(fault, "T207", "no curves are called \"%s\"", curves);
    return GW_OK;
}

static void set_verify(SSL_CTX *ctx, const struct gw_tls_options *options)
{
    int mode = SSL_VERIFY_NONE;
    if (!options->server)
        mode = options->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
    else if (options->client_cert == GW_TLS_CLIENT_CERT_OPTIONAL)
        mode = SSL_VERIFY_PEER;
    else if (options->client_cert == GW_TLS_CLIENT_CERT_REQUIRED)
        mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, mode, NULL);
}

static void set_server(SSL_CTX *ctx, struct gw_tlscontext *context)
{
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, context);
    if (context->alpn_size > 0)
        SSL_CTX_set_alpn_select_cb(ctx, on_alpn, context);
    if (context->keys != NULL)
        gw_tlspsk_serve(ctx);
    SSL_CTX_set_timeout(ctx, SESSION_SECONDS);
    SSL_CTX_set_num_tickets(ctx, context->tickets != NULL ? 1 : 0);
    if (context->tickets == NULL)
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    else
        SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}

/* A connection at rest holds no buffers; a write may come again from another place. */
static void set_modes(SSL_CTX *ctx)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
}

static enum gw_status add_ctx(struct gw_tlscontext *context, const struct gw_tls_options *options,
                              const struct gw_tls_pair *pair, struct gw_tlsfault *fault)
{
    SSL_CTX *ctx = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    if (ctx == NULL)
        return GW_NO_MEMORY;
    context->ctxs[context->count++] = ctx;
    set_modes(ctx);
    set_verify(ctx, options);
    if (SSL_CTX_set_app_data(ctx, context) != 1)
        return GW_NO_MEMORY;
    GW_TRY(set_algorithms(context, ctx, options, fault));
    GW_TRY(load_trusts(context, ctx, options, fault));
    if (options->server)
        set_server(ctx, context);
    else if (context->keys != NULL)
        gw_tlspsk_dial(ctx);
    if (!options->server && context->alpn_size > 0 &&
        SSL_CTX_set_alpn_protos(ctx, context->alpn, context->alpn_size) != 0)
        return GW_NO_MEMORY;
    if (pair == NULL || pair->cert[0] == '\0')
        return GW_OK;
    GW_TRY(load_pair(ctx, pair, fault));
    context->certs[context->count - 1] = SSL_CTX_get0_certificate(ctx);
    if (pair->ocsp != NULL && pair->ocsp[0] != '\0')
        return load_staple(context, context->count - 1, pair->ocsp, fault);
    return GW_OK;
}

static enum gw_status fill(struct gw_tlscontext *context, const struct gw_tls_options *options,
                           struct gw_tlsfault *fault)
{
    size_t alpn_size = strlen(options->alpn);
    if (alpn_size > 0 && alpn_size < sizeof context->alpn) {
        context->alpn[0] = (uint8_t)alpn_size;
        memcpy(context->alpn + 1, options->alpn, alpn_size);
        context->alpn_size = (uint8_t)(alpn_size + 1);
    }
    context->bio = gw_tlspipe_method();
    if (context->bio == NULL)
        return GW_NO_MEMORY;
    GW_TRY(load_keys(context, options, fault));
    if (!options->server && options->psk_identity[0] != '\0')
        GW_TRY(load_own_key(context, options, fault));
    if (options->pair_count == 0)
        return add_ctx(context, options, NULL, fault);
    for (size_t i = 0; i < options->pair_count && i < GW_TLSCONTEXT_CERTS_MAX; i++)
        GW_TRY(add_ctx(context, options, &options->pairs[i], fault));
    return GW_OK;
}

enum gw_status gw_tlscontext_new(const struct gw_tls_options *options,
                                 struct gw_tlscontext **ret_context, struct gw_tlsfault *fault)
{
    struct gw_tlscontext *context = calloc(1, sizeof *context);
    *ret_context = NULL;
    if (context == NULL)
        return GW_NO_MEMORY;
    ERR_clear_error();
    atomic_init(&context->refs, 1);
    context->tickets = options->tickets;
    context->identity = options->identity;
    context->server = options->server;
    context->insecure_name = options->insecure_name || options->insecure;
    enum gw_status status = fill(context, options, fault);
    if (status != GW_OK) {
        gw_tlscontext_unref(context);
        return status;
    }
    *ret_context = context;
    return GW_OK;
}

struct gw_tlscontext *gw_tlscontext_ref(struct gw_tlscontext *context)
{
    atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
    return context;
}

void gw_tlscontext_unref(struct gw_tlscontext *context)
{
    /* One operation for both, no fence: ThreadSanitizer cannot see fences. */
    if (context == NULL || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < context->count; i++) {
        SSL_CTX_free(context->ctxs[i]);
        gw_tlsstaple_fini(&context->staples[i]);
    }
    BIO_meth_free(context->bio);
    gw_tlskeys_free(context->keys);
    free(context);
}

int64_t gw_tlscontext_expiry(const struct gw_tlscontext *context, size_t index)
{
    struct tm when;
    if (context->certs[index] == NULL ||
        ASN1_TIME_to_tm(X509_get0_notAfter(context->certs[index]), &when) != 1)
        return INT64_MAX;
    return (int64_t)timegm(&when);
}

/* -- who a certificate is -- */

static char *string_text(const ASN1_STRING *string)
{
    unsigned char *utf8 = NULL;
    char *text = NULL;
    int size = ASN1_STRING_to_UTF8(&utf8, string);
    if (size > 0 && memchr(utf8, '\0', (size_t)size) == NULL)
        text = strdup((char *)utf8);
    OPENSSL_free(utf8);
    return text;
}

static char *common_name(X509 *cert)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return NULL; /* none, or two: which one would be meant */
    return string_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static char *subject_text(X509 *cert)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *data;
    char *text = NULL;
    if (out == NULL)
        return NULL;
    if (X509_NAME_print_ex(out, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) > 0) {
        long size = BIO_get_mem_data(out, &data);
        text = size > 0 ? strndup(data, (size_t)size) : NULL;
    }
    BIO_free(out);
    return text;
}

static char *alternative_name(X509 *cert, int type)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    char *text = NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && text == NULL; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == type) /* the three kinds asked for are all IA5 strings */
            text = string_text(name->d.ia5);
    }
    GENERAL_NAMES_free(names);
    return text;
}

static char *fingerprint(X509 *cert)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char *text = malloc(2 * sizeof sum + 1);
    if (text == NULL || X509_digest(cert, EVP_sha256(), sum, &size) != 1) {
        free(text);
        return NULL;
    }
    for (unsigned i = 0; i < size; i++) {
        text[2 * i] = digits[sum[i] >> 4];
        text[2 * i + 1] = digits[sum[i] & 15];
    }
    text[2 * size] = '\0';
    return text;
}

char *gw_tlscontext_identity(X509 *cert, enum gw_tls_identity identity)
{
    switch (identity) {
    case GW_TLS_IDENTITY_CN: return common_name(cert);
    case GW_TLS_IDENTITY_SUBJECT: return subject_text(cert);
    case GW_TLS_IDENTITY_SAN_DNS: return alternative_name(cert, GEN_DNS);
    case GW_TLS_IDENTITY_SAN_EMAIL: return alternative_name(cert, GEN_EMAIL);
    case GW_TLS_IDENTITY_SAN_URI: return alternative_name(cert, GEN_URI);
    case GW_TLS_IDENTITY_FINGERPRINT: return fingerprint(cert);
    case GW_TLS_IDENTITY_OFF:
    case GW_TLS_IDENTITY_COUNT: break;
    }
    return NULL;
}
