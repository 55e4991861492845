#include "cli/jsonin.h"

#include <stdlib.h>

#include "base/reader.h"

#define NUMBER_SIZE_MAX 63u

/* The walk over a text: no recursion, one bit a level. */
struct walk {
    struct gw_reader r;
    struct gw_jsonout *out;
    struct gw_buf string; /* the string being unescaped */
    unsigned depth;
    uint8_t objects[GW_JSONIN_DEPTH_MAX / 8 + 1]; /* bit set: the level is an object */
};

static int peek(const struct walk *w)
{
    return w->r.at < w->r.end ? *w->r.at : -1;
}

static void skip_space(struct walk *w)
{
    while (peek(w) == ' ' || peek(w) == '\t' || peek(w) == '\n' || peek(w) == '\r')
        w->r.at++;
}

static bool take(struct walk *w, char wanted)
{
    if (peek(w) != wanted)
        return false;
    w->r.at++;
    return true;
}

static bool in_object(const struct walk *w)
{
    unsigned level = w->depth - 1;
    return w->depth > 0 && (w->objects[level / 8] >> (level % 8) & 1) != 0;
}

static enum gw_status enter(struct walk *w, bool object)
{
    if (w->depth == GW_JSONIN_DEPTH_MAX)
        return GW_LIMIT;
    uint8_t bit = (uint8_t)(1u << (w->depth % 8));
    if (object)
        w->objects[w->depth / 8] |= bit;
    else
        w->objects[w->depth / 8] &= (uint8_t)~bit;
    w->depth++;
    gw_jsonout_open(w->out, object);
    return GW_OK;
}

static enum gw_status hex4(struct walk *w, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(w);
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return GW_MALFORMED;
        unit = unit << 4 | (uint32_t)digit;
        w->r.at++;
    }
    *ret_unit = unit;
    return GW_OK;
}

static enum gw_status put_code(struct walk *w, uint32_t code)
{
    uint8_t bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size; i-- > 1; code >>= 6)
        bytes[i] = (uint8_t)(0x80 | (code & 0x3F));
    bytes[0] = (uint8_t)(leads[size] | code);
    return gw_buf_append(&w->string, gw_span_of(bytes, size));
}

static enum gw_status unicode(struct walk *w)
{
    uint32_t code;
    GW_TRY(hex4(w, &code));
    if (code >= 0xDC00 && code <= 0xDFFF)
        return GW_MALFORMED;
    if (code >= 0xD800 && code <= 0xDBFF) {
        uint32_t low;
        if (!take(w, '\\') || !take(w, 'u'))
            return GW_MALFORMED;
        GW_TRY(hex4(w, &low));
        if (low < 0xDC00 || low > 0xDFFF)
            return GW_MALFORMED;
        code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
    }
    return put_code(w, code);
}

static enum gw_status escape(struct walk *w)
{
    static const char pairs[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    int c = peek(w);
    if (c < 0)
        return GW_MALFORMED;
    w->r.at++;
    if (c == 'u')
        return unicode(w);
    for (size_t i = 0; i + 1 < sizeof pairs; i += 2) {
        if (pairs[i] == c)
            return gw_buf_append(&w->string, gw_span_of(&pairs[i + 1], 1));
    }
    return GW_MALFORMED;
}

/* Reads a string behind its opening mark into w->string. */
static enum gw_status string(struct walk *w)
{
    gw_buf_clear(&w->string);
    for (;;) {
        const uint8_t *from = w->r.at;
        while (w->r.at < w->r.end && *w->r.at != '"' && *w->r.at != '\\')
            w->r.at++;
        GW_TRY(gw_buf_append(&w->string, gw_span_of(from, (size_t)(w->r.at - from))));
        if (take(w, '"'))
            return GW_OK;
        if (!take(w, '\\'))
            return GW_MALFORMED;
        GW_TRY(escape(w));
    }
}

static enum gw_status number(struct walk *w)
{
    char text[NUMBER_SIZE_MAX + 1];
    size_t size = 0;
    while (size < NUMBER_SIZE_MAX && peek(w) > 0 && strchr("0123456789+-eE.", peek(w)))
        text[size++] = (char)*w->r.at++;
    text[size] = '\0';
    char *end;
    double value = strtod(text, &end);
    if (end == text)
        return GW_MALFORMED;
    w->r.at -= size - (size_t)(end - text);
    gw_jsonout_number(w->out, value);
    return GW_OK;
}

static enum gw_status word(struct walk *w)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < GW_COUNT_OF(words); i++) {
        struct gw_span left = {w->r.at, gw_reader_left(&w->r)};
        if (!gw_span_starts_with(left, gw_span_str(words[i])))
            continue;
        w->r.at += strlen(words[i]);
        gw_jsonout_word(w->out, words[i]);
        return GW_OK;
    }
    return GW_MALFORMED;
}

/* A member's key and colon, or an element's comma, is out before its value. */
static enum gw_status lead_in(struct walk *w)
{
    skip_space(w);
    if (w->depth == 0)
        return GW_OK;
    if (!in_object(w)) {
        gw_jsonout_element(w->out);
        return GW_OK;
    }
    if (!take(w, '"'))
        return GW_MALFORMED;
    GW_TRY(string(w));
    gw_jsonout_key(w->out, gw_buf_span(&w->string));
    skip_space(w);
    if (!take(w, ':'))
        return GW_MALFORMED;
    skip_space(w);
    return GW_OK;
}

/* After a value: closes what ends here. GW_MORE: another value follows; GW_OK: all is done. */
static enum gw_status follow_up(struct walk *w)
{
    while (w->depth > 0) {
        skip_space(w);
        bool object = in_object(w);
        if (take(w, ','))
            return GW_MORE;
        if (!take(w, object ? '}' : ']'))
            return GW_MALFORMED;
        gw_jsonout_close(w->out, object);
        w->depth--;
    }
    skip_space(w);
    return gw_reader_left(&w->r) == 0 ? GW_OK : GW_MALFORMED;
}

/* One value; an object or array only as far as its opening. */
static enum gw_status value(struct walk *w)
{
    int c = peek(w);
    if (c == '"') {
        w->r.at++;
        GW_TRY(string(w));
        gw_jsonout_string(w->out, gw_buf_span(&w->string));
        return follow_up(w);
    }
    if (c == '{' || c == '[') {
        w->r.at++;
        GW_TRY(enter(w, c == '{'));
        skip_space(w);
        int next = peek(w);
        return next == (c == '{' ? '}' : ']') ? follow_up(w) : GW_MORE;
    }
    GW_TRY(c == '-' || (c >= '0' && c <= '9') ? number(w) : word(w));
    return follow_up(w);
}

enum gw_status gw_jsonin_copy(struct gw_span text, struct gw_jsonout *out)
{
    struct walk w = {.r = gw_reader_of(text), .out = out};
    gw_buf_init(&w.string, text.size + 4);
    enum gw_status status;
    do {
        status = lead_in(&w);
        if (status == GW_OK)
            status = value(&w);
    } while (status == GW_MORE);
    gw_buf_fini(&w.string);
    return status == GW_OK && out->failed ? GW_NO_MEMORY : status;
}
