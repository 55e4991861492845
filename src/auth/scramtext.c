#include "auth/scramtext.h"

#include <openssl/evp.h>

bool gw_scramtext_take_any(struct gw_span *text, char *ret_letter, struct gw_span *ret_value)
{
    if (text->size < 3 || text->data[1] != '=')
        return false;
    char letter = (char)text->data[0];
    if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')))
        return false;
    struct gw_span rest = gw_span_from(*text, 2);
    const uint8_t *comma = memchr(rest.data, ',', rest.size);
    size_t size = comma ? (size_t)(comma - rest.data) : rest.size;
    if (size == 0 || (comma && size + 1 == rest.size)) /* nothing before or behind a comma */
        return false;
    *ret_letter = letter;
    *ret_value = gw_span_of(rest.data, size);
    *text = gw_span_from(rest, size + (comma ? 1 : 0));
    return true;
}

bool gw_scramtext_take(struct gw_span *text, char letter, struct gw_span *ret_value)
{
    char found;
    struct gw_span rest = *text;
    if (!gw_scramtext_take_any(&rest, &found, ret_value) || found != letter)
        return false;
    *text = rest;
    return true;
}

bool gw_scramtext_is_nonce(struct gw_span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x21 || text.data[i] > 0x7E || text.data[i] == ',')
            return false;
    return text.size > 0;
}

uint32_t gw_scramtext_count(struct gw_span text, uint32_t most)
{
    uint64_t count = 0;
    if (text.size == 0 || text.size > 9 || text.data[0] == '0')
        return 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        count = count * 10 + (uint64_t)(text.data[i] - '0');
    }
    return count <= most ? (uint32_t)count : 0;
}

enum gw_status gw_scramtext_add_name(struct gw_buf *out, struct gw_span name)
{
    for (size_t i = 0; i < name.size; i++) {
        struct gw_span one = gw_span_of(name.data + i, 1);
        if (name.data[i] == ',')
            one = GW_SPAN_LIT("=2C");
        else if (name.data[i] == '=')
            one = GW_SPAN_LIT("=3D");
        GW_TRY(gw_buf_append(out, one));
    }
    return GW_OK;
}

enum gw_status gw_scramtext_read_name(struct gw_span text, struct gw_buf *ret_name)
{
    while (text.size > 0) {
        struct gw_span one = gw_span_of(text.data, 1);
        size_t taken = 1;
        if (text.data[0] == '=') {
            taken = 3;
            if (gw_span_starts_with(text, GW_SPAN_LIT("=2C")))
                one = GW_SPAN_LIT(",");
            else if (gw_span_starts_with(text, GW_SPAN_LIT("=3D")))
                one = GW_SPAN_LIT("=");
            else
                return GW_INVALID;
        }
        GW_TRY(gw_buf_append(ret_name, one));
        text = gw_span_from(text, taken);
    }
    return GW_OK;
}

enum gw_status gw_scramtext_add_base64(struct gw_buf *out, struct gw_span bytes)
{
    size_t size = (bytes.size + 2) / 3 * 4;
    GW_TRY(gw_buf_reserve(out, size + 1)); /* the library ends it with a 0 */
    if (bytes.size > 0)
        EVP_EncodeBlock(out->data + out->size, bytes.data, (int)bytes.size);
    out->size += size;
    return GW_OK;
}

bool gw_scramtext_read_base64(struct gw_span text, struct gw_hashtext_part *ret_part)
{
    return text.size > 0 && text.size % 4 == 0 && gw_hashtext_decode(text, ret_part);
}
