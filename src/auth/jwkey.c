#include "auth/jwkey.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "auth/password.h"
#include "base/base64url.h"

#define RSA_E_SIZE_MAX 8u

static const struct curve {
    const char *kty;
    const char *name;
    const char *group; /* EC: as OpenSSL has it; OKP: the type of the key */
    enum gw_jwalg_key key;
    uint8_t size; /* of a coordinate, of a public key */
} curves[] = {
    {"EC", "P-256", "P-256", GW_JWALG_KEY_P256, 32},
    {"EC", "P-384", "P-384", GW_JWALG_KEY_P384, 48},
    {"EC", "P-521", "P-521", GW_JWALG_KEY_P521, 66},
    {"OKP", "Ed25519", "ED25519", GW_JWALG_KEY_ED25519, 32},
    {"OKP", "Ed448", "ED448", GW_JWALG_KEY_ED448, 57},
};

static void init(struct gw_jwkey *key)
{
    *key = (struct gw_jwkey){.pkey = NULL};
    gw_buf_init(&key->secret, GW_JWKEY_PART_MAX);
    gw_buf_init(&key->kid, GW_JWKEY_KID_MAX);
}

void gw_jwkey_fini(struct gw_jwkey *key)
{
    EVP_PKEY_free(key->pkey);
    gw_password_drop(&key->secret);
    gw_buf_fini(&key->kid);
    init(key);
}

static enum gw_status refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return GW_REFUSED;
}

/* Eight bytes of a hash nobody can aim at. */
static uint64_t proof_of(struct gw_span bytes)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t size = 0;
    uint64_t proof = 0;
    if (EVP_Q_digest(NULL, "SHA256", NULL, bytes.data, bytes.size, hash, &size) == 1)
        memcpy(&proof, hash, sizeof(proof));
    return proof | 1;
}

/* -- what all keys go through -- */

static enum gw_status settle_public(struct gw_jwkey *key, enum gw_jwalg_key kind)
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(key->pkey, &der);
    if (size <= 0)
        return GW_NO_MEMORY;
    key->proof = proof_of(gw_span_of(der, (size_t)size));
    key->algorithms = gw_jwalg_for(kind, 0);
    OPENSSL_free(der);
    return GW_OK;
}

static enum gw_status settle_secret(struct gw_jwkey *key, const char **ret_why)
{
    struct gw_span secret = gw_buf_span(&key->secret);
    if (secret.size < GW_JWKEY_SECRET_MIN)
        return refuse(ret_why, "the secret is shorter than 32 bytes");
    key->algorithms = gw_jwalg_for(GW_JWALG_KEY_SECRET, secret.size);
    key->proof = proof_of(secret);
    return GW_OK;
}

static enum gw_status judge_rsa(EVP_PKEY *pkey, const char **ret_why)
{
    int bits = EVP_PKEY_get_bits(pkey);
    if (bits < (int)GW_JWKEY_RSA_MIN)
        return refuse(ret_why, "the RSA key has less than 2048 bits");
    if (bits > (int)GW_JWKEY_RSA_MAX)
        return refuse(ret_why, "the RSA key has more than 8192 bits");
    return GW_OK;
}

/* What kind an OpenSSL key is; GW_REFUSED if none of ours. */
static enum gw_status kind_of(EVP_PKEY *pkey, enum gw_jwalg_key *ret_kind, const char **ret_why)
{
    static const struct {
        const char *group;
        enum gw_jwalg_key key;
    } groups[] = {{"prime256v1", GW_JWALG_KEY_P256},
                  {"secp384r1", GW_JWALG_KEY_P384},
                  {"secp521r1", GW_JWALG_KEY_P521}};
    char group[32];
    *ret_kind = GW_JWALG_KEY_RSA;
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return judge_rsa(pkey, ret_why);
    *ret_kind = GW_JWALG_KEY_ED25519;
    if (EVP_PKEY_is_a(pkey, "ED25519"))
        return GW_OK;
    *ret_kind = GW_JWALG_KEY_ED448;
    if (EVP_PKEY_is_a(pkey, "ED448"))
        return GW_OK;
    if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1)
        for (size_t i = 0; i < GW_COUNT_OF(groups); i++) {
            *ret_kind = groups[i].key;
            if (strcmp(group, groups[i].group) == 0)
                return GW_OK;
        }
    return refuse(ret_why, "this kind of key signs no tokens here");
}

/* -- JWK -- */

static struct gw_span text_of(const struct gw_jsontree *tree, const struct gw_jsontree_node *node,
                              const char *name)
{
    const struct gw_jsontree_node *member = gw_jsontree_member(tree, node, name);
    return member && member->type == GW_JSONTREE_TEXT ? member->text : GW_SPAN_NONE;
}

static enum gw_status decode_part(const struct gw_jsontree *tree,
                                  const struct gw_jsontree_node *node, const char *name,
                                  struct gw_buf *out, const char **ret_why)
{
    struct gw_span text = text_of(tree, node, name);
    if (text.size == 0)
        return refuse(ret_why, "a part of the key is missing");
    enum gw_status status = gw_base64url_decode(text, out);
    return status == GW_OK || status == GW_NO_MEMORY
               ? status
               : refuse(ret_why, "a part of the key is not base64url, or too long");
}

/* Makes a key of its parameters; takes the builder over. */
static enum gw_status build(const char *type, OSSL_PARAM_BLD *builder, struct gw_jwkey *key,
                            const char **ret_why)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = params ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
    EVP_PKEY *pkey = NULL;
    bool made = context && EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    ERR_clear_error();
    key->pkey = pkey;
    return made ? GW_OK : refuse(ret_why, "its numbers make no key");
}

static enum gw_status build_rsa(struct gw_span n, struct gw_span e, struct gw_jwkey *key,
                                const char **ret_why)
{
    /* Nobody has to compute with an exponent that somebody chose to be slow or without effect. */
    if (e.size > RSA_E_SIZE_MAX || (e.data[e.size - 1] & 1) == 0 || (e.size == 1 && e.data[0] == 1))
        return refuse(ret_why, "the exponent of the RSA key is not valid");
    if (n.size > GW_JWKEY_RSA_MAX / 8 + 1)
        return refuse(ret_why, "the RSA key has more than 8192 bits");
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *big_n = BN_bin2bn(n.data, (int)n.size, NULL);
    BIGNUM *big_e = BN_bin2bn(e.data, (int)e.size, NULL);
    enum gw_status status = GW_NO_MEMORY;
    if (builder && big_n && big_e &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, big_n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, big_e) == 1) {
        status = build("RSA", builder, key, ret_why);
        builder = NULL;
    }
    OSSL_PARAM_BLD_free(builder);
    BN_free(big_n);
    BN_free(big_e);
    if (status == GW_OK)
        status = judge_rsa(key->pkey, ret_why);
    return status;
}

static enum gw_status take_rsa(const struct gw_jsontree *tree, const struct gw_jsontree_node *node,
                               struct gw_jwkey *key, const char **ret_why)
{
    struct gw_buf n;
    struct gw_buf e;
    gw_buf_init(&n, GW_JWKEY_PART_MAX);
    gw_buf_init(&e, GW_JWKEY_PART_MAX);
    enum gw_status status = decode_part(tree, node, "n", &n, ret_why);
    if (status == GW_OK)
        status = decode_part(tree, node, "e", &e, ret_why);
    if (status == GW_OK)
        status = build_rsa(gw_buf_span(&n), gw_buf_span(&e), key, ret_why);
    gw_buf_fini(&n);
    gw_buf_fini(&e);
    return status == GW_OK ? settle_public(key, GW_JWALG_KEY_RSA) : status;
}

/* The point of an EC key, uncompressed, or the public key of an OKP. */
static enum gw_status build_curve(const struct curve *curve, struct gw_span point,
                                  struct gw_jwkey *key, const char **ret_why)
{
    if (strcmp(curve->kty, "OKP") == 0) {
        key->pkey =
            EVP_PKEY_new_raw_public_key_ex(NULL, curve->group, NULL, point.data, point.size);
        ERR_clear_error();
        return key->pkey ? GW_OK : refuse(ret_why, "its numbers make no key");
    }
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) !=
            1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data,
                                         point.size) != 1) {
        OSSL_PARAM_BLD_free(builder);
        return GW_NO_MEMORY;
    }
    return build("EC", builder, key, ret_why); /* which sees to it that it is on the curve */
}

static enum gw_status take_curve(const struct gw_jsontree *tree,
                                 const struct gw_jsontree_node *node, struct gw_jwkey *key,
                                 const char **ret_why)
{
    struct gw_span kty = text_of(tree, node, "kty");
    struct gw_span crv = text_of(tree, node, "crv");
    const struct curve *curve = NULL;
    for (size_t i = 0; i < GW_COUNT_OF(curves) && !curve; i++)
        if (gw_span_equal(kty, gw_span_str(curves[i].kty)) &&
            gw_span_equal(crv, gw_span_str(curves[i].name)))
            curve = &curves[i];
    if (!curve)
        return refuse(ret_why, "its curve signs no tokens here");
    bool ec = strcmp(curve->kty, "EC") == 0;
    struct gw_buf point;
    gw_buf_init(&point, GW_JWKEY_PART_MAX);
    enum gw_status status = ec ? gw_buf_append(&point, GW_SPAN_LIT("\x04")) : GW_OK;
    if (status == GW_OK)
        status = decode_part(tree, node, "x", &point, ret_why);
    if (status == GW_OK && point.size != curve->size + (ec ? 1u : 0u))
        status = refuse(ret_why, "a part of the key has not the length that its curve wants");
    if (status == GW_OK && ec)
        status = decode_part(tree, node, "y", &point, ret_why);
    if (status == GW_OK && ec && point.size != 2u * curve->size + 1u)
        status = refuse(ret_why, "a part of the key has not the length that its curve wants");
    if (status == GW_OK)
        status = build_curve(curve, gw_buf_span(&point), key, ret_why);
    gw_buf_fini(&point);
    return status == GW_OK ? settle_public(key, curve->key) : status;
}

static enum gw_status take_secret(const struct gw_jsontree *tree,
                                  const struct gw_jsontree_node *node, struct gw_jwkey *key,
                                  const char **ret_why)
{
    GW_TRY(decode_part(tree, node, "k", &key->secret, ret_why));
    return settle_secret(key, ret_why);
}

/* What its maker wants it used for (RFC 7517 sections 4.2 to 4.4). */
static enum gw_status judge_use(const struct gw_jsontree *tree, const struct gw_jsontree_node *node,
                                struct gw_jwkey *key, const char **ret_why)
{
    const struct gw_jsontree_node *use = gw_jsontree_member(tree, node, "use");
    const struct gw_jsontree_node *ops = gw_jsontree_member(tree, node, "key_ops");
    const struct gw_jsontree_node *alg = gw_jsontree_member(tree, node, "alg");
    bool verify = !ops;
    if (use && !gw_span_equal(text_of(tree, node, "use"), GW_SPAN_LIT("sig")))
        return refuse(ret_why, "it is not meant for signatures (use)");
    for (const struct gw_jsontree_node *op = ops ? gw_jsontree_first(tree, ops) : NULL; op;
         op = gw_jsontree_next(tree, op))
        verify |= op->type == GW_JSONTREE_TEXT && gw_span_equal(op->text, GW_SPAN_LIT("verify"));
    if (!verify)
        return refuse(ret_why, "it is not meant to verify signatures (key_ops)");
    if (!alg)
        return GW_OK;
    enum gw_jwalg algorithm = gw_jwalg_find(text_of(tree, node, "alg"));
    key->algorithms &= algorithm == GW_JWALG_COUNT ? 0 : GW_JWALG_BIT(algorithm);
    return key->algorithms != 0 ? GW_OK : refuse(ret_why, "it is no key for its algorithm (alg)");
}

static enum gw_status take_jwk(const struct gw_jsontree *tree, const struct gw_jsontree_node *node,
                               struct gw_jwkey *key, const char **ret_why)
{
    static const struct {
        const char *kty;
        enum gw_status (*take)(const struct gw_jsontree *tree, const struct gw_jsontree_node *node,
                               struct gw_jwkey *key, const char **ret_why);
    } types[] = {{"RSA", take_rsa}, {"EC", take_curve}, {"OKP", take_curve}, {"oct", take_secret}};
    struct gw_span kty = text_of(tree, node, "kty");
    const struct gw_jsontree_node *kid = gw_jsontree_member(tree, node, "kid");
    size_t type = 0;
    if (gw_jsontree_has_twins(tree, node))
        return refuse(ret_why, "it has two members of one name");
    if (kid && (kid->type != GW_JSONTREE_TEXT || kid->text.size > GW_JWKEY_KID_MAX))
        return refuse(ret_why, "its identifier (kid) is no text, or too long");
    if (kid && kid->text.size > 0)
        GW_TRY(gw_buf_append(&key->kid, kid->text));
    while (type < GW_COUNT_OF(types) && !gw_span_equal(kty, gw_span_str(types[type].kty)))
        type++;
    if (type == GW_COUNT_OF(types))
        return refuse(ret_why, "its type (kty) is none of RSA, EC, OKP, oct");
    GW_TRY(types[type].take(tree, node, key, ret_why));
    return judge_use(tree, node, key, ret_why);
}

enum gw_status gw_jwkey_of_jwk(const struct gw_jsontree *tree, const struct gw_jsontree_node *node,
                               struct gw_jwkey *ret_key, const char **ret_why)
{
    init(ret_key);
    *ret_why = NULL;
    enum gw_status status = take_jwk(tree, node, ret_key, ret_why);
    if (status != GW_OK)
        gw_jwkey_fini(ret_key);
    return status;
}

/* -- PEM, secret -- */

static EVP_PKEY *public_of(const char *name, struct gw_span der, const char **ret_why)
{
    const unsigned char *at = der.data;
    EVP_PKEY *pkey = NULL;
    *ret_why = "it cannot be read";
    if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
        pkey = d2i_PUBKEY(NULL, &at, (long)der.size);
    } else if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0) {
        pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)der.size);
    } else if (strcmp(name, PEM_STRING_X509) == 0) {
        X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
        pkey = certificate ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    } else if (strstr(name, "PRIVATE KEY")) {
        *ret_why = "this is a private key: only its public half belongs here";
    } else {
        *ret_why = "it is neither a public key nor a certificate";
    }
    ERR_clear_error();
    return pkey;
}

enum gw_status gw_jwkey_of_pem(struct gw_span pem, size_t *offset, struct gw_jwkey *ret_key,
                               const char **ret_why)
{
    enum gw_jwalg_key kind = GW_JWALG_KEY_RSA;
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long size = 0;
    init(ret_key);
    struct gw_span rest = gw_span_from(pem, *offset);
    BIO *bio = BIO_new_mem_buf(rest.data, (int)rest.size);
    if (!bio)
        return GW_NO_MEMORY;
    enum gw_status status = GW_END;
    if (PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
        ret_key->pkey = public_of(name, gw_span_of(der, (size_t)size), ret_why);
        status = ret_key->pkey ? kind_of(ret_key->pkey, &kind, ret_why) : GW_REFUSED;
        OPENSSL_clear_free(der, (size_t)size);
        OPENSSL_free(name);
        OPENSSL_free(header);
    }
    *offset = pem.size - (size_t)BIO_pending(bio);
    BIO_free(bio);
    ERR_clear_error();
    if (status == GW_OK)
        status = settle_public(ret_key, kind);
    if (status != GW_OK)
        gw_jwkey_fini(ret_key);
    return status;
}

enum gw_status gw_jwkey_of_secret(struct gw_span secret, struct gw_jwkey *ret_key,
                                  const char **ret_why)
{
    init(ret_key);
    enum gw_status status = gw_buf_append(&ret_key->secret, secret);
    if (status == GW_LIMIT)
        status = refuse(ret_why, "the secret is longer than 4096 bytes");
    if (status == GW_OK)
        status = settle_secret(ret_key, ret_why);
    if (status != GW_OK)
        gw_jwkey_fini(ret_key);
    return status;
}

bool gw_jwkey_verify(const struct gw_jwkey *key, enum gw_jwalg algorithm, struct gw_span text,
                     struct gw_span signature)
{
    if (algorithm >= GW_JWALG_COUNT || (key->algorithms & GW_JWALG_BIT(algorithm)) == 0)
        return false;
    if (GW_JWALG_BIT(algorithm) & GW_JWALG_SECRET)
        return !key->pkey &&
               gw_jwalg_verify_secret(algorithm, gw_buf_span(&key->secret), text, signature);
    return key->pkey && gw_jwalg_verify(algorithm, key->pkey, text, signature);
}
