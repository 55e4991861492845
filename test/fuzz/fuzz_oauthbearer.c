/* auth/oauthbearer: what is read lies within the message and has its form; and the same name and
 * token, written as the standard has it, are read again. */
#include "fuzz.h"

#include "auth/oauthbearer.h"

static bool within(struct gw_span part, struct gw_span whole)
{
    return part.size == 0 ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void read_again(struct gw_span as, struct gw_span token)
{
    struct gw_buf text;
    struct gw_span other_as, other_token;
    gw_buf_init(&text, FUZZ_INPUT_MAX + 100);
    FUZZ_CHECK(gw_buf_append(&text, GW_SPAN_LIT("n,")) == GW_OK);
    if (as.size > 0)
        FUZZ_CHECK(gw_buf_append(&text, GW_SPAN_LIT("a=")) == GW_OK);
    FUZZ_CHECK(gw_buf_append(&text, as) == GW_OK);
    FUZZ_CHECK(gw_buf_append(&text, GW_SPAN_LIT(",\1auth=Bearer ")) == GW_OK);
    FUZZ_CHECK(gw_buf_append(&text, token) == GW_OK);
    FUZZ_CHECK(gw_buf_append(&text, GW_SPAN_LIT("\1\1")) == GW_OK);
    FUZZ_CHECK(gw_oauthbearer_read(gw_buf_span(&text), &other_as, &other_token) == NULL);
    FUZZ_CHECK(gw_span_equal(as, other_as) && gw_span_equal(token, other_token));
    gw_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    uint8_t *memory = fuzz_copy(gw_span_of(data, size));
    struct gw_span message = gw_span_of(memory, size), as, token;
    const char *why = gw_oauthbearer_read(message, &as, &token);
    if (!why) {
        FUZZ_CHECK(within(as, message) && within(token, message));
        FUZZ_CHECK(token.size > 0);
        for (size_t i = 0; i < token.size; i++)
            FUZZ_CHECK(token.data[i] > ' ' && token.data[i] <= '~');
        FUZZ_CHECK(as.size == 0 || !memchr(as.data, ',', as.size));
        FUZZ_CHECK(memory[size - 1] == 1 && memory[size - 2] == 1);
        read_again(as, token);
    } else {
        FUZZ_CHECK(*why != '\0');
    }
    free(memory);
    return 0;
}
