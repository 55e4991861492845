#include "auth/saslprep.h"

#include "base/compiler.h"
#include "base/utf8.h"

enum direction { N, L, R };

static const struct range {
    uint32_t first;
    uint32_t last;
    enum direction direction;
} ranges[] = {
#define X(first, last, direction) {first, last, direction},
#include "auth/saslprep.def"
#undef X
};

static const struct range *find(uint32_t code)
{
    size_t low = 0, high = GW_COUNT_OF(ranges);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last)
            low = middle + 1;
        else if (code < ranges[middle].first)
            high = middle;
        else
            return &ranges[middle];
    }
    return NULL;
}

/* Takes a character off text that is UTF-8. */
static uint32_t take(struct gw_span *text)
{
    uint32_t code = text->data[0];
    size_t more = code < 0x80 ? 0 : code < 0xE0 ? 1 : code < 0xF0 ? 2 : 3;
    if (more > 0)
        code &= 0x3Fu >> more;
    for (size_t i = 1; i <= more; i++)
        code = code << 6 | (text->data[i] & 0x3Fu);
    *text = gw_span_from(*text, more + 1);
    return code;
}

bool gw_saslprep_stable(struct gw_span text)
{
    bool has[3] = {false, false, false};
    enum direction first = N, last = N;
    if (gw_utf8_check(text) != GW_UTF8_VALID)
        return false;
    for (bool begins = true; text.size > 0; begins = false) {
        const struct range *range = find(take(&text));
        if (!range)
            return false;
        has[range->direction] = true;
        last = range->direction;
        if (begins)
            first = last;
    }
    return !has[R] || (!has[L] && first == R && last == R);
}
