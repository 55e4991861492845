#include "auth/jwtback.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/jwt.h"
#include "auth/jwtkeys.h"
#include "auth/oauthbearer.h"

#define TIMEOUT_MS   5000u
#define REFRESH_MS   600000u
#define LEEWAY_MS    10000u
#define MS_OF_SECOND 1000u

/* Texts of the configuration that are kept. */
enum text { ISSUER, AUDIENCE, USERNAME_CLAIM, GROUPS_CLAIM, TEXT_COUNT };

static const struct {
    const char *name;
    const char *fallback;
} texts[TEXT_COUNT] = {
    [ISSUER] = {"issuer", NULL},
    [AUDIENCE] = {"audience", NULL},
    [USERNAME_CLAIM] = {"username_claim", "sub"},
    [GROUPS_CLAIM] = {"groups_claim", "groups"},
};

struct back {
    struct gw_backend_host host;
    struct gw_jwt_rules rules;
    struct gw_jwtkeys *keys;
    char *texts[TEXT_COUNT];
};

static enum gw_status GW_PRINTF(2, 3) invalid(char *ret_words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ret_words, GW_BACKEND_WORDS_MAX, format, args);
    va_end(args);
    return GW_INVALID;
}

static void back_close(void *backend)
{
    struct back *back = backend;
    if (!back)
        return;
    for (size_t i = 0; i < TEXT_COUNT; i++)
        free(back->texts[i]);
    gw_jwtkeys_free(back->keys);
    free(back);
}

/* -- what the configuration says -- */

static enum gw_status read_source(const struct gw_backend_settings *settings,
                                  struct gw_jwtkeys_source *ret_source, char *ret_words)
{
    *ret_source = (struct gw_jwtkeys_source){
        .jwks = gw_backend_setting(settings, "jwks", NULL),
        .public_key = gw_backend_setting(settings, "public_key", NULL),
        .secret = gw_backend_setting(settings, "secret_file", NULL),
        .ca_file = gw_backend_setting(settings, "ca_file", NULL),
        .refresh = gw_backend_setting_ms(settings, "refresh", REFRESH_MS) / MS_OF_SECOND,
        .timeout_ms = gw_backend_setting_ms(settings, "timeout", TIMEOUT_MS),
    };
    int given = (ret_source->jwks != NULL) + (ret_source->public_key != NULL) +
                (ret_source->secret != NULL);
    if (given == 1)
        return GW_OK;
    return invalid(ret_words, "one of jwks, public_key, secret_file is wanted: %s",
                   given == 0 ? "there is none" : "there is more than one");
}

/* Which algorithms are taken. A secret and a public key never stand in one list, unless a key set
 * says of each of its keys what it is. */
static enum gw_status read_algorithms(const struct gw_backend_settings *settings,
                                      const struct gw_jwtkeys_source *source, uint32_t *ret_set,
                                      char *ret_words)
{
    const char *text = gw_backend_setting(settings, "algorithms", NULL);
    struct gw_span wrong;
    *ret_set = source->secret ? GW_JWALG_SECRET : GW_JWALG_PUBLIC;
    if (!text)
        return GW_OK;
    if (gw_jwalg_list(gw_span_str(text), ret_set, &wrong) != GW_OK)
        return invalid(ret_words,
                       "algorithms: \"%.*s\" is none of RS256 RS384 RS512 PS256 PS384 PS512 ES256 "
                       "ES384 ES512 EdDSA HS256 HS384 HS512",
                       wrong.size < 40 ? (int)wrong.size : 40, (const char *)wrong.data);
    if (source->secret && (*ret_set & GW_JWALG_PUBLIC) != 0)
        return invalid(ret_words, "algorithms: with secret_file only HS256, HS384, HS512 go");
    if (source->public_key && (*ret_set & GW_JWALG_SECRET) != 0)
        return invalid(ret_words,
                       "algorithms: HS256, HS384, HS512 want a secret, not a public_key");
    return GW_OK;
}

/* Keys of this machine are known now: can any token be right? */
static enum gw_status judge_keys(struct back *back, const struct gw_jwtkeys_source *source,
                                 char *ret_words)
{
    char words[GW_BACKEND_WORDS_MAX];
    if (source->jwks && strstr(source->jwks, "://"))
        return GW_OK;
    struct gw_jwtkeys_set *set = gw_jwtkeys_take(back->keys, words);
    uint32_t good_for = gw_jwks_algorithms(gw_jwtkeys_jwks(set));
    gw_jwtkeys_give(back->keys, set);
    if ((good_for & back->rules.algorithms) != 0)
        return GW_OK;
    if (source->jwks && (good_for & GW_JWALG_SECRET) != 0)
        return invalid(ret_words,
                       "%.100s: its keys are secrets: name HS256, HS384 or HS512 in "
                       "algorithms",
                       source->jwks);
    return invalid(ret_words, "algorithms: none of them is for the keys that are given");
}

static enum gw_status set_up(struct back *back, const struct gw_backend_settings *settings,
                             char *ret_words)
{
    struct gw_jwtkeys_source source;
    GW_TRY(read_source(settings, &source, ret_words));
    GW_TRY(read_algorithms(settings, &source, &back->rules.algorithms, ret_words));
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const char *text = gw_backend_setting(settings, texts[i].name, texts[i].fallback);
        back->texts[i] = text && *text ? strdup(text) : NULL;
        if (text && *text && !back->texts[i])
            return GW_NO_MEMORY;
    }
    if (!back->texts[USERNAME_CLAIM])
        return invalid(ret_words, "username_claim: a name is wanted");
    back->rules.issuer = back->texts[ISSUER];
    back->rules.audience = back->texts[AUDIENCE];
    back->rules.username_claim = back->texts[USERNAME_CLAIM];
    back->rules.groups_claim = back->texts[GROUPS_CLAIM];
    back->rules.leeway = gw_backend_setting_ms(settings, "leeway", LEEWAY_MS) / MS_OF_SECOND;
    GW_TRY(gw_jwtkeys_new(&source, &back->host, &back->keys, ret_words));
    return judge_keys(back, &source, ret_words);
}

static enum gw_status back_open(const struct gw_backend_settings *settings,
                                const struct gw_backend_host *host, void **ret_backend,
                                char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct back *back = calloc(1, sizeof(*back));
    *ret_backend = NULL;
    if (!back)
        return GW_NO_MEMORY;
    back->host = *host;
    enum gw_status status = set_up(back, settings, ret_words);
    if (status == GW_OK)
        *ret_backend = back;
    else
        back_close(back);
    return status;
}

/* Its workers share all: there is no connection of theirs. */
static void *back_enter(void *backend)
{
    return backend;
}

static void back_leave(void *worker)
{
    (void)worker;
}

/* -- logins -- */

static enum gw_status verify(struct back *back, const struct gw_jwt *token, uint64_t *ret_proof,
                             char *ret_words)
{
    struct gw_jwtkeys_set *set = gw_jwtkeys_take(back->keys, ret_words);
    if (!set)
        return GW_AGAIN;
    enum gw_status status = gw_jwt_verify(token, gw_jwtkeys_jwks(set), ret_proof, ret_words);
    if (status == GW_NOT_FOUND) {
        struct gw_jwtkeys_set *newer = gw_jwtkeys_renew(back->keys, set, ret_words);
        if (!newer)
            status = GW_AGAIN;
        else if (newer != set)
            status = gw_jwt_verify(token, gw_jwtkeys_jwks(newer), ret_proof, ret_words);
        if (newer)
            gw_jwtkeys_give(back->keys, newer);
    }
    gw_jwtkeys_give(back->keys, set);
    return status;
}

static enum gw_status judge(struct back *back, const struct gw_jwt *token,
                            const struct gw_backend_login *login, struct gw_backend_reply *reply)
{
    uint64_t proof = 0;
    GW_TRY(gw_jwt_match(token, &back->rules, reply->words));
    GW_TRY(verify(back, token, &proof, reply->words));
    GW_TRY(gw_jwt_judge(token, &back->rules, back->host.now(back->host.ctx), &reply->warrant,
                        reply->words));
    reply->warrant.proof = proof;
    if (login->user.size == 0 || gw_span_equal(login->user, gw_buf_span(&reply->warrant.user)))
        return GW_OK;
    (void)invalid(reply->words, "the token is for another user than the user name says");
    return GW_REFUSED;
}

static enum gw_backend_answer answer_of(enum gw_status status)
{
    switch (status) {
    case GW_OK: return GW_BACKEND_YES;
    case GW_REFUSED:
    case GW_LIMIT: return GW_BACKEND_NO;
    case GW_NOT_FOUND:
    case GW_MALFORMED: return GW_BACKEND_UNKNOWN;
    default: return GW_BACKEND_TROUBLE;
    }
}

static enum gw_backend_answer back_ask(void *worker, const struct gw_backend_login *login,
                                       struct gw_backend_reply *reply)
{
    struct back *back = worker;
    struct gw_jwt token;
    reply->words[0] = '\0';
    enum gw_status status = gw_jwt_open(&token, login->password, reply->words);
    if (status == GW_LIMIT) /* a password that long is none of ours */
        return GW_BACKEND_UNKNOWN;
    if (status == GW_OK) {
        status = judge(back, &token, login, reply);
        gw_jwt_fini(&token);
    }
    if (status == GW_NO_MEMORY)
        (void)invalid(reply->words, "out of memory");
    return answer_of(status);
}

/* Tokens by a key that was withdrawn are good no longer, whenever they end. */
static bool back_stands(void *backend, uint64_t proof)
{
    struct back *back = backend;
    return gw_jwtkeys_has(back->keys, proof);
}

static const struct gw_method *const methods[] = {&gw_oauthbearer_method, NULL};

const struct gw_backend_ops gw_jwtback_ops = {
    .kind = "jwt",
    .open = back_open,
    .close = back_close,
    .enter = back_enter,
    .leave = back_leave,
    .ask = back_ask,
    .stands = back_stands,
    .methods = methods,
};
