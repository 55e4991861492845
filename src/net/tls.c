#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/tlsnames.h"
#include "net/tlspipe.h"
#include "net/tlspsk.h"
#include "os/thread.h"

#define RECORD_SIZE ((size_t)16 * 1024)

struct gw_tls {
    struct gw_transport base; /* first */
    struct gw_tlscontext *context;
    SSL *ssl;
    const char *host;             /* a client's */
    char *peer_name;              /* proved */
    struct gw_tlspsk_asked asked; /* a server's: while it shakes hands */
    X509 *refused;                /* the server's certificate that a client did not accept */
    char *words;                  /* of a trouble that needed some */
    struct gw_tlspipe pipe;
    enum gw_status end; /* GW_OK: none; what recv says ever after */
    bool send_ended;
};

struct gw_tls_slot {
    struct gw_mutex mutex; /* over the context */
    struct gw_tlscontext *context;
};

static struct gw_tls *of(struct gw_transport *transport)
{
    return GW_CONTAINER(transport, struct gw_tls, base);
}

/* -- ends -- */

/* A verification that failed, in the words of the check. */
static void note_verification(struct gw_tls *tls, long result)
{
    const char *whose = tls->context->server ? "the client's certificate is not good: "
                                             : "the server's certificate is not good: ";
    const char *why = X509_verify_cert_error_string(result);
    size_t size = strlen(whose) + strlen(why) + 1;
    free(tls->words);
    tls->words = malloc(size);
    if (tls->words != NULL)
        snprintf(tls->words, size, "%s%s", whose, why);
    tls->base.trouble = tls->words != NULL ? tls->words : why;
}

/* The protocol failed: says why. OpenSSL has sent its alert. */
static enum gw_status fail(struct gw_tls *tls)
{
    int reason = ERR_GET_REASON(ERR_peek_error());
    long result = SSL_get_verify_result(tls->ssl);
    const char *words = gw_tlsfault_handshake(tls->pipe.first, tls->context->server);
    char *blame = gw_tlspsk_explain(&tls->asked, reason);
    if (blame != NULL) {
        free(tls->words);
        tls->base.trouble = tls->words = blame;
    } else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && result != X509_V_OK) {
        note_verification(tls, result);
    } else {
        tls->base.trouble = words;
    }
    tls->end = GW_PROTOCOL;
    tls->base.pending = true;
    return tls->end;
}

/* What a call that did not succeed means for reading. */
static enum gw_status judge_recv(struct gw_tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return GW_AGAIN;
    if (error == SSL_ERROR_WANT_WRITE) {
        tls->base.recv_wants = GW_POLL_WRITE;
        return GW_AGAIN;
    }
    if (tls->pipe.recv_status != GW_OK) { /* the socket ended: no matter what TLS thinks of it */
        ERR_clear_error();
        tls->end = tls->pipe.recv_status;
    } else if (error == SSL_ERROR_ZERO_RETURN) {
        tls->end = GW_CLOSED;
    } else if (tls->pipe.send_status != GW_OK && ERR_peek_error() == 0) {
        tls->end = tls->pipe.send_status; /* a handshake whose answer could not be sent */
    } else {
        return fail(tls);
    }
    tls->base.pending = true;
    return tls->end;
}

/* -- the handshake -- */

/* Who the client has proved to be. GW_PROTOCOL when memory is out: nobody comes in as somebody else
 * for want of it. */
static enum gw_status on_established(struct gw_tls *tls)
{
    bool failed = false;
    tls->base.heavy = false;
    gw_tlspsk_fini(&tls->asked);
    if (!tls->context->server)
        return GW_OK;
    if (tls->context->keys != NULL)
        tls->peer_name = gw_tlspsk_proved(tls->ssl, &failed);
    if (failed) {
        tls->base.trouble = "out of memory";
        tls->base.pending = true;
        return tls->end = GW_PROTOCOL;
    }
    X509 *cert = SSL_get0_peer_certificate(tls->ssl);
    if (tls->peer_name == NULL && cert != NULL && SSL_get_verify_result(tls->ssl) == X509_V_OK)
        tls->peer_name = gw_tlscontext_identity(cert, tls->context->identity);
    return GW_OK;
}

/* GW_OK: established. */
static enum gw_status shake_hands(struct gw_tls *tls)
{
    if (!SSL_in_init(tls->ssl))
        return GW_OK;
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        return judge_recv(tls, result);
    return tls->base.heavy ? on_established(tls) : GW_OK;
}

/* -- bytes -- */

static enum gw_status tls_recv(struct gw_transport *transport, void *memory, size_t size,
                               size_t *ret_size, int *ret_errno)
{
    struct gw_tls *tls = of(transport);
    enum gw_status status = tls->end;
    *ret_size = 0;
    transport->recv_wants = 0;
    if (status == GW_OK) {
        transport->pending = false;
        tls->pipe.dry = false;
        status = shake_hands(tls);
    }
    while (status == GW_OK && *ret_size < size) {
        size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(tls->ssl, (uint8_t *)memory + *ret_size, size - *ret_size, &got);
        *ret_size += got;
        if (result != 1)
            status = judge_recv(tls, result);
    }
    *ret_errno = tls->pipe.os_errno;
    if (*ret_size == 0)
        return status;
    if (*ret_size == size)
        transport->pending = SSL_has_pending(tls->ssl) == 1;
    return GW_OK; /* an end comes with the next call: it is pending */
}

/* Where sending stands within its parts. */
struct cursor {
    const struct iovec *parts;
    int count;
    size_t at; /* in the first */
};

/* The next bytes for one record: always as many as there are, up to a full one, so that a write
 * that comes again offers at least what it did. Copies unless one part fills a record. */
static const uint8_t *next_record(const struct cursor *cursor, uint8_t *memory, size_t *ret_size)
{
    const uint8_t *first = (const uint8_t *)cursor->parts[0].iov_base + cursor->at;
    size_t left = cursor->parts[0].iov_len - cursor->at;
    if (left >= RECORD_SIZE || cursor->count == 1) {
        *ret_size = left < RECORD_SIZE ? left : RECORD_SIZE;
        return first;
    }
    size_t size = 0;
    size_t at = cursor->at;
    for (int i = 0; i < cursor->count && size < RECORD_SIZE; i++) {
        size_t part = cursor->parts[i].iov_len - at;
        part = part < RECORD_SIZE - size ? part : RECORD_SIZE - size;
        memcpy(memory + size, (const uint8_t *)cursor->parts[i].iov_base + at, part);
        size += part;
        at = 0;
    }
    *ret_size = size;
    return memory;
}

static void advance(struct cursor *cursor, size_t size)
{
    while (cursor->count > 0 && size >= cursor->parts[0].iov_len - cursor->at) {
        size -= cursor->parts[0].iov_len - cursor->at;
        cursor->parts++;
        cursor->count--;
        cursor->at = 0;
    }
    cursor->at += size;
}

static enum gw_status judge_send(struct gw_tls *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_WRITE: tls->base.send_wants = GW_POLL_WRITE; return GW_AGAIN;
    case SSL_ERROR_WANT_READ: tls->base.send_wants = GW_POLL_READ; return GW_AGAIN;
    default: break;
    }
    if (tls->pipe.send_status != GW_OK) {
        ERR_clear_error();
        tls->send_ended = true;
        return tls->pipe.send_status;
    }
    if (tls->pipe.recv_status != GW_OK) {
        ERR_clear_error();
        tls->send_ended = true;
        return GW_CLOSED;
    }
    return fail(tls);
}

/* Before the handshake is over nothing can be sent; what is done of it here is asked for by the
 * poller (it could not write) or by a client's first bytes. */
static enum gw_status shake_hands_to_send(struct gw_tls *tls, int part_count)
{
    struct gw_transport *base = &tls->base;
    base->recv_wants = 0;
    base->send_wants = 0;
    enum gw_status status = shake_hands(tls);
    if (status == GW_AGAIN && part_count > 0 && base->recv_wants == 0)
        base->send_wants = GW_POLL_READ;
    return status;
}

static enum gw_status tls_sendv(struct gw_transport *transport, const struct iovec *parts,
                                int part_count, size_t *ret_size, int *ret_errno)
{
    struct gw_tls *tls = of(transport);
    uint8_t memory[RECORD_SIZE];
    struct cursor cursor = {parts, part_count, 0};
    *ret_size = 0;
    *ret_errno = tls->pipe.os_errno;
    if (tls->end == GW_PROTOCOL)
        return GW_PROTOCOL;
    if (tls->send_ended)
        return GW_CLOSED;
    enum gw_status status = shake_hands_to_send(tls, part_count);
    for (int i = 0; i < GW_TLS_RECORDS_PER_WRITE && cursor.count > 0 && status == GW_OK; i++) {
        size_t size;
        size_t sent = 0;
        const uint8_t *bytes = next_record(&cursor, memory, &size);
        ERR_clear_error();
        int result = SSL_write_ex(tls->ssl, bytes, size, &sent);
        if (result != 1)
            status = judge_send(tls, result);
        *ret_size += sent;
        advance(&cursor, sent);
    }
    *ret_errno = tls->pipe.os_errno;
    if (*ret_size > 0 && (status == GW_CLOSED || status == GW_OS_ERROR))
        return GW_OK; /* the next call says so again */
    return status;
}

static enum gw_status tls_shut(struct gw_transport *transport)
{
    struct gw_tls *tls = of(transport);
    transport->send_wants = 0;
    if (tls->end == GW_PROTOCOL || tls->send_ended || SSL_in_init(tls->ssl))
        return GW_CLOSED;
    ERR_clear_error();
    int result = SSL_shutdown(tls->ssl);
    if (result < 0 && SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_WRITE) {
        transport->send_wants = GW_POLL_WRITE;
        return GW_AGAIN;
    }
    ERR_clear_error();
    return gw_transport_shut(transport);
}

static void tls_describe(const struct gw_transport *transport, struct gw_transport_story *story)
{
    const struct gw_tls *tls = (const struct gw_tls *)(const void *)transport; /* base is first */
    story->peer_name = tls->peer_name;
    if (SSL_in_init(tls->ssl))
        return;
    story->protocol = SSL_get_version(tls->ssl);
    story->cipher = SSL_get_cipher_name(tls->ssl);
    story->server_name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
}

static enum gw_status tls_attest(const struct gw_transport *transport, gw_transport_attest_fn *fn,
                                 void *user)
{
    const struct gw_tls *tls = (const struct gw_tls *)(const void *)transport; /* base is first */
    X509 *cert = SSL_in_init(tls->ssl) ? NULL : SSL_get0_peer_certificate(tls->ssl);
    if (cert == NULL || SSL_get_verify_result(tls->ssl) != X509_V_OK)
        return GW_OK;
    return gw_tlsnames_tell(cert, fn, user);
}

static void tls_free(struct gw_transport *transport)
{
    struct gw_tls *tls = of(transport);
    SSL_free(tls->ssl); /* and its BIO */
    gw_tlscontext_unref(tls->context);
    X509_free(tls->refused);
    gw_tlspsk_fini(&tls->asked);
    free(tls->peer_name);
    free(tls->words);
    free(tls);
}

/* -- life -- */

static struct gw_tls *tls_new(struct gw_tlscontext *context)
{
    static const struct gw_transport_ops ops = {tls_recv,     tls_sendv, tls_shut,
                                                tls_describe, tls_free,  tls_attest};
    struct gw_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return NULL;
    gw_transport_init(&tls->base, &ops);
    tls->base.heavy = true;
    tls->pipe.transport = &tls->base;
    tls->pipe.first = -1;
    tls->context = gw_tlscontext_ref(context);
    tls->ssl = SSL_new(context->ctxs[0]);
    BIO *bio = tls->ssl != NULL ? gw_tlspipe_new(context->bio, &tls->pipe) : NULL;
    if (bio == NULL || SSL_set_app_data(tls->ssl, &tls->asked) != 1) {
        BIO_free(bio);
        ERR_clear_error();
        tls_free(&tls->base);
        return NULL;
    }
    SSL_set_bio(tls->ssl, bio, bio);
    return tls;
}

struct gw_transport *gw_tls_server(struct gw_tlscontext *context)
{
    struct gw_tls *tls = tls_new(context);
    if (tls == NULL)
        return NULL;
    SSL_set_accept_state(tls->ssl);
    return &tls->base;
}

static bool is_address(const char *host)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* Keeps a certificate that is not accepted: OpenSSL drops it before we can tell what it says. */
static int on_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct gw_tls *tls = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    if (good != 1 && tls->refused == NULL && cert != NULL && X509_up_ref(cert) == 1)
        tls->refused = cert;
    return good;
}

struct gw_transport *gw_tls_client(struct gw_tlscontext *context, const char *host)
{
    struct gw_tls *tls = tls_new(context);
    if (tls == NULL)
        return NULL;
    tls->host = host;
    SSL_set_connect_state(tls->ssl);
    SSL_set_verify(tls->ssl, SSL_get_verify_mode(tls->ssl), on_verify);
    bool good = SSL_set_app_data(tls->ssl, tls) == 1;
    if (is_address(host)) {
        if (!context->insecure_name)
            good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) == 1;
    } else {
        /* OpenSSL's macro takes no const, and writes nothing. */
        good = SSL_set_tlsext_host_name(tls->ssl, (char *)(uintptr_t)host) == 1;
        if (!context->insecure_name)
            good = good && SSL_set1_host(tls->ssl, host) == 1;
    }
    if (!good) {
        ERR_clear_error();
        tls_free(&tls->base);
        return NULL;
    }
    return &tls->base;
}

void gw_tls_explain(const struct gw_transport *top, struct gw_tlsfault *ret_fault)
{
    while (top->below != NULL)
        top = top->below;
    const struct gw_tls *tls = (const struct gw_tls *)(const void *)top; /* base is first */
    if (tls->context->keys != NULL && tls->base.heavy)
        gw_tlsfault_key(ret_fault, tls->refused == NULL ? tls->base.trouble : NULL, tls->host);
    else if (tls->refused != NULL)
        gw_tlsfault_refused(ret_fault, tls->refused, SSL_get_verify_result(tls->ssl), tls->host);
    else
        gw_tlsfault_failed(ret_fault, tls->base.trouble, tls->host);
}

/* -- slots -- */

struct gw_tls_slot *gw_tls_slot_new(struct gw_tlscontext *context)
{
    struct gw_tls_slot *slot = malloc(sizeof *slot);
    if (slot == NULL)
        return NULL;
    gw_mutex_init(&slot->mutex);
    slot->context = gw_tlscontext_ref(context);
    return slot;
}

void gw_tls_slot_put(struct gw_tls_slot *slot, struct gw_tlscontext *context)
{
    gw_tlscontext_ref(context);
    gw_mutex_lock(&slot->mutex);
    struct gw_tlscontext *old = slot->context;
    slot->context = context;
    gw_mutex_unlock(&slot->mutex);
    gw_tlscontext_unref(old);
}

void gw_tls_slot_free(struct gw_tls_slot *slot)
{
    if (slot == NULL)
        return;
    gw_tlscontext_unref(slot->context);
    gw_mutex_fini(&slot->mutex);
    free(slot);
}

static struct gw_transport *make(void *ctx)
{
    struct gw_tls_slot *slot = ctx;
    gw_mutex_lock(&slot->mutex);
    struct gw_tlscontext *context = gw_tlscontext_ref(slot->context);
    gw_mutex_unlock(&slot->mutex);
    struct gw_transport *transport = gw_tls_server(context);
    gw_tlscontext_unref(context);
    return transport;
}

struct gw_transport_layer gw_tls_slot_layer(struct gw_tls_slot *slot)
{
    return (struct gw_transport_layer){make, slot};
}
