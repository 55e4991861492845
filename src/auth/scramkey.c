#include "auth/scramkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *algorithm(enum gw_hashtext_kind kind)
{
    return kind == GW_HASHTEXT_SCRAM256 ? EVP_sha256() : EVP_sha512();
}

size_t gw_scramkey_size(enum gw_hashtext_kind kind)
{
    return kind == GW_HASHTEXT_SCRAM256 ? 32 : 64;
}

enum gw_status gw_scramkey_salted(const struct gw_hashtext *hash, struct gw_span password,
                                  struct gw_scramkey *ret_salted)
{
    static const char none[] = "";
    const char *text = password.size > 0 ? (const char *)password.data : none;
    int done = PKCS5_PBKDF2_HMAC(text, (int)password.size, hash->salt.bytes, hash->salt.size,
                                 (int)hash->rounds, algorithm(hash->kind),
                                 (int)gw_scramkey_size(hash->kind), ret_salted->bytes);
    return done == 1 ? GW_OK : GW_NO_MEMORY;
}

enum gw_status gw_scramkey_sign(enum gw_hashtext_kind kind, const uint8_t *key, struct gw_span text,
                                struct gw_scramkey *ret_key)
{
    unsigned size = 0;
    const unsigned char *done = HMAC(algorithm(kind), key, (int)gw_scramkey_size(kind), text.data,
                                     text.size, ret_key->bytes, &size);
    return done ? GW_OK : GW_NO_MEMORY;
}

enum gw_status gw_scramkey_digest(enum gw_hashtext_kind kind, const uint8_t *key,
                                  struct gw_scramkey *ret_key)
{
    unsigned size = 0;
    int done =
        EVP_Digest(key, gw_scramkey_size(kind), ret_key->bytes, &size, algorithm(kind), NULL);
    return done == 1 ? GW_OK : GW_NO_MEMORY;
}

static enum gw_status fill(struct gw_hashtext *hash, const struct gw_scramkey *salted,
                           struct gw_scramkey *key)
{
    size_t size = gw_scramkey_size(hash->kind);
    GW_TRY(gw_scramkey_sign(hash->kind, salted->bytes, GW_SPAN_LIT("Server Key"), key));
    memcpy(hash->server.bytes, key->bytes, size);
    hash->server.size = (uint8_t)size;
    GW_TRY(gw_scramkey_sign(hash->kind, salted->bytes, GW_SPAN_LIT("Client Key"), key));
    struct gw_scramkey stored;
    GW_TRY(gw_scramkey_digest(hash->kind, key->bytes, &stored));
    memcpy(hash->key.bytes, stored.bytes, size);
    hash->key.size = (uint8_t)size;
    return GW_OK;
}

enum gw_status gw_scramkey_make(struct gw_hashtext *hash, struct gw_span password)
{
    struct gw_scramkey salted, key;
    enum gw_status status = gw_scramkey_salted(hash, password, &salted);
    if (status == GW_OK)
        status = fill(hash, &salted, &key);
    OPENSSL_cleanse(&salted, sizeof(salted));
    OPENSSL_cleanse(&key, sizeof(key));
    return status;
}
