#include "auth/scramclient.h"

#include <openssl/crypto.h>

#include "auth/saslprep.h"
#include "auth/scram.h"
#include "auth/scramtext.h"

#define HEADER      "n,,"  /* no channel binding, nobody else's name */
#define HEADER_TEXT "biws" /* the same in base64 */

void gw_scramclient_init(struct gw_scramclient *client, enum gw_hashtext_kind kind,
                         struct gw_span user, struct gw_span password)
{
    *client = (struct gw_scramclient){.kind = kind, .user = user, .password = password};
    gw_buf_init(&client->text, (size_t)3 * GW_SCRAM_MESSAGE_MAX);
}

void gw_scramclient_fini(struct gw_scramclient *client)
{
    gw_buf_fini(&client->text);
    OPENSSL_cleanse(&client->signature, sizeof(client->signature));
}

enum gw_status gw_scramclient_first(struct gw_scramclient *client, struct gw_span nonce,
                                    struct gw_buf *ret_message)
{
    struct gw_buf *text = &client->text;
    if (!gw_saslprep_stable(client->user) || !gw_saslprep_stable(client->password) ||
        client->user.size == 0)
        return GW_INVALID;
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT("n=")));
    GW_TRY(gw_scramtext_add_name(text, client->user));
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT(",r=")));
    client->nonce_at = text->size;
    client->nonce_size = nonce.size;
    GW_TRY(gw_buf_append(text, nonce));
    GW_TRY(gw_buf_append(ret_message, GW_SPAN_LIT(HEADER)));
    return gw_buf_append(ret_message, gw_buf_span(text));
}

/* What the server asks for: its half of the nonce, salt and rounds. */
static const char *read_challenge(const struct gw_scramclient *client, struct gw_span said,
                                  struct gw_span *ret_nonce, struct gw_hashtext *ret_hash)
{
    struct gw_span ours = gw_span_of(client->text.data + client->nonce_at, client->nonce_size);
    struct gw_span salt, count;
    if (said.size > GW_SCRAM_MESSAGE_MAX || !gw_scramtext_take(&said, 'r', ret_nonce) ||
        !gw_scramtext_take(&said, 's', &salt) || !gw_scramtext_take(&said, 'i', &count))
        return "its message is not that of SCRAM";
    if (!gw_scramtext_is_nonce(*ret_nonce) || !gw_span_starts_with(*ret_nonce, ours) ||
        ret_nonce->size == ours.size)
        return "its nonce does not go on from ours";
    if (!gw_scramtext_read_base64(salt, &ret_hash->salt))
        return "its salt is not base64, or too long";
    ret_hash->kind = client->kind;
    ret_hash->rounds = gw_scramtext_count(count, GW_SCRAMCLIENT_ROUNDS_MAX);
    if (ret_hash->rounds == 0)
        return "it asks for no number of rounds, or for more than 2,000,000";
    if (ret_hash->rounds < GW_SCRAMCLIENT_ROUNDS_MIN)
        return "it asks for less than 4096 rounds, which would give the password away";
    return NULL;
}

/* The client key under the signature of the stored key; the server's signature for later. */
static enum gw_status make_proof(struct gw_scramclient *client, const struct gw_scramkey *salted,
                                 struct gw_scramkey *ret_proof)
{
    struct gw_scramkey key, stored, sign;
    struct gw_span text = gw_buf_span(&client->text);
    GW_TRY(gw_scramkey_sign(client->kind, salted->bytes, GW_SPAN_LIT("Server Key"), &key));
    GW_TRY(gw_scramkey_sign(client->kind, key.bytes, text, &client->signature));
    GW_TRY(gw_scramkey_sign(client->kind, salted->bytes, GW_SPAN_LIT("Client Key"), &key));
    GW_TRY(gw_scramkey_digest(client->kind, key.bytes, &stored));
    GW_TRY(gw_scramkey_sign(client->kind, stored.bytes, text, &sign));
    for (size_t i = 0; i < gw_scramkey_size(client->kind); i++)
        ret_proof->bytes[i] = key.bytes[i] ^ sign.bytes[i];
    OPENSSL_cleanse(&key, sizeof(key));
    return GW_OK;
}

static enum gw_status prove(struct gw_scramclient *client, const struct gw_hashtext *hash,
                            struct gw_buf *out)
{
    struct gw_scramkey salted, proof;
    GW_TRY(gw_scramkey_salted(hash, client->password, &salted));
    enum gw_status status = make_proof(client, &salted, &proof);
    OPENSSL_cleanse(&salted, sizeof(salted));
    GW_TRY(status);
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT(",p=")));
    return gw_scramtext_add_base64(out, gw_span_of(proof.bytes, gw_scramkey_size(client->kind)));
}

enum gw_status gw_scramclient_last(struct gw_scramclient *client, struct gw_span said,
                                   struct gw_buf *ret_message, const char **ret_why)
{
    struct gw_buf *text = &client->text;
    struct gw_hashtext hash = {.rounds = 0};
    struct gw_span nonce;
    *ret_why = client->proved || client->nonce_size == 0
                   ? "it speaks out of turn"
                   : read_challenge(client, said, &nonce, &hash);
    if (*ret_why)
        return GW_PROTOCOL;
    size_t begin = ret_message->size;
    GW_TRY(gw_buf_append(ret_message, GW_SPAN_LIT("c=" HEADER_TEXT ",r=")));
    GW_TRY(gw_buf_append(ret_message, nonce));
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT(",")));
    GW_TRY(gw_buf_append(text, said));
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT(",")));
    GW_TRY(gw_buf_append(text, gw_span_from(gw_buf_span(ret_message), begin)));
    GW_TRY(prove(client, &hash, ret_message));
    client->proved = true;
    return GW_OK;
}

bool gw_scramclient_trusts(const struct gw_scramclient *client, struct gw_span said)
{
    struct gw_span value;
    struct gw_hashtext_part part;
    size_t size = gw_scramkey_size(client->kind);
    return client->proved && gw_scramtext_take(&said, 'v', &value) &&
           gw_scramtext_read_base64(value, &part) && part.size == size &&
           CRYPTO_memcmp(part.bytes, client->signature.bytes, size) == 0;
}
