/* base/utf8 against a decoder that goes byte by byte and thinks in code points. */
#include "fuzz.h"

#include "base/utf8.h"

/* Decodes one code point as the definition has it; size 0 if it is ill-formed. */
static uint32_t decode(struct gw_span text, size_t *ret_size)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = text.data[0];
    *ret_size = 0;
    size_t size = 1;
    uint32_t code = lead;
    if (lead >= 0x80) {
        size = (lead & 0xe0) == 0xc0   ? 2
               : (lead & 0xf0) == 0xe0 ? 3
               : (lead & 0xf8) == 0xf0 ? 4
                                       : 0;
        if (size == 0 || size > text.size)
            return 0;
        code = lead & (0x7fu >> size);
        for (size_t i = 1; i < size; i++) {
            if ((text.data[i] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (text.data[i] & 0x3f);
        }
        if (code < smallest[size] || code > 0x10ffff)
            return 0;
    }
    *ret_size = size;
    return code;
}

static enum gw_utf8_fault naive(struct gw_span text, bool nul_allowed)
{
    while (text.size > 0) {
        size_t size;
        uint32_t code = decode(text, &size);
        if (size == 0)
            return GW_UTF8_ILL_FORMED;
        if (code >= 0xd800 && code <= 0xdfff)
            return GW_UTF8_SURROGATE;
        if (code == 0 && !nul_allowed)
            return GW_UTF8_NUL;
        text = gw_span_from(text, size);
    }
    return GW_UTF8_VALID;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span text = gw_span_of(data, size);
    /* Eight starting points shift the text against the words of the fast path. */
    for (size_t skip = 0; skip < 8 && skip <= size; skip++) {
        struct gw_span part = gw_span_from(text, skip);
        FUZZ_CHECK(gw_utf8_check(part) == naive(part, false));
        FUZZ_CHECK(gw_utf8_payload_valid(part) == (naive(part, true) == GW_UTF8_VALID));
    }
    return 0;
}
