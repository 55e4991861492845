/*
 * auth/password: makes password hashes and holds passwords against them.
 *
 * Layer   auth (may include topic, base, os). By libargon2 and OpenSSL.
 * Owner   any thread; slow by design: never on a loop.
 * Life    none.
 * Limits  GW_PASSWORD_SIZE_MAX; what a hash costs is bounded by auth/hashtext.
 *
 * A credential of SCRAM is a hash too: who has one may send the password itself as well.
 */
#ifndef GW_AUTH_PASSWORD_H
#define GW_AUTH_PASSWORD_H

#include "auth/hashtext.h"
#include "base/buf.h"

#define GW_PASSWORD_SIZE_MAX 65535u /* as the protocol */

/* What a new hash costs: argon2id with 19 MiB in two passes, PBKDF2 with 210,000 rounds; SCRAM
 * with fewer, for it is the client, maybe a small one, that computes them at each login. */
#define GW_PASSWORD_MEMORY       19456u
#define GW_PASSWORD_PASSES       2u
#define GW_PASSWORD_ROUNDS       210000u
#define GW_PASSWORD_SCRAM_ROUNDS 16384u

/* GW_OK: this is the password; GW_REFUSED: it is not; GW_NO_MEMORY: nobody knows. The time it takes
 * does not depend on how much of it is right. Every byte counts, U+0000 too. */
GW_MUST_USE enum gw_status gw_password_check(const struct gw_hashtext *hash,
                                             struct gw_span password);

/* Makes a hash with a fresh salt; kind ARGON2ID, PBKDF2 or a SCRAM. GW_NO_MEMORY; GW_REFUSED
 * (longer than GW_PASSWORD_SIZE_MAX); GW_INVALID (ends with U+0000, which PBKDF2 does not see; for
 * SCRAM: auth/saslprep does not take it). */
GW_MUST_USE enum gw_status gw_password_hash(enum gw_hashtext_kind kind, struct gw_span password,
                                            struct gw_hashtext *ret_hash);
/* The same with so many rounds of PBKDF2 or SCRAM; 0: as usual. */
GW_MUST_USE enum gw_status gw_password_hash_with(enum gw_hashtext_kind kind, uint32_t rounds,
                                                 struct gw_span password,
                                                 struct gw_hashtext *ret_hash);

/* A hash that costs what `model` costs and that no password has; with NULL, what a new one costs.
 * To spend the same time on a user who is not there. */
void gw_password_dummy(const struct gw_hashtext *model, struct gw_hashtext *ret_hash);

/* True if a costs at least as much to compute as b. */
bool gw_password_costs_more(const struct gw_hashtext *a, const struct gw_hashtext *b);

/* Overwrites bytes in a way that no compiler leaves out. */
void gw_password_wipe(void *bytes, size_t size);
/* Releases a buffer that held one; it is empty and usable afterwards. */
void gw_password_drop(struct gw_buf *buf);

#endif
