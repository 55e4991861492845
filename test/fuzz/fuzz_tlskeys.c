/* net/tlskeys: whatever stands in a file of keys, keys come out whole and are found again. */
#include "fuzz.h"

#include "net/tlskeys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_tlskeys *keys = NULL;
    struct gw_tlskeys_error error;
    uint8_t *text = fuzz_copy(gw_span_of(data, size));
    if (size <= FUZZ_INPUT_MAX) {
        enum gw_status status = gw_tlskeys_parse(gw_span_of(text, size), &keys, &error);
        FUZZ_CHECK(status == GW_OK || status == GW_INVALID);
        FUZZ_CHECK((status == GW_OK) == (keys != NULL));
        FUZZ_CHECK(status == GW_OK || (error.line >= 1 && error.what != NULL));
        for (size_t i = 0; keys && i < gw_tlskeys_count(keys); i++) {
            const struct gw_tlskeys_key *key = gw_tlskeys_at(keys, i);
            FUZZ_CHECK(gw_tlskeys_judge_identity(key->identity) == NULL);
            FUZZ_CHECK(gw_tlskeys_find(keys, key->identity) == key);
            FUZZ_CHECK(key->key.size > 0 && key->key.size <= GW_TLSKEYS_KEY_MAX);
        }
    }
    gw_tlskeys_free(keys);
    free(text);
    return 0;
}
