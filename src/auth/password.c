#include "auth/password.h"

#include <argon2.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/saslprep.h"
#include "auth/scramkey.h"
#include "os/entropy.h"

#define SALT_SIZE       16u
#define ARGON2_KEY_SIZE 32u
#define SHA512_SIZE     64u

/* Lanes are part of the result, threads are not: a worker computes them one after the other. */
static enum gw_status run_argon2(const struct gw_hashtext *hash, struct gw_span password,
                                 uint8_t *key)
{
    struct gw_hashtext_part salt = hash->salt;
    uint8_t none = 0;
    argon2_context context = {
        .out = key,
        .outlen = hash->key.size,
        /* The library writes to it only with a flag that is not set. */
        .pwd = password.size > 0 ? (uint8_t *)(uintptr_t)password.data : &none,
        .pwdlen = (uint32_t)password.size,
        .salt = salt.bytes,
        .saltlen = salt.size,
        .t_cost = hash->rounds,
        .m_cost = hash->memory,
        .lanes = hash->lanes,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .flags = ARGON2_DEFAULT_FLAGS,
    };
    int result = argon2_ctx(&context, hash->kind == GW_HASHTEXT_ARGON2ID ? Argon2_id : Argon2_i);
    return result == ARGON2_OK ? GW_OK : GW_NO_MEMORY;
}

static enum gw_status run_pbkdf2(const struct gw_hashtext *hash, struct gw_span password,
                                 uint8_t *key)
{
    static const char none[] = "";
    const char *text = password.size > 0 ? (const char *)password.data : none;
    int done = PKCS5_PBKDF2_HMAC(text, (int)password.size, hash->salt.bytes, hash->salt.size,
                                 (int)hash->rounds, EVP_sha512(), hash->key.size, key);
    return done == 1 ? GW_OK : GW_NO_MEMORY;
}

static enum gw_status run_sha512(const struct gw_hashtext *hash, struct gw_span password,
                                 uint8_t *key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned size = 0;
    bool done = context && EVP_DigestInit_ex(context, EVP_sha512(), NULL) == 1 &&
                EVP_DigestUpdate(context, password.data, password.size) == 1 &&
                EVP_DigestUpdate(context, hash->salt.bytes, hash->salt.size) == 1 &&
                EVP_DigestFinal_ex(context, key, &size) == 1;
    EVP_MD_CTX_free(context);
    return done ? GW_OK : GW_NO_MEMORY;
}

static enum gw_status run_scram(const struct gw_hashtext *hash, struct gw_span password,
                                uint8_t *key)
{
    struct gw_hashtext made = *hash;
    enum gw_status status = gw_scramkey_make(&made, password);
    if (status == GW_OK)
        memcpy(key, made.key.bytes, made.key.size);
    OPENSSL_cleanse(&made, sizeof(made));
    return status;
}

static enum gw_status compute(const struct gw_hashtext *hash, struct gw_span password, uint8_t *key)
{
    if (password.size > GW_PASSWORD_SIZE_MAX)
        return GW_REFUSED;
    switch (hash->kind) {
    case GW_HASHTEXT_ARGON2ID:
    case GW_HASHTEXT_ARGON2I: return run_argon2(hash, password, key);
    case GW_HASHTEXT_PBKDF2: return run_pbkdf2(hash, password, key);
    case GW_HASHTEXT_SHA512: return run_sha512(hash, password, key);
    case GW_HASHTEXT_SCRAM256:
    case GW_HASHTEXT_SCRAM512: return run_scram(hash, password, key);
    case GW_HASHTEXT_KIND_COUNT: break;
    }
    return GW_REFUSED;
}

static bool is_scram(enum gw_hashtext_kind kind)
{
    return kind == GW_HASHTEXT_SCRAM256 || kind == GW_HASHTEXT_SCRAM512;
}

/* HMAC fills its key up with zeros, so to PBKDF2 "x" and "x\0" are the same password. None that is
 * stored ends so (gw_password_hash sees to that), hence one that does is wrong. */
static bool is_ambiguous(enum gw_hashtext_kind kind, struct gw_span password)
{
    return (kind == GW_HASHTEXT_PBKDF2 || is_scram(kind)) && password.size > 0 &&
           password.data[password.size - 1] == 0;
}

enum gw_status gw_password_check(const struct gw_hashtext *hash, struct gw_span password)
{
    uint8_t key[GW_HASHTEXT_PART_MAX];
    if (hash->key.size == 0)
        return GW_REFUSED;
    enum gw_status status = compute(hash, password, key);
    if (status == GW_OK && (CRYPTO_memcmp(key, hash->key.bytes, hash->key.size) != 0 ||
                            is_ambiguous(hash->kind, password)))
        status = GW_REFUSED;
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}

/* The cost of a new hash, without salt and key. */
static struct gw_hashtext fresh(enum gw_hashtext_kind kind)
{
    struct gw_hashtext hash = {.kind = kind};
    if (is_scram(kind)) {
        hash.rounds = GW_PASSWORD_SCRAM_ROUNDS;
        hash.key.size = (uint8_t)gw_scramkey_size(kind);
        hash.server.size = hash.key.size;
    } else if (kind == GW_HASHTEXT_PBKDF2) {
        hash.rounds = GW_PASSWORD_ROUNDS;
        hash.key.size = SHA512_SIZE;
    } else {
        hash.memory = GW_PASSWORD_MEMORY;
        hash.rounds = GW_PASSWORD_PASSES;
        hash.lanes = 1;
        hash.key.size = ARGON2_KEY_SIZE;
    }
    hash.salt.size = SALT_SIZE;
    return hash;
}

enum gw_status gw_password_hash(enum gw_hashtext_kind kind, struct gw_span password,
                                struct gw_hashtext *ret_hash)
{
    return gw_password_hash_with(kind, 0, password, ret_hash);
}

enum gw_status gw_password_hash_with(enum gw_hashtext_kind kind, uint32_t rounds,
                                     struct gw_span password, struct gw_hashtext *ret_hash)
{
    *ret_hash = fresh(kind);
    if (rounds > 0)
        ret_hash->rounds = rounds;
    if (is_ambiguous(kind, password) || (is_scram(kind) && !gw_saslprep_stable(password)))
        return GW_INVALID;
    gw_entropy_fill(ret_hash->salt.bytes, ret_hash->salt.size);
    if (is_scram(kind))
        return password.size > GW_PASSWORD_SIZE_MAX ? GW_REFUSED
                                                    : gw_scramkey_make(ret_hash, password);
    return compute(ret_hash, password, ret_hash->key.bytes);
}

void gw_password_dummy(const struct gw_hashtext *model, struct gw_hashtext *ret_hash)
{
    *ret_hash = model ? *model : fresh(GW_HASHTEXT_ARGON2ID);
    gw_entropy_fill(ret_hash->salt.bytes, ret_hash->salt.size);
    gw_entropy_fill(ret_hash->key.bytes, ret_hash->key.size);
    gw_entropy_fill(ret_hash->server.bytes, ret_hash->server.size);
}

/* Roughly microseconds: a KiB of argon2 and three rounds of PBKDF2 take about one each. */
static uint64_t cost(const struct gw_hashtext *hash)
{
    if (hash->kind == GW_HASHTEXT_SHA512)
        return 1;
    if (hash->kind == GW_HASHTEXT_PBKDF2 || is_scram(hash->kind))
        return 1 + hash->rounds / 3;
    return 1 + (uint64_t)hash->memory * hash->rounds;
}

bool gw_password_costs_more(const struct gw_hashtext *a, const struct gw_hashtext *b)
{
    return cost(a) >= cost(b);
}

void gw_password_wipe(void *bytes, size_t size)
{
    if (bytes)
        OPENSSL_cleanse(bytes, size);
}

void gw_password_drop(struct gw_buf *buf)
{
    gw_password_wipe(buf->data, buf->size);
    gw_buf_fini(buf);
}
