/*
 * module/redis/redisplan: what the configuration says about a Redis and the users in it.
 *
 * Layer   module/redis (may include auth, os, base).
 * Owner   immutable after init; read by every worker.
 * Life    init on the caller's memory, fini releases, also after a failed init.
 * Limits  GW_REDISPLAN_KEY_MAX bytes of a key's pattern.
 */
#ifndef GW_MODULE_REDIS_REDISPLAN_H
#define GW_MODULE_REDIS_REDISPLAN_H

#include <openssl/types.h>

#include "auth/backend.h"

#define GW_REDISPLAN_KEY_MAX 1024u

struct gw_redisplan {
    char *host; /* NULL: a Unix socket */
    char *path;
    uint16_t port;
    uint32_t database;
    SSL_CTX *tls; /* NULL: none */
    char *user;   /* NULL: Redis's own default */
    char *password;
    char *key; /* with %u */
    char *field_hash;
    char *field_groups;
    uint32_t timeout_ms;
    uint32_t valid_ms; /* 0: what it says holds as long as the connection */
};

/* GW_INVALID with words; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_redisplan_init(struct gw_redisplan *plan,
                                             const struct gw_backend_settings *settings,
                                             char ret_words[GW_BACKEND_WORDS_MAX]);
void gw_redisplan_fini(struct gw_redisplan *plan);

#endif
