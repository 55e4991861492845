#include "cli/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/base64.h"
#include "cli/jsonmsg.h"

/* A format being applied to a message; buf is NULL while it is only checked. */
struct print {
    const struct gw_options *options;
    const struct gw_publish *publish;
    gw_wall_ns wall;
    struct gw_buf *buf;
    bool failed;
    bool not_json; /* %J met a payload that is none; the rest of the format is shown */
};

/* One %-field: flags, width, precision. */
struct field {
    bool left;
    bool zero;
    size_t width;
    size_t precision; /* SIZE_MAX: none */
    char separator;   /* between groups of hexadecimal digits, 0: none */
    char letter;
};

static void put(struct print *p, struct gw_span bytes)
{
    if (!p->failed)
        p->failed = gw_buf_append(p->buf, bytes) != GW_OK;
}

static void put_char(struct print *p, char c)
{
    put(p, gw_span_of(&c, 1));
}

static void pad(struct print *p, char with, size_t count)
{
    while (count-- > 0 && !p->failed)
        put_char(p, with);
}

/* Text in its field; zeros only in front. */
static void put_field(struct print *p, const struct field *f, struct gw_span text, bool zero_pads)
{
    if (text.size > f->precision)
        text.size = f->precision;
    size_t fill = f->width > text.size ? f->width - text.size : 0;
    if (!f->left)
        pad(p, zero_pads && f->zero ? '0' : ' ', fill);
    put(p, text);
    if (f->left)
        pad(p, ' ', fill);
}

static void put_number(struct print *p, const struct field *f, uint64_t value)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    struct field whole = *f;
    whole.precision = SIZE_MAX;
    put_field(p, &whole, gw_span_of(text, (size_t)size), true);
}

/* The payload. A width limits what is shown as well, in hexadecimal to half as many bytes: so do
 * mosquitto's tools, and scripts get the same columns. */
static void put_payload(struct print *p, const struct field *f, const char *digits)
{
    struct gw_span payload = p->publish->payload;
    size_t shown = payload.size;
    if (f->width > 0 && shown > f->width)
        shown = f->width;
    if (f->width > 0 && digits)
        shown /= 2;
    size_t columns = digits ? shown * 2 : shown;
    size_t fill = f->width > columns ? f->width - columns : 0;
    if (!f->left)
        pad(p, f->zero ? '0' : ' ', fill);
    for (size_t i = 0; digits && i < shown && !p->failed; i++) {
        const char pair[] = {digits[payload.data[i] >> 4], digits[payload.data[i] & 15]};
        put(p, gw_span_of(pair, sizeof pair));
    }
    if (!digits)
        put(p, gw_span_of(payload.data, shown));
    if (f->left)
        pad(p, ' ', fill);
}

/* %.2:x: a separator behind each so many digits. */
static void put_grouped(struct print *p, const struct field *f, const char *digits)
{
    struct gw_span payload = p->publish->payload;
    size_t count = payload.size * 2;
    size_t group = f->precision > 0 && f->precision < count ? f->precision : count;
    size_t columns = count + (count > 0 ? (count - 1) / group : 0);
    size_t fill = f->width > columns ? f->width - columns : 0;
    if (!f->left)
        pad(p, f->zero ? '0' : ' ', fill);
    for (size_t i = 0; i < count && !p->failed; i++) {
        uint8_t byte = payload.data[i / 2];
        if (i > 0 && i % group == 0)
            put_char(p, f->separator);
        put_char(p, digits[i % 2 == 0 ? byte >> 4 : byte & 15]);
    }
    if (f->left)
        pad(p, ' ', fill);
}

static void put_hex(struct print *p, const struct field *f, const char *digits)
{
    if (f->separator)
        put_grouped(p, f, digits);
    else
        put_payload(p, f, digits);
}

static void put_base64(struct print *p)
{
    if (!p->failed)
        p->failed = gw_base64_append(p->publish->payload, p->buf) != GW_OK;
}

static void put_users(struct print *p)
{
    struct gw_reader r = gw_reader_of(p->publish->props.raw);
    struct gw_prop_item item;
    bool first = true;
    while (gw_props_next(&r, &item) == GW_OK) {
        if (item.prop != GW_PROP_USER_PROPERTY)
            continue;
        if (!first)
            put_char(p, ' ');
        put(p, item.text);
        put_char(p, ':');
        put(p, item.value);
        first = false;
    }
}

static void put_subscription_ids(struct print *p, const struct field *f)
{
    struct gw_reader r = gw_reader_of(p->publish->props.raw);
    struct gw_prop_item item;
    bool first = true;
    while (gw_props_next(&r, &item) == GW_OK) {
        if (item.prop != GW_PROP_SUBSCRIPTION_ID)
            continue;
        if (!first)
            put_char(p, ' ');
        put_number(p, f, item.number);
        first = false;
    }
    if (first)
        put_field(p, f, GW_SPAN_NONE, true);
}

/* %J and %j; for a payload that is no JSON %J shows nothing. */
static void put_json(struct print *p, enum gw_jsonmsg_payload form)
{
    struct gw_jsonout out;
    size_t before = p->buf->size;
    gw_jsonout_init(&out, p->buf, p->options->output.pretty);
    enum gw_status status = gw_jsonmsg_write(&out, p->publish, p->wall, form);
    if (status == GW_OK)
        return;
    p->buf->size = before;
    p->not_json = status == GW_MALFORMED || status == GW_LIMIT;
    p->failed = !p->not_json;
}

static size_t local_time(const struct print *p, const char *format, char *text, size_t size)
{
    time_t seconds = (time_t)(p->wall / (gw_wall_ns)GW_NS_PER_S);
    struct tm parts;
    localtime_r(&seconds, &parts);
/* The format is the user's own wish, two characters of it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return strftime(text, size, format, &parts);
#pragma GCC diagnostic pop
}

static long nanoseconds(const struct print *p)
{
    return (long)(p->wall % (gw_wall_ns)GW_NS_PER_S);
}

/* A field counts only where the property is there. */
static struct gw_span text_of(const struct gw_props *props, enum gw_prop prop, struct gw_span text)
{
    return props->present >> prop & 1 ? text : GW_SPAN_NONE;
}

static void put_property_number(struct print *p, const struct field *f, bool there, uint64_t value)
{
    if (there)
        put_number(p, f, value);
    else
        put_field(p, f, GW_SPAN_NONE, true);
}

static void put_time(struct print *p, const struct field *f)
{
    char text[64];
    if (f->letter == 'I') {
        size_t size = local_time(p, "%FT%T%z", text, sizeof text);
        put_field(p, f, gw_span_of(text, size), false);
        return;
    }
    int size = snprintf(text, sizeof text, "%lld.%09ld",
                        (long long)(p->wall / (gw_wall_ns)GW_NS_PER_S), nanoseconds(p));
    put(p, gw_span_of(text, (size_t)size));
}

static enum gw_status put_letter(struct print *p, const struct field *f)
{
    const struct gw_publish *m = p->publish;
    const struct gw_props *props = &m->props;
    switch (f->letter) {
    case '%': put_char(p, '%'); break;
    case 'A':
        put_property_number(p, f, gw_props_has(props, TOPIC_ALIAS), props->topic_alias);
        break;
    case 'b': put_base64(p); break;
    case 'C':
        put_field(p, f, text_of(props, GW_PROP_CONTENT_TYPE, props->content_type), false);
        break;
    case 'D': put(p, text_of(props, GW_PROP_CORRELATION_DATA, props->correlation_data)); break;
    case 'E':
        put_property_number(p, f, gw_props_has(props, MESSAGE_EXPIRY), props->message_expiry);
        break;
    case 'F':
        put_property_number(p, f, gw_props_has(props, PAYLOAD_FORMAT), props->payload_format);
        break;
    case 'I':
    case 'U': put_time(p, f); break;
    case 'j': put_json(p, p->options->output.json ? GW_JSONMSG_EXACT : GW_JSONMSG_TEXT); break;
    case 'J': put_json(p, GW_JSONMSG_PARSED); break;
    case 'l': put_number(p, f, m->payload.size); break;
    case 'm': put_number(p, f, m->packet_id); break;
    case 'P': put_users(p); break;
    case 'p': put_payload(p, f, NULL); break;
    case 'q': put_char(p, (char)('0' + m->qos)); break;
    case 'R':
        put_field(p, f, text_of(props, GW_PROP_RESPONSE_TOPIC, props->response_topic), false);
        break;
    case 'r': put_char(p, m->retain ? '1' : '0'); break;
    case 'S': put_subscription_ids(p, f); break;
    case 't': put_field(p, f, m->topic_name, false); break;
    case 'x': put_hex(p, f, "0123456789abcdef"); break;
    case 'X': put_hex(p, f, "0123456789ABCDEF"); break;
    default: return GW_INVALID;
    }
    return GW_OK;
}

static const char *read_digits(const char *at, size_t *ret_value)
{
    size_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value < GW_FORMAT_WIDTH_MAX)
            value = value * 10 + (size_t)(*at - '0');
    }
    *ret_value = value < GW_FORMAT_WIDTH_MAX ? value : GW_FORMAT_WIDTH_MAX;
    return at;
}

/* Reads what stands behind a %; NULL if the format ends too early. */
static const char *read_field(const char *at, struct field *ret_field)
{
    *ret_field = (struct field){.precision = SIZE_MAX};
    if (*at == '-') {
        ret_field->left = true;
        at++;
    }
    if (*at == '0') {
        ret_field->zero = true;
        at++;
    }
    at = read_digits(at, &ret_field->width);
    if (*at == '.') {
        at++;
        if (*at >= '0' && *at <= '9')
            at = read_digits(at, &ret_field->precision);
        if ((*at == ':' || *at == ' ') && (at[1] == 'x' || at[1] == 'X'))
            ret_field->separator = *at++;
    }
    ret_field->letter = *at;
    return *at ? at + 1 : NULL;
}

/* The character that \c stands for; false if there is none. */
static bool escaped(char c, char *ret_char)
{
    static const char pairs[] = "\\\\0\0a\ae\033n\nr\rt\tv\v";
    for (size_t i = 0; i + 1 < sizeof pairs; i += 2) {
        if (pairs[i] == c) {
            *ret_char = pairs[i + 1];
            return true;
        }
    }
    return false;
}

static void put_strftime(struct print *p, char letter)
{
    if (letter == '@') {
        put_char(p, '@');
        return;
    }
    char text[200];
    size_t size;
    if (letter == 'N') {
        size = (size_t)snprintf(text, sizeof text, "%09ld", nanoseconds(p));
    } else {
        const char format[] = {'%', letter, '\0'};
        size = local_time(p, format, text, sizeof text);
    }
    put(p, gw_span_of(text, size));
}

static enum gw_status put_format(struct print *p)
{
    const char *at = p->options->output.format;
    while (*at) {
        char c = *at++;
        if (c == '%') {
            struct field field;
            at = read_field(at, &field);
            GW_TRY(at ? put_letter(p, &field) : GW_INVALID);
        } else if (c == '@') {
            put_strftime(p, *at++);
        } else if (c == '\\') {
            put_char(p, escaped(*at, &c) ? c : *at);
            at++;
        } else {
            put_char(p, c);
        }
    }
    return GW_OK;
}

enum gw_status gw_format_check(struct gw_options *options)
{
    const char *at = options->output.format;
    char meaning;
    while (at && *at) {
        char c = *at++;
        if (c == '\\') {
            if (!escaped(*at, &meaning))
                return gw_options_refuse(options, "-F does not know \\%c", *at ? *at : ' ');
            at++;
        } else if (c == '@') {
            if (!*at++)
                return gw_options_refuse(options, "-F ends within an @ field");
        } else if (c == '%') {
            struct field field;
            at = read_field(at, &field);
            if (!at)
                return gw_options_refuse(options, "-F ends within a %% field");
            if (!strchr("%AbCDEFIjJlmPpqRrStUxX", field.letter))
                return gw_options_refuse(options, "-F does not know %%%c", field.letter);
        }
    }
    return GW_OK;
}

/* Without a format: a message without payload shows only where its topic does. */
static void put_simple(struct print *p)
{
    const struct gw_options_output *output = &p->options->output;
    bool empty = p->publish->payload.size == 0;
    if (empty && (!output->verbose || output->no_newline))
        return;
    if (output->verbose) {
        put(p, p->publish->topic_name);
        put_char(p, ' ');
    }
    put(p, empty ? GW_SPAN_LIT("(null)") : p->publish->payload);
    if (!output->no_newline)
        put_char(p, '\n');
}

enum gw_status gw_format_message(const struct gw_options *options, const struct gw_publish *publish,
                                 gw_wall_ns wall, struct gw_buf *buf)
{
    struct print p = {.options = options, .publish = publish, .wall = wall, .buf = buf};
    size_t before = buf->size;
    enum gw_status status = GW_OK;
    if (options->output.format) {
        status = put_format(&p);
        if (status == GW_OK && !options->output.no_newline)
            put_char(&p, '\n');
    } else {
        put_simple(&p);
    }
    if (status == GW_OK && p.failed)
        status = GW_NO_MEMORY;
    if (status != GW_OK)
        buf->size = before;
    return status == GW_OK && p.not_json ? GW_MALFORMED : status;
}
