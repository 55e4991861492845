#include "auth/jwt.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "auth/password.h"
#include "base/base64url.h"
#include "base/utf8.h"

#define WORD_MAX 60 /* bytes of what a token says that are shown */
#define NAME_MAX 256u

static enum gw_status GW_PRINTF(3, 4)
    say(enum gw_status status, char *ret_words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ret_words, GW_BACKEND_WORDS_MAX, format, args);
    va_end(args);
    return status;
}

/* As much of a text as is shown: whole characters. */
static struct gw_span shown(struct gw_span text)
{
    size_t size = text.size < WORD_MAX ? text.size : WORD_MAX;
    while (size > 0 && size < text.size && (text.data[size] & 0xC0) == 0x80)
        size--;
    return gw_span_of(text.data, size);
}

static const struct gw_jsontree_node *root_of(const struct gw_jsontree *tree)
{
    return &tree->nodes[0];
}

/* -- taking it apart -- */

static void init(struct gw_jwt *token)
{
    *token = (struct gw_jwt){.algorithm = GW_JWALG_COUNT};
    gw_buf_init(&token->header, GW_JWT_SIZE_MAX);
    gw_buf_init(&token->payload, GW_JWT_SIZE_MAX);
    gw_buf_init(&token->signature, GW_JWT_SIZE_MAX);
    gw_jsontree_init(&token->head);
    gw_jsontree_init(&token->claims);
}

void gw_jwt_fini(struct gw_jwt *token)
{
    gw_password_drop(&token->header);
    gw_password_drop(&token->payload);
    gw_password_drop(&token->signature);
    gw_jsontree_fini(&token->head);
    gw_jsontree_fini(&token->claims);
    init(token);
}

/* Cuts the text at its dots; there must be two. */
static bool cut(struct gw_span text, struct gw_span ret_parts[3])
{
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *dot = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
        if (!dot)
            return false;
        ret_parts[i] = gw_span_of(text.data, (size_t)(dot - text.data));
        text = gw_span_from(text, ret_parts[i].size + 1);
    }
    ret_parts[2] = text;
    return ret_parts[0].size > 0 && ret_parts[1].size > 0;
}

/* One of the two parts that are JSON: an object without two members of one name (RFC 7515 section
 * 4, RFC 7519 section 4). */
static enum gw_status read_object(struct gw_buf *text, struct gw_jsontree *tree)
{
    GW_TRY(gw_jsontree_parse(tree, text->data, text->size));
    bool good =
        root_of(tree)->type == GW_JSONTREE_OBJECT && !gw_jsontree_has_twins(tree, root_of(tree));
    return good ? GW_OK : GW_MALFORMED;
}

static enum gw_status read_header(struct gw_jwt *token, char *ret_words)
{
    const struct gw_jsontree_node *root = root_of(&token->head);
    const struct gw_jsontree_node *alg = gw_jsontree_member(&token->head, root, "alg");
    const struct gw_jsontree_node *kid = gw_jsontree_member(&token->head, root, "kid");
    if (!alg || alg->type != GW_JSONTREE_TEXT)
        return say(GW_MALFORMED, ret_words, "the token names no algorithm (alg)");
    /* Whatever stands there must be understood (RFC 7515 section 4.1.11), and is not. */
    if (gw_jsontree_member(&token->head, root, "crit"))
        return say(GW_MALFORMED, ret_words, "the token wants an extension to be known (crit)");
    if (kid && kid->type != GW_JSONTREE_TEXT)
        return say(GW_MALFORMED, ret_words, "the token's key identifier (kid) is no text");
    token->kid = kid ? kid->text : GW_SPAN_NONE;
    token->algorithm = gw_jwalg_find(alg->text);
    if (token->algorithm == GW_JWALG_COUNT) {
        struct gw_span name = shown(alg->text);
        return say(GW_MALFORMED, ret_words, "the token's algorithm \"%.*s\" is not known",
                   GW_SPAN_FMT(name));
    }
    return GW_OK;
}

static enum gw_status decode(struct gw_jwt *token, const struct gw_span parts[3])
{
    GW_TRY(gw_base64url_decode(parts[0], &token->header));
    GW_TRY(gw_base64url_decode(parts[1], &token->payload));
    GW_TRY(gw_base64url_decode(parts[2], &token->signature));
    GW_TRY(read_object(&token->header, &token->head));
    return read_object(&token->payload, &token->claims);
}

enum gw_status gw_jwt_open(struct gw_jwt *ret_token, struct gw_span text,
                           char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct gw_span parts[3];
    init(ret_token);
    if (text.size > GW_JWT_SIZE_MAX)
        return say(GW_LIMIT, ret_words, "the token is longer than %zu bytes", GW_JWT_SIZE_MAX);
    if (!cut(text, parts))
        return say(GW_MALFORMED, ret_words, "the password is no token");
    ret_token->input = gw_span_of(text.data, parts[0].size + 1 + parts[1].size);
    enum gw_status status = decode(ret_token, parts);
    if (status == GW_OK)
        status = read_header(ret_token, ret_words);
    else
        (void)say(status, ret_words, "%s",
                  status == GW_NO_MEMORY ? "out of memory" : "the password is no token");
    if (status != GW_OK)
        gw_jwt_fini(ret_token);
    return status;
}

/* -- whose it is -- */

/* A claim by its name, else by names with dots between them, each within the one before. */
static const struct gw_jsontree_node *find(const struct gw_jwt *token, const char *path)
{
    const struct gw_jsontree_node *at = root_of(&token->claims);
    const struct gw_jsontree_node *whole = gw_jsontree_member(&token->claims, at, path);
    char name[NAME_MAX];
    while (!whole && at) {
        size_t size = strcspn(path, ".");
        if (size >= sizeof(name))
            return NULL;
        memcpy(name, path, size);
        name[size] = '\0';
        at = gw_jsontree_member(&token->claims, at, name);
        if (path[size] == '\0')
            return at;
        path += size + 1;
    }
    return whole;
}

/* A claim of the first level that is a text; empty if it is not there or something else. */
static struct gw_span text_of(const struct gw_jwt *token, const char *name)
{
    const struct gw_jsontree_node *claim =
        gw_jsontree_member(&token->claims, root_of(&token->claims), name);
    return claim && claim->type == GW_JSONTREE_TEXT ? claim->text : GW_SPAN_NONE;
}

enum gw_status gw_jwt_match(const struct gw_jwt *token, const struct gw_jwt_rules *rules,
                            char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct gw_span issuer = text_of(token, "iss");
    if (rules->issuer && !gw_span_equal(issuer, gw_span_str(rules->issuer))) {
        issuer = shown(issuer);
        return say(GW_NOT_FOUND, ret_words, "the token is by the issuer \"%.*s\", not by \"%.60s\"",
                   GW_SPAN_FMT(issuer), rules->issuer);
    }
    if ((rules->algorithms & GW_JWALG_BIT(token->algorithm)) == 0)
        return say(GW_NOT_FOUND, ret_words,
                   "the token is signed by %s, which is not among the algorithms allowed",
                   gw_jwalg_name(token->algorithm));
    return GW_OK;
}

enum gw_status gw_jwt_verify(const struct gw_jwt *token, const struct gw_jwks *set,
                             uint64_t *ret_proof, char ret_words[GW_BACKEND_WORDS_MAX])
{
    const struct gw_jwkey *key = NULL;
    struct gw_span kid = shown(token->kid);
    enum gw_status status = gw_jwks_verify(set, token->algorithm, token->kid, token->input,
                                           gw_buf_span(&token->signature), &key);
    *ret_proof = key ? key->proof : 0;
    if (status == GW_REFUSED)
        return say(status, ret_words, "the token's signature is not by its key \"%.*s\"",
                   GW_SPAN_FMT(kid));
    if (status == GW_NOT_FOUND && kid.size > 0)
        return say(status, ret_words, "no key is \"%.*s\", by which the token is signed (%s)",
                   GW_SPAN_FMT(kid), gw_jwalg_name(token->algorithm));
    if (status == GW_NOT_FOUND)
        return say(status, ret_words, "the token's signature (%s) is by no key that is known",
                   gw_jwalg_name(token->algorithm));
    return status;
}

/* -- when and for whom it is good -- */

/* A point in time in seconds, fractions cut off (RFC 7519 section 2). False if it is none. */
static bool date_of(const struct gw_jsontree_node *claim, uint64_t *ret_date)
{
    uint64_t date = 0;
    size_t i = 0;
    *ret_date = claim->number;
    if (claim->type == GW_JSONTREE_NUMBER)
        return true;
    if (claim->type != GW_JSONTREE_REAL)
        return false;
    for (; i < claim->text.size && claim->text.data[i] != '.'; i++) {
        uint8_t c = claim->text.data[i];
        if (c < '0' || c > '9' || date > UINT64_MAX / 100)
            return false;
        date = date * 10 + (uint64_t)(c - '0');
    }
    for (size_t rest = i + 1; rest < claim->text.size; rest++)
        if (claim->text.data[rest] < '0' || claim->text.data[rest] > '9')
            return false; /* an exponent */
    *ret_date = date;
    return true;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* A claim that says since when a token is good; it need not be there. */
static enum gw_status judge_begin(const struct gw_jwt *token, const char *name, uint64_t latest,
                                  char *ret_words)
{
    const struct gw_jsontree_node *claim =
        gw_jsontree_member(&token->claims, root_of(&token->claims), name);
    uint64_t date = 0;
    if (claim && !date_of(claim, &date))
        return say(GW_REFUSED, ret_words, "the token's \"%s\" is no time", name);
    if (date > latest)
        return say(GW_REFUSED, ret_words, "the token is good in %" PRIu64 " s only (%s)",
                   date - latest, name);
    return GW_OK;
}

static enum gw_status judge_time(const struct gw_jwt *token, const struct gw_jwt_rules *rules,
                                 uint64_t now, uint64_t *ret_expires, char *ret_words)
{
    const struct gw_jsontree_node *claim =
        gw_jsontree_member(&token->claims, root_of(&token->claims), "exp");
    uint64_t date;
    if (!claim)
        return say(GW_REFUSED, ret_words, "the token never ends (exp is missing)");
    if (!date_of(claim, &date))
        return say(GW_REFUSED, ret_words, "the token's \"exp\" is no time");
    *ret_expires = add(date, rules->leeway);
    if (now >= *ret_expires)
        return say(GW_REFUSED, ret_words, "the token ended %" PRIu64 " s ago (exp)", now - date);
    GW_TRY(judge_begin(token, "nbf", add(now, rules->leeway), ret_words));
    return judge_begin(token, "iat", add(now, rules->leeway), ret_words);
}

/* True if a name stands in a list with commas between them. */
static bool listed(const char *list, struct gw_span name)
{
    while (*list) {
        list += strspn(list, ", \t");
        size_t size = strcspn(list, ",");
        size_t end = size;
        while (end > 0 && (list[end - 1] == ' ' || list[end - 1] == '\t'))
            end--;
        if (end > 0 && gw_span_equal(name, gw_span_of(list, end)))
            return true;
        list += size;
    }
    return false;
}

/* RFC 7519 section 4.1.3: who is not named in it must refuse it. */
static enum gw_status judge_audience(const struct gw_jwt *token, const struct gw_jwt_rules *rules,
                                     char *ret_words)
{
    const struct gw_jsontree_node *claim =
        gw_jsontree_member(&token->claims, root_of(&token->claims), "aud");
    struct gw_span other = GW_SPAN_NONE;
    if (!claim && !rules->audience)
        return GW_OK;
    if (!claim)
        return say(GW_REFUSED, ret_words, "the token is for nobody in particular (aud is missing)");
    bool list = claim->type == GW_JSONTREE_ARRAY;
    for (const struct gw_jsontree_node *one = list ? gw_jsontree_first(&token->claims, claim)
                                                   : claim;
         one; one = list ? gw_jsontree_next(&token->claims, one) : NULL) {
        if (one->type != GW_JSONTREE_TEXT)
            return say(GW_REFUSED, ret_words, "the token's \"aud\" is no text");
        if (rules->audience && listed(rules->audience, one->text))
            return GW_OK;
        other = shown(one->text);
    }
    return say(GW_REFUSED, ret_words, "the token is for \"%.*s\", %s%.60s%s", GW_SPAN_FMT(other),
               rules->audience ? "not for \"" : "and no audience is configured",
               rules->audience ? rules->audience : "", rules->audience ? "\"" : "");
}

/* -- what it says of somebody -- */

static enum gw_status take_user(const struct gw_jwt *token, const char *path,
                                struct gw_warrant *warrant, char *ret_words)
{
    const struct gw_jsontree_node *claim = find(token, path);
    if (!claim || claim->type != GW_JSONTREE_TEXT || claim->text.size == 0)
        return say(GW_REFUSED, ret_words, "the token has no user name (claim \"%.60s\")", path);
    if (gw_utf8_check(claim->text) != GW_UTF8_VALID)
        return say(GW_REFUSED, ret_words, "the token's user name cannot be one");
    gw_buf_clear(&warrant->user);
    return gw_buf_append(&warrant->user, claim->text);
}

/* Names with spaces between them, as in "scope". */
static enum gw_status take_words(struct gw_span text, struct gw_warrant *warrant)
{
    size_t at = 0;
    while (at < text.size) {
        size_t begin = at;
        while (at < text.size && text.data[at] != ' ')
            at++;
        if (at > begin)
            GW_TRY(gw_warrant_add_group(warrant, gw_span_of(text.data + begin, at - begin)));
        at++;
    }
    return GW_OK;
}

static enum gw_status take_groups(const struct gw_jwt *token, const char *path,
                                  struct gw_warrant *warrant)
{
    const struct gw_jsontree_node *claim = path ? find(token, path) : NULL;
    if (!claim || claim->type == GW_JSONTREE_NULL)
        return GW_OK;
    if (claim->type == GW_JSONTREE_TEXT)
        return take_words(claim->text, warrant);
    if (claim->type != GW_JSONTREE_ARRAY)
        return GW_INVALID;
    for (const struct gw_jsontree_node *one = gw_jsontree_first(&token->claims, claim); one;
         one = gw_jsontree_next(&token->claims, one)) {
        if (one->type != GW_JSONTREE_TEXT)
            return GW_INVALID;
        GW_TRY(gw_warrant_add_group(warrant, one->text));
    }
    return GW_OK;
}

/* A claim as an attribute; what has no text of its own (null, a list within a list) is none. */
static enum gw_status take_value(const struct gw_jsontree_node *value, struct gw_span name,
                                 struct gw_warrant *warrant)
{
    switch (value->type) {
    case GW_JSONTREE_TEXT:
    case GW_JSONTREE_NUMBER:
    case GW_JSONTREE_REAL: return gw_warrant_add_attribute(warrant, name, value->text);
    case GW_JSONTREE_BOOL:
        return gw_warrant_add_attribute(warrant, name,
                                        value->number ? GW_SPAN_LIT("true") : GW_SPAN_LIT("false"));
    case GW_JSONTREE_NULL:
    case GW_JSONTREE_ARRAY:
    case GW_JSONTREE_OBJECT: break;
    }
    return GW_OK;
}

static enum gw_status take_values(const struct gw_jwt *token, const struct gw_jsontree_node *claim,
                                  struct gw_span name, struct gw_warrant *warrant)
{
    if (claim->type != GW_JSONTREE_ARRAY)
        return take_value(claim, name, warrant);
    for (const struct gw_jsontree_node *one = gw_jsontree_first(&token->claims, claim); one;
         one = gw_jsontree_next(&token->claims, one))
        GW_TRY(take_value(one, name, warrant));
    return GW_OK;
}

/* Times are another thing in each token, and judged already. */
static bool is_time(struct gw_span name)
{
    return gw_span_equal(name, GW_SPAN_LIT("claim.exp")) ||
           gw_span_equal(name, GW_SPAN_LIT("claim.nbf")) ||
           gw_span_equal(name, GW_SPAN_LIT("claim.iat"));
}

/* The walk over all claims: objects within objects, their names joined by dots. */
struct walk {
    struct gw_buf name;
    const struct gw_jsontree_node *next[GW_JSONTREE_DEPTH_MAX];
    size_t name_size[GW_JSONTREE_DEPTH_MAX];
    unsigned depth;
};

static enum gw_status take_claims(const struct gw_jwt *token, struct walk *walk,
                                  struct gw_warrant *warrant)
{
    while (walk->depth > 0) {
        const struct gw_jsontree_node *claim = walk->next[walk->depth - 1];
        if (!claim) {
            walk->depth--;
            continue;
        }
        walk->next[walk->depth - 1] = gw_jsontree_next(&token->claims, claim);
        walk->name.size = walk->name_size[walk->depth - 1];
        GW_TRY(gw_buf_append(&walk->name, GW_SPAN_LIT(".")));
        GW_TRY(gw_buf_append(&walk->name, claim->key));
        if (claim->type == GW_JSONTREE_OBJECT) { /* the reader's depth bounds ours */
            walk->next[walk->depth] = gw_jsontree_first(&token->claims, claim);
            walk->name_size[walk->depth++] = walk->name.size;
        } else if (!is_time(gw_buf_span(&walk->name))) {
            GW_TRY(take_values(token, claim, gw_buf_span(&walk->name), warrant));
        }
    }
    return GW_OK;
}

static enum gw_status take_attributes(const struct gw_jwt *token, struct gw_warrant *warrant)
{
    struct walk walk = {.depth = 1};
    gw_buf_init(&walk.name, GW_JWT_SIZE_MAX);
    walk.next[0] = gw_jsontree_first(&token->claims, root_of(&token->claims));
    walk.name_size[0] = strlen("claim");
    enum gw_status status = gw_buf_append(&walk.name, GW_SPAN_LIT("claim"));
    if (status == GW_OK)
        status = take_claims(token, &walk, warrant);
    gw_buf_fini(&walk.name);
    return status;
}

enum gw_status gw_jwt_judge(const struct gw_jwt *token, const struct gw_jwt_rules *rules,
                            uint64_t now, struct gw_warrant *warrant,
                            char ret_words[GW_BACKEND_WORDS_MAX])
{
    GW_TRY(judge_time(token, rules, now, &warrant->expires, ret_words));
    GW_TRY(judge_audience(token, rules, ret_words));
    enum gw_status status = take_user(token, rules->username_claim, warrant, ret_words);
    if (status == GW_OK) {
        status = take_groups(token, rules->groups_claim, warrant);
        if (status == GW_INVALID)
            return say(GW_REFUSED, ret_words, "the token's groups (claim \"%.60s\") cannot be such",
                       rules->groups_claim);
    }
    if (status == GW_OK)
        status = take_attributes(token, warrant);
    if (status == GW_INVALID)
        return say(GW_REFUSED, ret_words, "a claim of the token has U+0000 in it");
    if (status == GW_LIMIT)
        return say(GW_LIMIT, ret_words, "the token says more than is kept of somebody");
    return status;
}
