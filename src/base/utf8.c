#include "base/utf8.h"

#define HIGH_BITS 0x8080808080808080u
#define LOW_BITS  0x0101010101010101u

/* How many bytes at the front are ASCII, counted in whole words of 8; stops before a NUL too. */
static size_t ascii_words(const uint8_t *at, size_t size)
{
    size_t done = 0;
    while (size - done >= 8) {
        uint64_t word;
        memcpy(&word, at + done, 8);
        /* With no high bit set, the subtraction borrows into a high bit only below a zero byte. */
        if ((word | (word - LOW_BITS)) & HIGH_BITS)
            break;
        done += 8;
    }
    return done;
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Checks one multi-byte sequence and says how long it is. */
static enum gw_utf8_fault sequence(const uint8_t *at, size_t left, size_t *ret_size)
{
    uint8_t lead = at[0];
    size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    /* C0 and C1 are always overlong, F5 and above always beyond U+10FFFF. */
    if (lead < 0xc2 || lead > 0xf4 || left < size)
        return GW_UTF8_ILL_FORMED;
    for (size_t i = 1; i < size; i++)
        if (!is_continuation(at[i]))
            return GW_UTF8_ILL_FORMED;
    /* The second byte decides on overlong forms, surrogates and the upper end. */
    if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xf0 && at[1] < 0x90) ||
        (lead == 0xf4 && at[1] > 0x8f))
        return GW_UTF8_ILL_FORMED;
    if (lead == 0xed && at[1] > 0x9f)
        return GW_UTF8_SURROGATE;
    *ret_size = size;
    return GW_UTF8_VALID;
}

static enum gw_utf8_fault check(struct gw_span text, bool nul_allowed)
{
    size_t i = 0;
    while (i < text.size) {
        i += ascii_words(text.data + i, text.size - i);
        if (i == text.size)
            break;
        size_t size = 1;
        if (text.data[i] >= 0x80) {
            enum gw_utf8_fault fault = sequence(text.data + i, text.size - i, &size);
            if (fault != GW_UTF8_VALID)
                return fault;
        } else if (text.data[i] == 0 && !nul_allowed) {
            return GW_UTF8_NUL;
        }
        i += size;
    }
    return GW_UTF8_VALID;
}

enum gw_utf8_fault gw_utf8_check(struct gw_span text)
{
    return check(text, false);
}

bool gw_utf8_payload_valid(struct gw_span payload)
{
    return check(payload, true) == GW_UTF8_VALID;
}
