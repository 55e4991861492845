#include "net/tlspsk.h"

#include <openssl/sslerr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tlscontext.h"
#include "os/entropy.h"

#define DUMMY_SIZE 32

/* What every TLS 1.3 implementation has, and the hash that a key of either version goes with. */
static const unsigned char suite[] = {0x13, 0x01};

static const struct gw_tlskeys_key *find(const SSL *ssl, const void *identity, size_t size)
{
    const struct gw_tlscontext *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return gw_tlskeys_find(context->keys, gw_span_of(identity, size));
}

/* Remembers what was asked for, for the log; a ticket, which comes the same way, is no text. */
static void note(const SSL *ssl, const void *identity, size_t size, bool known)
{
    struct gw_tlspsk_asked *asked = SSL_get_app_data(ssl);
    struct gw_span text = gw_span_of(identity, size);
    if (gw_tlskeys_judge_identity(text) != NULL)
        return;
    if (text.size > GW_TLSPSK_SHOWN_MAX)
        text.size = GW_TLSPSK_SHOWN_MAX;
    while (text.size < size && (text.data[text.size] & 0xC0) == 0x80)
        text.size--; /* not within a character */
    free(asked->identity);
    asked->identity = gw_span_dup(text);
    asked->known = known;
}

/* -- a server -- */

/* TLS 1.2. Whose identity is not known gets a key that nobody has: so it cannot be learned which
 * identities there are. */
static unsigned on_identity(SSL *ssl, const char *identity, unsigned char *psk, unsigned size)
{
    if (SSL_version(ssl) >= TLS1_3_VERSION || identity == NULL)
        return 0; /* it was on_offer's to know */
    const struct gw_tlskeys_key *key = find(ssl, identity, strlen(identity));
    note(ssl, identity, strlen(identity), key != NULL);
    if (key == NULL) {
        gw_entropy_fill(psk, DUMMY_SIZE);
        return DUMMY_SIZE;
    }
    if (key->key.size > size)
        return 0;
    memcpy(psk, key->key.data, key->key.size);
    return (unsigned)key->key.size;
}

/* A session as if it had been agreed on before, which says whose it is. */
static SSL_SESSION *session_of(SSL *ssl, const struct gw_tlskeys_key *key)
{
    SSL_SESSION *session = SSL_SESSION_new();
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
    if (session != NULL && cipher != NULL &&
        SSL_SESSION_set1_master_key(session, key->key.data, key->key.size) == 1 &&
        SSL_SESSION_set_cipher(session, cipher) == 1 &&
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1 &&
        SSL_SESSION_set1_ticket_appdata(session, key->identity.data, key->identity.size) == 1)
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

/* TLS 1.3. One that is not known is passed by: the next one offered may be, or a certificate is
 * shown. */
static int on_offer(SSL *ssl, const unsigned char *identity, size_t size, SSL_SESSION **ret_session)
{
    const struct gw_tlskeys_key *key = find(ssl, identity, size);
    *ret_session = NULL;
    note(ssl, identity, size, key != NULL);
    if (key == NULL)
        return 1;
    *ret_session = session_of(ssl, key);
    return *ret_session != NULL;
}

void gw_tlspsk_serve(SSL_CTX *ctx)
{
    SSL_CTX_set_psk_server_callback(ctx, on_identity);
    SSL_CTX_set_psk_find_session_callback(ctx, on_offer);
}

/* -- a client -- */

/* Both versions; OpenSSL makes a session of it for TLS 1.3. */
static unsigned on_question(SSL *ssl, const char *hint, char *identity, unsigned identity_size,
                            unsigned char *psk, unsigned size)
{
    const struct gw_tlscontext *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct gw_tlskeys_key *key = gw_tlskeys_at(context->keys, 0);
    (void)hint;
    if (key->identity.size >= identity_size || key->key.size > size)
        return 0;
    memcpy(identity, key->identity.data, key->identity.size);
    identity[key->identity.size] = '\0';
    memcpy(psk, key->key.data, key->key.size);
    return (unsigned)key->key.size;
}

void gw_tlspsk_dial(SSL_CTX *ctx)
{
    SSL_CTX_set_psk_client_callback(ctx, on_question);
}

/* -- afterwards -- */

char *gw_tlspsk_proved(SSL *ssl, bool *ret_failed)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    const char *text = SSL_get_psk_identity(ssl); /* TLS 1.2 */
    void *data = NULL;
    size_t size = 0;
    char *identity = NULL;
    *ret_failed = false;
    if (text == NULL && session != NULL &&
        SSL_SESSION_get0_ticket_appdata(session, &data, &size) == 1 && size > 0)
        identity = gw_span_dup(gw_span_of(data, size));
    else if (text != NULL)
        identity = strdup(text);
    *ret_failed = identity == NULL && (text != NULL || size > 0);
    return identity;
}

char *gw_tlspsk_explain(const struct gw_tlspsk_asked *asked, int reason)
{
    const char *what = "there is no pre-shared key for the identity";
    bool wrong = reason == SSL_R_BINDER_DOES_NOT_VERIFY || reason == SSL_R_DIGEST_CHECK_FAILED ||
                 reason == SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC;
    char *words;
    if (asked->identity == NULL || (asked->known && !wrong))
        return NULL;
    if (asked->known)
        what = "the client's pre-shared key is wrong, for the identity";
    size_t size = strlen(what) + strlen(asked->identity) + sizeof " \"\"";
    words = malloc(size);
    if (words != NULL)
        snprintf(words, size, "%s \"%s\"", what, asked->identity);
    return words;
}

void gw_tlspsk_fini(struct gw_tlspsk_asked *asked)
{
    free(asked->identity);
    asked->identity = NULL;
}
