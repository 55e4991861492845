/*
 * auth/jwtkeys: the keys that tokens are held against, of a file, a secret, or a web service that
 *               changes them now and then.
 *
 * Layer   auth (may include topic, base, os). One of the few files with a lock.
 * Owner   any thread; a fetch keeps the thread that makes it and those that cannot do without.
 * Life    new, free; a set taken is given back, and lives until then.
 * Limits  one fetch at a time, GW_JWTKEYS_RETRY seconds at least between two; GW_JWKS_SIZE_MAX.
 *
 * When a fetch fails, the keys from before stay in use and whoever runs the broker is told.
 */
#ifndef GW_AUTH_JWTKEYS_H
#define GW_AUTH_JWTKEYS_H

#include "auth/backend.h"
#include "auth/jwks.h"

#define GW_JWTKEYS_RETRY 10u

/* Where they come from: one of the first three, the others NULL. Texts are copied. */
struct gw_jwtkeys_source {
    const char *jwks;       /* a file, or an https URL (http to this machine only) */
    const char *public_key; /* a PEM file */
    const char *secret;     /* the secret itself */
    const char *ca_file;    /* NULL: as host->fetch has it */
    uint64_t refresh;       /* seconds after which a URL is asked again */
    uint32_t timeout_ms;
};

struct gw_jwtkeys;
struct gw_jwtkeys_set;

/* Reads what is on this machine; asks no service yet. GW_INVALID with words; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jwtkeys_new(const struct gw_jwtkeys_source *source,
                                          const struct gw_backend_host *host,
                                          struct gw_jwtkeys **ret_keys,
                                          char ret_words[GW_BACKEND_WORDS_MAX]);
/* NULL is fine. All sets were given back. */
void gw_jwtkeys_free(struct gw_jwtkeys *keys);

/* The keys as they are now, fetched if it is time. NULL with words: there are none. */
struct gw_jwtkeys_set *gw_jwtkeys_take(struct gw_jwtkeys *keys,
                                       char ret_words[GW_BACKEND_WORDS_MAX]);
/* None of `seen` fits: newer ones if there are any to be had, else the same once more. NULL with
 * words: it cannot be told now. */
struct gw_jwtkeys_set *gw_jwtkeys_renew(struct gw_jwtkeys *keys, const struct gw_jwtkeys_set *seen,
                                        char ret_words[GW_BACKEND_WORDS_MAX]);
void gw_jwtkeys_give(struct gw_jwtkeys *keys, struct gw_jwtkeys_set *set);

/* Whether the key of this proof is among them; true while there are none. */
bool gw_jwtkeys_has(struct gw_jwtkeys *keys, uint64_t proof);

const struct gw_jwks *gw_jwtkeys_jwks(const struct gw_jwtkeys_set *set);

#endif
