#include "auth/jwks.h"

#include <stdlib.h>

#include "auth/password.h"

void gw_jwks_fini(struct gw_jwks *set)
{
    for (size_t i = 0; i < set->count; i++)
        gw_jwkey_fini(&set->keys[i]);
    free(set->keys);
    *set = (struct gw_jwks){.keys = NULL};
}

/* Takes a key over. */
static enum gw_status add(struct gw_jwks *set, struct gw_jwkey *key)
{
    struct gw_jwkey *larger = set->count < GW_JWKS_KEYS_MAX
                                  ? realloc(set->keys, (set->count + 1) * sizeof(*larger))
                                  : NULL;
    if (!larger) {
        gw_jwkey_fini(key);
        return set->count < GW_JWKS_KEYS_MAX ? GW_NO_MEMORY : GW_LIMIT;
    }
    set->keys = larger;
    set->keys[set->count++] = *key;
    return GW_OK;
}

static enum gw_status add_members(struct gw_jwks *set, const struct gw_jsontree *tree,
                                  const struct gw_jsontree_node *list)
{
    for (const struct gw_jsontree_node *node = gw_jsontree_first(tree, list); node;
         node = gw_jsontree_next(tree, node)) {
        struct gw_jwkey key;
        const char *why = NULL;
        enum gw_status status = gw_jwkey_of_jwk(tree, node, &key, &why);
        if (status == GW_OK) {
            GW_TRY(add(set, &key));
        } else if (status == GW_REFUSED) {
            set->passed_over++;
            set->why = set->why ? set->why : why;
        } else {
            return status;
        }
    }
    return GW_OK;
}

static enum gw_status take_set(struct gw_jwks *set, const struct gw_jsontree *tree,
                               const char **ret_why)
{
    const struct gw_jsontree_node *list = gw_jsontree_member(tree, &tree->nodes[0], "keys");
    *ret_why = "it is no JWK set: an object with a list \"keys\" is wanted";
    if (!list || list->type != GW_JSONTREE_ARRAY || gw_jsontree_has_twins(tree, &tree->nodes[0]))
        return GW_INVALID;
    return add_members(set, tree, list);
}

enum gw_status gw_jwks_parse(struct gw_span text, struct gw_jwks *ret_set, const char **ret_why)
{
    struct gw_jsontree tree;
    struct gw_buf copy;
    *ret_set = (struct gw_jwks){.keys = NULL};
    *ret_why = "it is too large";
    gw_jsontree_init(&tree);
    gw_buf_init(&copy, GW_JWKS_SIZE_MAX);
    enum gw_status status = gw_buf_append(&copy, text);
    if (status == GW_OK)
        status = gw_jsontree_parse(&tree, copy.data, copy.size);
    if (status == GW_OK) {
        status = take_set(ret_set, &tree, ret_why);
    } else if (status == GW_MALFORMED) {
        *ret_why = "it is no JSON";
        status = GW_INVALID;
    }
    if (status != GW_OK)
        gw_jwks_fini(ret_set);
    gw_password_drop(&copy); /* there may be secrets in it */
    gw_jsontree_fini(&tree);
    return status;
}

enum gw_status gw_jwks_of_pem(struct gw_span text, struct gw_jwks *ret_set, const char **ret_why)
{
    enum gw_status status = GW_OK;
    size_t offset = 0;
    *ret_set = (struct gw_jwks){.keys = NULL};
    if (text.size > GW_JWKS_SIZE_MAX) {
        *ret_why = "it is too large";
        return GW_LIMIT;
    }
    while (status == GW_OK) {
        struct gw_jwkey key;
        status = gw_jwkey_of_pem(text, &offset, &key, ret_why);
        if (status == GW_OK)
            status = add(ret_set, &key);
    }
    if (status == GW_END && ret_set->count > 0)
        return GW_OK;
    if (status == GW_END)
        *ret_why = "there is no key in it: a PEM file with a public key is wanted";
    gw_jwks_fini(ret_set);
    return status == GW_END || status == GW_REFUSED ? GW_INVALID : status;
}

enum gw_status gw_jwks_of_secret(struct gw_span secret, struct gw_jwks *ret_set,
                                 const char **ret_why)
{
    struct gw_jwkey key;
    *ret_set = (struct gw_jwks){.keys = NULL};
    enum gw_status status = gw_jwkey_of_secret(secret, &key, ret_why);
    if (status == GW_OK)
        status = add(ret_set, &key);
    return status == GW_REFUSED ? GW_INVALID : status;
}

uint32_t gw_jwks_algorithms(const struct gw_jwks *set)
{
    uint32_t algorithms = 0;
    for (size_t i = 0; i < set->count; i++)
        algorithms |= set->keys[i].algorithms;
    return algorithms;
}

enum gw_status gw_jwks_verify(const struct gw_jwks *set, enum gw_jwalg algorithm,
                              struct gw_span kid, struct gw_span text, struct gw_span signature,
                              const struct gw_jwkey **ret_key)
{
    unsigned tries = 0;
    bool named = false;
    for (size_t i = 0; i < set->count && tries < GW_JWKS_TRIES_MAX; i++) {
        const struct gw_jwkey *key = &set->keys[i];
        bool same = gw_span_equal(gw_buf_span(&key->kid), kid);
        if ((key->algorithms & GW_JWALG_BIT(algorithm)) == 0 ||
            (!same && kid.size > 0 && key->kid.size > 0))
            continue;
        *ret_key = key;
        if (gw_jwkey_verify(key, algorithm, text, signature))
            return GW_OK;
        named |= same && kid.size > 0;
        tries++;
    }
    *ret_key = NULL;
    return named ? GW_REFUSED : GW_NOT_FOUND;
}

bool gw_jwks_has(const struct gw_jwks *set, uint64_t proof)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->keys[i].proof == proof)
            return true;
    return false;
}
