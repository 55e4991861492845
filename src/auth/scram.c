#include "auth/scram.h"

#include <openssl/crypto.h>

#include "auth/saslprep.h"
#include "auth/scramkey.h"
#include "auth/scramtext.h"

#define HEADER_MAX (4 * GW_SCRAM_MESSAGE_MAX / 3 + 8)
#define TEXT_MAX   (3 * GW_SCRAM_MESSAGE_MAX)

enum step { FIRST, LAST, OVER };

void gw_scram_init(struct gw_scram *scram, enum gw_hashtext_kind kind)
{
    *scram = (struct gw_scram){.kind = kind};
    gw_buf_init(&scram->user, GW_SCRAM_MESSAGE_MAX);
    gw_buf_init(&scram->header, HEADER_MAX);
    gw_buf_init(&scram->text, TEXT_MAX);
}

void gw_scram_fini(struct gw_scram *scram)
{
    gw_buf_fini(&scram->user);
    gw_buf_fini(&scram->header);
    gw_buf_fini(&scram->text);
    OPENSSL_cleanse(&scram->credential, sizeof(scram->credential));
}

static enum gw_scram_outcome bad(struct gw_scram *scram, const char *why, const char **ret_why)
{
    scram->step = OVER;
    *ret_why = why;
    return GW_SCRAM_BAD;
}

static enum gw_scram_outcome no_memory(struct gw_scram *scram)
{
    scram->step = OVER;
    return GW_SCRAM_NO_MEMORY;
}

/* -- the first message -- */

/* What stands in it; all borrowed. */
struct first {
    struct gw_span header; /* with its two commas */
    struct gw_span as;     /* authorization identity, encoded; empty if none */
    struct gw_span bare;
    struct gw_span user; /* encoded */
    struct gw_span nonce;
};

/* The GS2 header: whether a channel is bound, and as whom the client wants to act. */
static const char *read_header(struct gw_span message, struct first *first)
{
    const uint8_t *comma = message.size > 0 ? memchr(message.data, ',', message.size) : NULL;
    if (!comma)
        return "the message has no header";
    struct gw_span flag = gw_span_of(message.data, (size_t)(comma - message.data));
    struct gw_span rest = gw_span_from(message, flag.size + 1);
    if (gw_span_starts_with(flag, GW_SPAN_LIT("p=")))
        return "channel binding is not offered";
    if (!gw_span_equal(flag, GW_SPAN_LIT("n")) && !gw_span_equal(flag, GW_SPAN_LIT("y")))
        return "the message has no header";
    comma = rest.size > 0 ? memchr(rest.data, ',', rest.size) : NULL;
    if (!comma)
        return "the message has no header";
    first->as = gw_span_of(rest.data, (size_t)(comma - rest.data));
    first->header = gw_span_of(message.data, flag.size + 1 + first->as.size + 1);
    first->bare = gw_span_from(message, first->header.size);
    if (first->as.size > 0) {
        if (!gw_span_starts_with(first->as, GW_SPAN_LIT("a=")) || first->as.size == 2)
            return "the message has no header";
        first->as = gw_span_from(first->as, 2);
    }
    return NULL;
}

static const char *read_first(struct gw_span message, struct first *first)
{
    const char *why = read_header(message, first);
    if (why)
        return why;
    struct gw_span rest = first->bare;
    struct gw_span value;
    char letter;
    if (gw_span_starts_with(rest, GW_SPAN_LIT("m=")))
        return "an extension is wanted that is not known here";
    if (!gw_scramtext_take(&rest, 'n', &first->user))
        return "the message has no user name";
    if (!gw_scramtext_take(&rest, 'r', &first->nonce) || !gw_scramtext_is_nonce(first->nonce))
        return "the message has no nonce";
    while (rest.size > 0)
        if (!gw_scramtext_take_any(&rest, &letter, &value))
            return "there is something behind the nonce";
    return first->as.size == 0 || gw_span_equal(first->as, first->user)
               ? NULL
               : "nobody acts as another user here";
}

/* The salt of somebody who is not there. */
static enum gw_status make_up(struct gw_scram *scram, const struct gw_scram_directory *directory)
{
    struct gw_scramkey made;
    struct gw_hashtext *hash = &scram->credential;
    /* The key has 32 bytes: so the other algorithm would read past it. */
    GW_TRY(
        gw_scramkey_sign(GW_HASHTEXT_SCRAM256, directory->key, gw_buf_span(&scram->user), &made));
    *hash = (struct gw_hashtext){.kind = scram->kind, .rounds = directory->rounds};
    hash->salt.size = GW_SCRAM_SALT_SIZE;
    memcpy(hash->salt.bytes, made.bytes, GW_SCRAM_SALT_SIZE);
    hash->key.size = (uint8_t)gw_scramkey_size(scram->kind);
    hash->server.size = hash->key.size;
    return GW_OK;
}

static enum gw_status find_credential(struct gw_scram *scram,
                                      const struct gw_scram_directory *directory)
{
    const struct gw_hashtext *hash = directory->find(directory->ctx, gw_buf_span(&scram->user));
    scram->known = hash && hash->kind == scram->kind;
    scram->unfit = hash && !scram->known;
    GW_TRY(make_up(scram, directory)); /* known or not, it takes the same time */
    if (scram->known)
        scram->credential = *hash;
    return GW_OK;
}

/* Keeps what is signed and writes the answer, which is signed too. */
static enum gw_status answer_first(struct gw_scram *scram, const struct first *first,
                                   struct gw_span nonce, struct gw_buf *out)
{
    const struct gw_hashtext *hash = &scram->credential;
    struct gw_buf *text = &scram->text;
    char count[16];
    size_t digits = 0;
    for (uint32_t n = hash->rounds; n > 0 && digits < sizeof(count); n /= 10)
        count[sizeof(count) - ++digits] = (char)('0' + n % 10);
    GW_TRY(gw_scramtext_add_base64(&scram->header, first->header));
    GW_TRY(gw_buf_append(text, first->bare));
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT(",")));
    size_t begin = text->size;
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT("r=")));
    scram->nonce_at = text->size;
    GW_TRY(gw_buf_append(text, first->nonce));
    GW_TRY(gw_buf_append(text, nonce));
    scram->nonce_size = text->size - scram->nonce_at;
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT(",s=")));
    GW_TRY(gw_scramtext_add_base64(text, gw_span_of(hash->salt.bytes, hash->salt.size)));
    GW_TRY(gw_buf_append(text, GW_SPAN_LIT(",i=")));
    GW_TRY(gw_buf_append(text, gw_span_of(count + sizeof(count) - digits, digits)));
    GW_TRY(gw_buf_append(out, gw_span_from(gw_buf_span(text), begin)));
    return gw_buf_append(text, GW_SPAN_LIT(","));
}

enum gw_scram_outcome gw_scram_first(struct gw_scram *scram, struct gw_span message,
                                     const struct gw_scram_directory *directory,
                                     struct gw_span nonce, struct gw_buf *ret_answer,
                                     const char **ret_why)
{
    struct first first = {.header = GW_SPAN_NONE};
    if (scram->step != FIRST)
        return bad(scram, "a message out of turn", ret_why);
    if (message.size > GW_SCRAM_MESSAGE_MAX)
        return bad(scram, "the message is too long", ret_why);
    const char *why = read_first(message, &first);
    if (why)
        return bad(scram, why, ret_why);
    enum gw_status status = gw_scramtext_read_name(first.user, &scram->user);
    if (status == GW_NO_MEMORY)
        return no_memory(scram);
    if (status != GW_OK || !gw_saslprep_stable(gw_buf_span(&scram->user))) {
        gw_buf_clear(&scram->user);
        return bad(scram, "the user name is not as SASLprep has it", ret_why);
    }
    if (find_credential(scram, directory) != GW_OK ||
        answer_first(scram, &first, nonce, ret_answer) != GW_OK)
        return no_memory(scram);
    scram->step = LAST;
    return GW_SCRAM_MORE;
}

/* -- the last message -- */

/* Cuts the message into what is signed and the proof. */
static const char *read_last(const struct gw_scram *scram, struct gw_span message,
                             struct gw_span *ret_signed, struct gw_hashtext_part *ret_proof)
{
    struct gw_span rest = message;
    struct gw_span header, nonce, value;
    struct gw_span wanted = gw_span_of(scram->text.data + scram->nonce_at, scram->nonce_size);
    char letter;
    if (!gw_scramtext_take(&rest, 'c', &header))
        return "the message has no channel binding";
    if (!gw_span_equal(header, gw_buf_span(&scram->header)))
        return "the header is another one than before";
    if (!gw_scramtext_take(&rest, 'r', &nonce))
        return "the message has no nonce";
    if (!gw_span_equal(nonce, wanted))
        return "the nonce is another one than ours";
    do {
        *ret_signed = gw_span_of(message.data, message.size - rest.size);
        if (!gw_scramtext_take_any(&rest, &letter, &value))
            return "the message has no proof";
    } while (letter != 'p');
    ret_signed->size--; /* the comma before the proof */
    if (rest.size > 0)
        return "there is something behind the proof";
    if (!gw_scramtext_read_base64(value, ret_proof) ||
        ret_proof->size != gw_scramkey_size(scram->kind))
        return "the proof is not base64, or not as long as it should be";
    return NULL;
}

/* The proof is the client key, hidden under a signature that only the stored key can make. */
static enum gw_status uncover(const struct gw_scram *scram, const struct gw_hashtext_part *proof,
                              bool *ret_right)
{
    struct gw_scramkey key, digest;
    const struct gw_hashtext *hash = &scram->credential;
    size_t size = gw_scramkey_size(scram->kind);
    GW_TRY(gw_scramkey_sign(scram->kind, hash->key.bytes, gw_buf_span(&scram->text), &key));
    for (size_t i = 0; i < size; i++)
        key.bytes[i] ^= proof->bytes[i];
    enum gw_status status = gw_scramkey_digest(scram->kind, key.bytes, &digest);
    *ret_right = status == GW_OK && CRYPTO_memcmp(digest.bytes, hash->key.bytes, size) == 0;
    OPENSSL_cleanse(&key, sizeof(key));
    return status;
}

static enum gw_status answer_last(const struct gw_scram *scram, struct gw_buf *out)
{
    struct gw_scramkey mine;
    GW_TRY(gw_scramkey_sign(scram->kind, scram->credential.server.bytes, gw_buf_span(&scram->text),
                            &mine));
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("v=")));
    return gw_scramtext_add_base64(out, gw_span_of(mine.bytes, gw_scramkey_size(scram->kind)));
}

enum gw_scram_outcome gw_scram_last(struct gw_scram *scram, struct gw_span message,
                                    struct gw_buf *ret_answer, const char **ret_why)
{
    struct gw_span part = GW_SPAN_NONE;
    struct gw_hashtext_part proof;
    bool right = false;
    if (scram->step != LAST)
        return bad(scram, "a message out of turn", ret_why);
    if (message.size > GW_SCRAM_MESSAGE_MAX)
        return bad(scram, "the message is too long", ret_why);
    const char *why = read_last(scram, message, &part, &proof);
    if (why)
        return bad(scram, why, ret_why);
    if (gw_buf_append(&scram->text, part) != GW_OK || uncover(scram, &proof, &right) != GW_OK)
        return no_memory(scram);
    scram->step = OVER;
    if (!right || !scram->known) {
        *ret_why = scram->known   ? "the password is wrong"
                   : scram->unfit ? "its password is kept in a form that this method cannot use"
                                  : "there is no such user";
        return GW_SCRAM_WRONG;
    }
    return answer_last(scram, ret_answer) == GW_OK ? GW_SCRAM_DONE : no_memory(scram);
}
