#include "cli/jsonout.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

static void put(struct gw_jsonout *out, struct gw_span bytes)
{
    if (!out->failed)
        out->failed = gw_buf_append(out->buf, bytes) != GW_OK;
}

static void put_text(struct gw_jsonout *out, const char *text)
{
    put(out, gw_span_str(text));
}

static void put_tabs(struct gw_jsonout *out, unsigned count)
{
    while (count-- > 0)
        put_text(out, "\t");
}

void gw_jsonout_init(struct gw_jsonout *out, struct gw_buf *buf, bool pretty)
{
    *out = (struct gw_jsonout){.buf = buf, .pretty = pretty, .first = true};
}

void gw_jsonout_open(struct gw_jsonout *out, bool object)
{
    put_text(out, object ? "{" : "[");
    if (object && out->pretty)
        put_text(out, "\n");
    out->depth++;
    out->first = true;
}

void gw_jsonout_close(struct gw_jsonout *out, bool object)
{
    out->depth--;
    if (object && out->pretty) {
        if (!out->first)
            put_text(out, "\n");
        put_tabs(out, out->depth);
    }
    put_text(out, object ? "}" : "]");
    out->first = false;
}

void gw_jsonout_key(struct gw_jsonout *out, struct gw_span key)
{
    if (!out->first)
        put_text(out, out->pretty ? ",\n" : ",");
    if (out->pretty)
        put_tabs(out, out->depth);
    gw_jsonout_string(out, key);
    put_text(out, out->pretty ? ":\t" : ":");
    out->first = false;
}

void gw_jsonout_element(struct gw_jsonout *out)
{
    if (!out->first)
        put_text(out, out->pretty ? ", " : ",");
    out->first = false;
}

/* Length of the UTF-8 sequence that begins a text, 0 if there is none. */
static size_t sequence(struct gw_span text)
{
    uint8_t lead = text.data[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (text.size < size || !gw_utf8_payload_valid(gw_span_of(text.data, size)))
        return 0;
    return size;
}

static void put_escaped(struct gw_jsonout *out, uint8_t byte)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* a byte and what stands for it */
    char text[8];
    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        if ((uint8_t)letters[i] != byte)
            continue;
        snprintf(text, sizeof text, "\\%c", letters[i + 1]);
        put_text(out, text);
        return;
    }
    snprintf(text, sizeof text, "\\u%04x", byte);
    put_text(out, text);
}

static bool plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

void gw_jsonout_string(struct gw_jsonout *out, struct gw_span text)
{
    put_text(out, "\"");
    size_t at = 0;
    while (at < text.size && !out->failed) {
        size_t run = at;
        while (run < text.size && plain(text.data[run]))
            run++;
        put(out, gw_span_of(text.data + at, run - at));
        at = run;
        if (at == text.size)
            break;
        if (text.data[at] < 0x80) {
            put_escaped(out, text.data[at++]);
            continue;
        }
        size_t size = sequence(gw_span_from(text, at));
        if (size == 0)
            put_text(out, "\xEF\xBF\xBD");
        else
            put(out, gw_span_of(text.data + at, size));
        at += size > 0 ? size : 1;
    }
    put_text(out, "\"");
}

void gw_jsonout_integer(struct gw_jsonout *out, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    put_text(out, text);
}

void gw_jsonout_number(struct gw_jsonout *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        gw_jsonout_word(out, "null");
        return;
    }
    snprintf(text, sizeof text, "%1.15g", value);
    double again = strtod(text, NULL);
    if (fabs(again - value) > fmax(fabs(again), fabs(value)) * DBL_EPSILON)
        snprintf(text, sizeof text, "%1.17g", value);
    put_text(out, text);
}

void gw_jsonout_word(struct gw_jsonout *out, const char *word)
{
    put_text(out, word);
}
