/*
 * net/tlspsk: pre-shared keys in place of certificates, for TLS 1.2 and 1.3, either side.
 *
 * Layer   net (may include os, base).
 * Owner   the connection's loop; what is set on a context holds for all its connections.
 * Life    asked: embedded in a connection, fini releases it.
 * Limits  GW_TLSPSK_SHOWN_MAX bytes of an identity are told of.
 *
 * That a client named an identity proves nothing; only gw_tlspsk_proved does, after the handshake.
 */
#ifndef GW_NET_TLSPSK_H
#define GW_NET_TLSPSK_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "net/tlskeys.h"

#define GW_TLSPSK_SHOWN_MAX 64

/* Ciphers of TLS 1.2, those with forward secrecy first. */
#define GW_TLSPSK_CIPHERS                                                                          \
    "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256:ECDHE-PSK-AES256-CBC-SHA384:"         \
    "PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256:PSK-CHACHA20-POLY1305:PSK-AES128-CCM"

/* Ciphers of TLS 1.3: those first whose hash keys go with, for a key is no use with another one. */
#define GW_TLSPSK_CIPHERSUITES                                                                     \
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

/* What a client of ours asked for while it shook hands; the application data of its SSL. */
struct gw_tlspsk_asked {
    char *identity; /* as it can be shown; NULL: none */
    bool known;
};

/* Makes a server take, or a client offer, the keys of the gw_tlscontext that is the application
 * data of an SSL_CTX. */
void gw_tlspsk_serve(SSL_CTX *ctx);
void gw_tlspsk_dial(SSL_CTX *ctx);

/* The identity whose key a client has proved to have, in this handshake or in the one that its
 * ticket is of; malloc'd. NULL: it has not, or memory is out (then *ret_failed). */
char *gw_tlspsk_proved(SSL *ssl, bool *ret_failed);

/* Why a handshake failed, if it did by a key: malloc'd words; NULL: no key is to blame, or memory
 * is out. `reason` is OpenSSL's. */
char *gw_tlspsk_explain(const struct gw_tlspsk_asked *asked, int reason);
void gw_tlspsk_fini(struct gw_tlspsk_asked *asked);

#endif
