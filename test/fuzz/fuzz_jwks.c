/* auth/jwks: whatever stands in a key set, a key that comes out of it is good for algorithms of one
 * kind only, and signs nothing by itself. */
#include "fuzz.h"

#include "auth/jwks.h"

static void check_key(const struct gw_jwks *set, size_t index)
{
    const struct gw_jwkey *key = &set->keys[index];
    FUZZ_CHECK(key->algorithms != 0);
    FUZZ_CHECK((key->algorithms & (key->pkey ? GW_JWALG_SECRET : GW_JWALG_PUBLIC)) == 0);
    FUZZ_CHECK(key->pkey || key->secret.size >= GW_JWKEY_SECRET_MIN);
    FUZZ_CHECK(gw_jwks_has(set, key->proof));
    for (unsigned i = 0; i < GW_JWALG_COUNT; i++)
        FUZZ_CHECK(!gw_jwkey_verify(key, (enum gw_jwalg)i, GW_SPAN_LIT("text"),
                                    GW_SPAN_LIT("no signature")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_jwks set;
    uint8_t *text = fuzz_copy(gw_span_of(data, size));
    if (size <= FUZZ_INPUT_MAX) {
        const char *why = NULL;
        bool pem = size > 0 && text[0] == '-';
        enum gw_status status = pem ? gw_jwks_of_pem(gw_span_of(text, size), &set, &why)
                                    : gw_jwks_parse(gw_span_of(text, size), &set, &why);
        FUZZ_CHECK(status == GW_OK || ((status == GW_INVALID || status == GW_LIMIT) && why));
        for (size_t i = 0; status == GW_OK && i < set.count; i++)
            check_key(&set, i);
        gw_jwks_fini(&set);
    }
    free(text);
    return 0;
}
