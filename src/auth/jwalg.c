#include "auth/jwalg.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

/* How a signature is made of a hash. */
enum way { PKCS1, PSS, ECDSA, EDDSA, HMAC_ };

static const struct {
    const char *name;
    const char *hash;
    enum way way;
    enum gw_jwalg_key key;
    uint8_t size; /* of the hash; ECDSA: of one half of the signature */
} rows[] = {
    [GW_JWALG_RS256] = {"RS256", "SHA256", PKCS1, GW_JWALG_KEY_RSA, 32},
    [GW_JWALG_RS384] = {"RS384", "SHA384", PKCS1, GW_JWALG_KEY_RSA, 48},
    [GW_JWALG_RS512] = {"RS512", "SHA512", PKCS1, GW_JWALG_KEY_RSA, 64},
    [GW_JWALG_PS256] = {"PS256", "SHA256", PSS, GW_JWALG_KEY_RSA, 32},
    [GW_JWALG_PS384] = {"PS384", "SHA384", PSS, GW_JWALG_KEY_RSA, 48},
    [GW_JWALG_PS512] = {"PS512", "SHA512", PSS, GW_JWALG_KEY_RSA, 64},
    [GW_JWALG_ES256] = {"ES256", "SHA256", ECDSA, GW_JWALG_KEY_P256, 32},
    [GW_JWALG_ES384] = {"ES384", "SHA384", ECDSA, GW_JWALG_KEY_P384, 48},
    [GW_JWALG_ES512] = {"ES512", "SHA512", ECDSA, GW_JWALG_KEY_P521, 66},
    [GW_JWALG_EDDSA] = {"EdDSA", NULL, EDDSA, GW_JWALG_KEY_ED25519, 0}, /* or Ed448 */
    [GW_JWALG_HS256] = {"HS256", "SHA256", HMAC_, GW_JWALG_KEY_SECRET, 32},
    [GW_JWALG_HS384] = {"HS384", "SHA384", HMAC_, GW_JWALG_KEY_SECRET, 48},
    [GW_JWALG_HS512] = {"HS512", "SHA512", HMAC_, GW_JWALG_KEY_SECRET, 64},
};
_Static_assert(GW_COUNT_OF(rows) == GW_JWALG_COUNT, "one row per algorithm");

enum gw_jwalg gw_jwalg_find(struct gw_span name)
{
    for (size_t i = 0; i < GW_JWALG_COUNT; i++)
        if (gw_span_equal(name, gw_span_str(rows[i].name)))
            return (enum gw_jwalg)i;
    return GW_JWALG_COUNT;
}

const char *gw_jwalg_name(enum gw_jwalg algorithm)
{
    return rows[algorithm].name;
}

static bool is_gap(uint8_t c)
{
    return c == ' ' || c == ',' || c == '\t';
}

enum gw_status gw_jwalg_list(struct gw_span text, uint32_t *ret_set, struct gw_span *ret_wrong)
{
    size_t at = 0;
    *ret_set = 0;
    *ret_wrong = GW_SPAN_NONE;
    while (at < text.size) {
        size_t begin = at;
        while (at < text.size && !is_gap(text.data[at]))
            at++;
        struct gw_span name = gw_span_of(text.data + begin, at - begin);
        enum gw_jwalg algorithm = gw_jwalg_find(name);
        if (name.size > 0 && algorithm == GW_JWALG_COUNT) {
            *ret_wrong = name;
            return GW_INVALID;
        }
        if (name.size > 0)
            *ret_set |= GW_JWALG_BIT(algorithm);
        at++;
    }
    return *ret_set != 0 ? GW_OK : GW_INVALID;
}

uint32_t gw_jwalg_for(enum gw_jwalg_key key, size_t secret_size)
{
    uint32_t set = 0;
    if (key == GW_JWALG_KEY_ED448)
        key = GW_JWALG_KEY_ED25519;
    for (unsigned i = 0; i < GW_JWALG_COUNT; i++)
        if (rows[i].key == key && (rows[i].way != HMAC_ || secret_size >= rows[i].size))
            set |= GW_JWALG_BIT(i);
    return set;
}

/* The form that OpenSSL wants: both halves as numbers of their own. Released with OPENSSL_free. */
static struct gw_span to_der(struct gw_span signature, size_t half)
{
    ECDSA_SIG *pair = signature.size == 2 * half ? ECDSA_SIG_new() : NULL;
    BIGNUM *r = pair ? BN_bin2bn(signature.data, (int)half, NULL) : NULL;
    BIGNUM *s = pair ? BN_bin2bn(signature.data + half, (int)half, NULL) : NULL;
    uint8_t *der = NULL;
    int size = -1;
    if (r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        size = i2d_ECDSA_SIG(pair, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return size > 0 ? gw_span_of(der, (size_t)size) : GW_SPAN_NONE;
}

/* Salt and mask are made with the algorithm's own hash, and the salt is as long as it (3.5). */
static bool set_padding(EVP_PKEY_CTX *context, enum gw_jwalg algorithm)
{
    if (rows[algorithm].way == PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    if (rows[algorithm].way == PSS)
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    return true;
}

bool gw_jwalg_verify(enum gw_jwalg algorithm, void *key, struct gw_span text,
                     struct gw_span signature)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context = NULL; /* the digest's */
    struct gw_span der = GW_SPAN_NONE;
    bool right = false;
    if (rows[algorithm].way == ECDSA)
        signature = der = to_der(signature, rows[algorithm].size);
    if (digest && signature.size > 0 &&
        EVP_DigestVerifyInit_ex(digest, &context, rows[algorithm].hash, NULL, NULL, key, NULL) ==
            1 &&
        set_padding(context, algorithm))
        right = EVP_DigestVerify(digest, signature.data, signature.size, text.data, text.size) == 1;
    ERR_clear_error();
    OPENSSL_free((void *)(uintptr_t)der.data);
    EVP_MD_CTX_free(digest);
    return right;
}

bool gw_jwalg_verify_secret(enum gw_jwalg algorithm, struct gw_span secret, struct gw_span text,
                            struct gw_span signature)
{
    uint8_t right[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (rows[algorithm].way != HMAC_ || signature.size != rows[algorithm].size)
        return false;
    const uint8_t *made = EVP_Q_mac(NULL, "HMAC", NULL, rows[algorithm].hash, NULL, secret.data,
                                    secret.size, text.data, text.size, right, sizeof(right), &size);
    bool same = made && size == signature.size && CRYPTO_memcmp(right, signature.data, size) == 0;
    OPENSSL_cleanse(right, sizeof(right));
    ERR_clear_error();
    return same;
}
