/*
 * auth/jwt: JSON Web Tokens in their compact form (RFC 7515, 7519): taken apart strictly, held
 *           against keys, judged by their claims.
 *
 * Layer   auth (may include topic, base, os). No I/O.
 * Owner   whoever holds it; not thread-safe.
 * Life    open fills it, fini releases and wipes; the text is borrowed meanwhile.
 * Limits  GW_JWT_SIZE_MAX.
 *
 * Keys come from the configuration only: what a token's header says of keys and where to get them
 * (jku, jwk, x5u, x5c) is not looked at. Without a right signature its claims count for nothing,
 * but for one thing: whose it says it is (iss) tells whether its keys are worth asking for.
 */
#ifndef GW_AUTH_JWT_H
#define GW_AUTH_JWT_H

#include "auth/backend.h"
#include "auth/jwks.h"

#define GW_JWT_SIZE_MAX ((size_t)16 * 1024)

struct gw_jwt {
    struct gw_span input; /* what is signed */
    struct gw_span kid;   /* which key; empty: it does not say */
    enum gw_jwalg algorithm;
    struct gw_buf header; /* the parts, decoded */
    struct gw_buf payload;
    struct gw_buf signature;
    struct gw_jsontree head; /* their texts stand in the parts */
    struct gw_jsontree claims;
};

/* What a token must say. */
struct gw_jwt_rules {
    uint32_t algorithms;  /* GW_JWALG_BIT of those that are taken */
    const char *issuer;   /* NULL: any */
    const char *audience; /* names with commas between them, one of which it must be for; NULL:
                             it must be for nobody in particular */
    const char *username_claim; /* a name, or names with dots between them: "realm.user" */
    const char *groups_claim;   /* the same; NULL: none */
    uint64_t leeway;            /* seconds that clocks may differ */
};

/* Takes it apart; believes nothing. GW_MALFORMED: it is none that we know, with words; GW_LIMIT:
 * too large; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jwt_open(struct gw_jwt *ret_token, struct gw_span text,
                                       char ret_words[GW_BACKEND_WORDS_MAX]);
void gw_jwt_fini(struct gw_jwt *token);

/* Whether it is by the issuer, and signed in a way, that the rules want: GW_NOT_FOUND with words if
 * not. Proves nothing, but without it there is no need to look for keys. */
GW_MUST_USE enum gw_status gw_jwt_match(const struct gw_jwt *token,
                                        const struct gw_jwt_rules *rules,
                                        char ret_words[GW_BACKEND_WORDS_MAX]);

/* Holds the signature against a set of keys: as gw_jwks_verify, with words. */
GW_MUST_USE enum gw_status gw_jwt_verify(const struct gw_jwt *token, const struct gw_jwks *set,
                                         uint64_t *ret_proof, char ret_words[GW_BACKEND_WORDS_MAX]);

/* Judges a token whose signature is right, `now` in seconds since 1970, and fills the warrant:
 * user, groups, all other claims as attributes "claim.NAME". GW_REFUSED with words: too old, not
 * yet, not for us, without a name ...; GW_LIMIT with words: says more than a warrant holds;
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_jwt_judge(const struct gw_jwt *token,
                                        const struct gw_jwt_rules *rules, uint64_t now,
                                        struct gw_warrant *warrant,
                                        char ret_words[GW_BACKEND_WORDS_MAX]);

#endif
