/* auth/scram: whatever a client says, nobody is let in who does not know the password; what is
 * answered has its form; and who says it as the standard has it gets in. */
#include "fuzz.h"

#include "auth/scram.h"
#include "auth/scramkey.h"
#include "auth/scramtext.h"

#define NONCE "ourNonceOurNonceOurNonce"

static const struct gw_hashtext *find(const void *ctx, struct gw_span user)
{
    return gw_span_equal(user, GW_SPAN_LIT("ada")) ? ctx : NULL;
}

/* A proof for what was said, with the key that `hash` was made of. */
static void prove(const struct gw_scram *scram, const struct gw_scramkey *salted,
                  struct gw_buf *out)
{
    struct gw_scramkey client, stored, sign;
    struct gw_buf text;
    gw_buf_init(&text, 20000);
    FUZZ_CHECK(gw_buf_append(out, GW_SPAN_LIT("c=")) == GW_OK);
    FUZZ_CHECK(gw_buf_append(out, gw_buf_span(&scram->header)) == GW_OK);
    FUZZ_CHECK(gw_buf_append(out, GW_SPAN_LIT(",r=")) == GW_OK);
    FUZZ_CHECK(gw_buf_append(out, gw_span_of(scram->text.data + scram->nonce_at,
                                             scram->nonce_size)) == GW_OK);
    FUZZ_CHECK(gw_buf_append(&text, gw_buf_span(&scram->text)) == GW_OK);
    FUZZ_CHECK(gw_buf_append(&text, gw_buf_span(out)) == GW_OK);
    FUZZ_CHECK(gw_scramkey_sign(scram->kind, salted->bytes, GW_SPAN_LIT("Client Key"), &client) ==
               GW_OK);
    FUZZ_CHECK(gw_scramkey_digest(scram->kind, client.bytes, &stored) == GW_OK);
    FUZZ_CHECK(gw_scramkey_sign(scram->kind, stored.bytes, gw_buf_span(&text), &sign) == GW_OK);
    for (size_t i = 0; i < gw_scramkey_size(scram->kind); i++)
        client.bytes[i] ^= sign.bytes[i];
    FUZZ_CHECK(gw_buf_append(out, GW_SPAN_LIT(",p=")) == GW_OK);
    FUZZ_CHECK(gw_scramtext_add_base64(
                   out, gw_span_of(client.bytes, gw_scramkey_size(scram->kind))) == GW_OK);
    gw_buf_fini(&text);
}

static void run(enum gw_hashtext_kind kind, struct gw_span one, struct gw_span other, bool honest)
{
    struct gw_hashtext hash = {.kind = kind, .rounds = 1, .salt = {{1, 2, 3}, 3}};
    struct gw_scramkey salted;
    struct gw_scram scram;
    struct gw_buf answer, proof;
    const char *why = NULL;
    FUZZ_CHECK(gw_scramkey_salted(&hash, GW_SPAN_LIT("pencil"), &salted) == GW_OK);
    FUZZ_CHECK(gw_scramkey_make(&hash, GW_SPAN_LIT("pencil")) == GW_OK);
    struct gw_scram_directory directory = {.ctx = &hash, .find = find, .rounds = 1};
    gw_scram_init(&scram, kind);
    gw_buf_init(&answer, 20000);
    gw_buf_init(&proof, 20000);
    enum gw_scram_outcome outcome =
        gw_scram_first(&scram, one, &directory, GW_SPAN_LIT(NONCE), &answer, &why);
    FUZZ_CHECK(outcome == GW_SCRAM_MORE || (outcome == GW_SCRAM_BAD && why && answer.size == 0));
    if (outcome == GW_SCRAM_MORE) {
        FUZZ_CHECK(gw_span_starts_with(gw_buf_span(&answer), GW_SPAN_LIT("r=")));
        bool ada = gw_span_equal(gw_buf_span(&scram.user), GW_SPAN_LIT("ada"));
        FUZZ_CHECK(scram.known == ada);
        prove(&scram, &salted, &proof);
        gw_buf_clear(&answer);
        struct gw_span last = honest ? gw_buf_span(&proof) : other;
        bool fits = last.size <= GW_SCRAM_MESSAGE_MAX;
        bool right = gw_span_equal(last, gw_buf_span(&proof)) && ada && fits;
        outcome = gw_scram_last(&scram, last, &answer, &why);
        FUZZ_CHECK(honest ? (outcome == GW_SCRAM_DONE) == right : outcome != GW_SCRAM_DONE);
        FUZZ_CHECK((answer.size > 0) == (outcome == GW_SCRAM_DONE));
    }
    FUZZ_CHECK(gw_scram_last(&scram, other, &answer, &why) == GW_SCRAM_BAD);
    gw_scram_fini(&scram);
    gw_buf_fini(&answer);
    gw_buf_fini(&proof);
}

/* The first byte chooses; then the two messages, with a line end between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_INPUT_MAX)
        return 0;
    struct gw_span rest = gw_span_of(data + 1, size - 1);
    const uint8_t *end = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;
    size_t first = end ? (size_t)(end - rest.data) : rest.size;
    size_t last = rest.size - first - (end ? 1 : 0);
    uint8_t *one = fuzz_copy(gw_span_of(rest.data, first));
    uint8_t *other = fuzz_copy(gw_span_from(rest, rest.size - last));
    run(data[0] & 1 ? GW_HASHTEXT_SCRAM256 : GW_HASHTEXT_SCRAM512, gw_span_of(one, first),
        gw_span_of(other, last), data[0] & 2);
    free(one);
    free(other);
    return 0;
}
