#include "auth/insert.h"

static bool is_plain(uint8_t byte, enum gw_insert_place place)
{
    bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    bool digit = byte >= '0' && byte <= '9';
    bool mark = byte == '.' || byte == '-' || byte == '_' || byte == '@';
    return letter || digit || mark || (place == GW_INSERT_KEY && byte >= 0x80);
}

static enum gw_status append_escaped(struct gw_span text, enum gw_insert_place place,
                                     struct gw_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        const char escaped[] = {place == GW_INSERT_KEY ? '%' : '\\', digits[byte >> 4],
                                digits[byte & 15]};
        struct gw_span piece = is_plain(byte, place) ? gw_span_of(&text.data[i], 1)
                                                     : gw_span_of(escaped, sizeof(escaped));
        GW_TRY(gw_buf_append(out, piece));
    }
    return GW_OK;
}

static const struct gw_insert_text *find(const struct gw_insert_text *texts, char letter)
{
    for (; texts->letter; texts++)
        if (texts->letter == letter)
            return texts;
    return NULL;
}

enum gw_status gw_insert(const char *pattern, enum gw_insert_place place,
                         const struct gw_insert_text *texts, struct gw_buf *out)
{
    for (const char *at = pattern; *at; at++) {
        if (*at != '%') {
            GW_TRY(gw_buf_append(out, gw_span_of(at, 1)));
            continue;
        }
        at++;
        const struct gw_insert_text *text = *at ? find(texts, *at) : NULL;
        if (text)
            GW_TRY(append_escaped(text->text, place, out));
        else if (*at == '%')
            GW_TRY(gw_buf_append(out, GW_SPAN_LIT("%")));
        else
            return GW_INVALID;
    }
    return GW_OK;
}

const char *gw_insert_judge(const char *pattern, const char *letters)
{
    bool found = false;
    for (const char *at = pattern; *at; at++) {
        if (*at != '%')
            continue;
        at++;
        if (*at == letters[0])
            found = true;
        else if (!*at || (*at != '%' && !strchr(letters, *at)))
            return "has a % that stands for nothing (%% is a percent sign)";
    }
    return found ? NULL : "names nobody: %u stands for the user's name";
}
