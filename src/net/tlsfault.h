/*
 * net/tlsfault: what is wrong with TLS, in words a user can act on.
 *
 * Layer   net (may include os, base).
 * Owner   the caller.
 * Life    a value; nothing to release.
 * Limits  GW_TLSFAULT_TEXT_MAX bytes a line.
 */
#ifndef GW_NET_TLSFAULT_H
#define GW_NET_TLSFAULT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/status.h"

#define GW_TLSFAULT_TEXT_MAX 400

/* Codes stand in docs/reference/errors.md. */
struct gw_tlsfault {
    const char *code; /* "T203" */
    bool permission;  /* a file may not be read */
    char what[GW_TLSFAULT_TEXT_MAX];
    char detail[GW_TLSFAULT_TEXT_MAX]; /* empty: none */
    char hint[GW_TLSFAULT_TEXT_MAX];   /* empty: none */
};

/* Fills in code and what; returns GW_INVALID. The fault may be NULL. */
GW_PRINTF(3, 4)
enum gw_status gw_tlsfault_set(struct gw_tlsfault *fault, const char *code, const char *format,
                               ...);
GW_PRINTF(2, 3) void gw_tlsfault_detail(struct gw_tlsfault *fault, const char *format, ...);
GW_PRINTF(2, 3) void gw_tlsfault_hint(struct gw_tlsfault *fault, const char *format, ...);

/* A file (what: "key", "certificate") could not be read, for this errno: names owner, mode, cure.
 */
enum gw_status gw_tlsfault_file(struct gw_tlsfault *fault, const char *what, const char *path,
                                int os_errno);

/* OpenSSL's own word for the first error of this thread's queue, which it empties. */
const char *gw_tlsfault_reason(void);

/* Why a handshake or a record failed, in words for the log; constant, or OpenSSL's constant word.
 * `first` is the first byte that the peer sent (-1: none), `server` our role. Empties the queue. */
const char *gw_tlsfault_handshake(int first, bool server);

/* A client did not accept the certificate of `host`: `result` is OpenSSL's number for why. */
void gw_tlsfault_refused(struct gw_tlsfault *fault, X509 *cert, long result, const char *host);
/* A client's pre-shared key was not taken by `host`; trouble NULL: it showed a certificate instead.
 */
void gw_tlsfault_key(struct gw_tlsfault *fault, const char *trouble, const char *host);
/* A client's handshake with `host` failed otherwise, for this trouble. */
void gw_tlsfault_failed(struct gw_tlsfault *fault, const char *trouble, const char *host);

#endif
