#include "net/tlstickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "os/entropy.h"
#include "os/thread.h"

struct gw_tlstickets {
    struct gw_mutex mutex; /* over all below */
    const struct gw_clock *clock;
    gw_mono_ns born; /* of the first key */
    unsigned count;
    struct gw_tlstickets_key keys[GW_TLSTICKETS_KEYS]; /* the youngest first */
};

static void make_key(struct gw_tlstickets *tickets)
{
    memmove(&tickets->keys[1], &tickets->keys[0], sizeof tickets->keys - sizeof tickets->keys[0]);
    gw_entropy_fill(&tickets->keys[0], sizeof tickets->keys[0]);
    tickets->born = gw_clock_mono(tickets->clock);
    if (tickets->count < GW_TLSTICKETS_KEYS)
        tickets->count++;
}

struct gw_tlstickets *gw_tlstickets_new(const struct gw_clock *clock)
{
    struct gw_tlstickets *tickets = calloc(1, sizeof *tickets);
    if (tickets == NULL)
        return NULL;
    tickets->clock = clock;
    gw_mutex_init(&tickets->mutex);
    make_key(tickets);
    return tickets;
}

void gw_tlstickets_free(struct gw_tlstickets *tickets)
{
    if (tickets == NULL)
        return;
    gw_mutex_fini(&tickets->mutex);
    OPENSSL_cleanse(tickets->keys, sizeof tickets->keys);
    free(tickets);
}

/* Lets time pass: after a long rest nothing old is left. Locked. */
static void rotate(struct gw_tlstickets *tickets)
{
    gw_mono_ns age = gw_clock_mono(tickets->clock) - tickets->born;
    for (unsigned i = 0; i < GW_TLSTICKETS_KEYS && age >= GW_TLSTICKETS_PERIOD; i++) {
        make_key(tickets);
        age -= GW_TLSTICKETS_PERIOD;
    }
}

void gw_tlstickets_current(struct gw_tlstickets *tickets, struct gw_tlstickets_key *ret_key)
{
    gw_mutex_lock(&tickets->mutex);
    rotate(tickets);
    *ret_key = tickets->keys[0];
    gw_mutex_unlock(&tickets->mutex);
}

bool gw_tlstickets_find(struct gw_tlstickets *tickets, const uint8_t name[GW_TLSTICKETS_NAME],
                        struct gw_tlstickets_key *ret_key, bool *ret_old)
{
    bool found = false;
    gw_mutex_lock(&tickets->mutex);
    rotate(tickets);
    for (unsigned i = 0; i < tickets->count && !found; i++) {
        found = memcmp(tickets->keys[i].name, name, GW_TLSTICKETS_NAME) == 0;
        if (found) {
            *ret_key = tickets->keys[i];
            *ret_old = i > 0;
        }
    }
    gw_mutex_unlock(&tickets->mutex);
    return found;
}

static bool init_mac(EVP_MAC_CTX *mac, struct gw_tlstickets_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int gw_tlstickets_answer(struct gw_tlstickets *tickets, uint8_t *name, uint8_t *iv,
                         EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool encrypt)
{
    struct gw_tlstickets_key key;
    bool old = false;
    bool good;
    if (encrypt) {
        gw_tlstickets_current(tickets, &key);
        memcpy(name, key.name, sizeof key.name);
        gw_entropy_fill(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
        good = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
    } else {
        if (!gw_tlstickets_find(tickets, name, &key, &old))
            return 0; /* a full handshake */
        good = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
    }
    good = good && init_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof key);
    return !good ? -1 : old ? 2 : 1;
}
