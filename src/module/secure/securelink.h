/*
 * module/secure/securelink: TLS as a client of a directory or a data base, whose certificate is
 * always checked, by workers, which wait.
 *
 * Layer   module/secure (may include auth, os, base). By OpenSSL.
 * Owner   a context: any thread; a connection: one worker.
 * Life    contexts end with SSL_CTX_free, connections with SSL_free; sockets stay the caller's.
 * Limits  the caller's patience.
 */
#ifndef GW_MODULE_SECURE_SECURELINK_H
#define GW_MODULE_SECURE_SECURELINK_H

#include <openssl/types.h>

#include "auth/backend.h"
#include "os/patience.h"

/* Makes a context that trusts the CAs of a file; with NULL those that this system trusts.
 * GW_INVALID with words, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_securelink_context(const char *ca_file, SSL_CTX **ret_context,
                                                 char ret_words[GW_BACKEND_WORDS_MAX]);

/* Shakes hands over a connected, non-blocking socket with somebody who must prove that he is
 * `host`, a name or an address. GW_TIMEOUT, GW_CLOSED, GW_NO_MEMORY with words. */
GW_MUST_USE enum gw_status gw_securelink_begin(SSL_CTX *context, int fd, const char *host,
                                               const struct gw_patience *patience, SSL **ret_ssl,
                                               char ret_words[GW_BACKEND_WORDS_MAX]);

/* What a call that did not succeed means: GW_AGAIN (when the socket can be written to, or read
 * from), GW_CLOSED. */
GW_MUST_USE enum gw_status gw_securelink_outcome(const SSL *ssl, int result, bool *ret_to_write);

#endif
