#include "base/base64url.h"

static int value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

enum gw_status gw_base64url_decode(struct gw_span text, struct gw_buf *out)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    if (text.size % 4 == 1)
        return GW_MALFORMED;
    if (text.size == 0)
        return GW_OK;
    GW_TRY(gw_buf_reserve(out, text.size / 4 * 3 + text.size % 4 * 3 / 4));
    uint8_t *to = out->data + out->size;
    for (size_t i = 0; i < text.size; i++) {
        int value = value_of(text.data[i]);
        if (value < 0)
            return GW_MALFORMED;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count < 8)
            continue;
        bit_count -= 8;
        *to++ = (uint8_t)(bits >> bit_count);
        bits &= (1u << bit_count) - 1;
    }
    if (bits != 0)
        return GW_MALFORMED;
    out->size = (size_t)(to - out->data);
    return GW_OK;
}

enum gw_status gw_base64url_encode(struct gw_span bytes, struct gw_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        if (left > 1)
            group |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2)
            group |= bytes.data[i + 2];
        const char four[] = {digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63],
                             digits[group & 63]};
        GW_TRY(gw_buf_append(out, gw_span_of(four, left > 2 ? 4 : left + 1)));
    }
    return GW_OK;
}
