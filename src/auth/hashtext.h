/*
 * auth/hashtext: the text of a password hash, as it stands in a user file, to its parts and back.
 *
 * Layer   auth (may include topic, base, os). No I/O; computes nothing.
 * Owner   a value.
 * Life    none.
 * Limits  GW_HASHTEXT_MAX characters; what a hash may cost to compute: GW_HASHTEXT_MEMORY_MAX,
 *         GW_HASHTEXT_PASSES_MAX, GW_HASHTEXT_ROUNDS_MAX, so that no line stalls a worker.
 *
 *   $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY   $argon2i$ too
 *   $7$ROUNDS$SALT$KEY                        PBKDF2 with HMAC-SHA512, as mosquitto_passwd
 *   $6$SALT$KEY                               SHA512 of password and salt, as older ones
 *   $scram-sha-256$ROUNDS$SALT$KEY$SERVERKEY  a credential of SCRAM (RFC 5802); -512 too
 */
#ifndef GW_AUTH_HASHTEXT_H
#define GW_AUTH_HASHTEXT_H

#include "base/buf.h"

#define GW_HASHTEXT_MAX        512u
#define GW_HASHTEXT_PART_MAX   64u              /* bytes of salt, of key */
#define GW_HASHTEXT_MEMORY_MAX (256u * 1024u)   /* KiB */
#define GW_HASHTEXT_PASSES_MAX 64u              /* of argon2 */
#define GW_HASHTEXT_LANES_MAX  16u              /* of argon2 */
#define GW_HASHTEXT_ROUNDS_MAX (10u * 1000000u) /* of PBKDF2 */

enum gw_hashtext_kind {
    GW_HASHTEXT_ARGON2ID,
    GW_HASHTEXT_ARGON2I,
    GW_HASHTEXT_PBKDF2,
    GW_HASHTEXT_SHA512,
    GW_HASHTEXT_SCRAM256,
    GW_HASHTEXT_SCRAM512,
    GW_HASHTEXT_KIND_COUNT
};

struct gw_hashtext_part {
    uint8_t bytes[GW_HASHTEXT_PART_MAX];
    uint8_t size;
};

struct gw_hashtext {
    enum gw_hashtext_kind kind;
    uint32_t memory; /* argon2: KiB */
    uint32_t rounds; /* argon2: passes; PBKDF2, SCRAM: iterations */
    uint32_t lanes;  /* argon2 */
    struct gw_hashtext_part salt;
    struct gw_hashtext_part key;    /* SCRAM: the stored key */
    struct gw_hashtext_part server; /* SCRAM: the server key */
};

/* Reads a hash; GW_INVALID with a word about why and the byte at which it went wrong. */
GW_MUST_USE enum gw_status gw_hashtext_parse(struct gw_span text, struct gw_hashtext *ret_hash,
                                             const char **ret_why, size_t *ret_at);

/* Appends its text; GW_NO_MEMORY, GW_LIMIT of the buffer. */
GW_MUST_USE enum gw_status gw_hashtext_print(const struct gw_hashtext *hash, struct gw_buf *out);

/* Base64 with or without its padding to at most GW_HASHTEXT_PART_MAX bytes; false if it is not. */
bool gw_hashtext_decode(struct gw_span text, struct gw_hashtext_part *ret_part);

/* A word for logs and messages: "argon2id". */
const char *gw_hashtext_kind_name(enum gw_hashtext_kind kind);

#endif
