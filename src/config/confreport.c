#include "config/confreport.h"

#include <stdarg.h>
#include <stdio.h>

#define REPORT_SIZE_MAX ((size_t)256 * 1024)
#define CODE_COLUMN     74 /* "[C104]" then ends at column 80 */
#define EXCERPT_MAX     72 /* characters of a line that are shown */
#define EXCERPT_BEFORE  36 /* of them at most before the caret, if the line is longer */

void gw_confreport_init(struct gw_confreport *report)
{
    gw_buf_init(&report->text, REPORT_SIZE_MAX);
    report->error_count = 0;
    report->status = GW_OK;
}

void gw_confreport_fini(struct gw_confreport *report)
{
    if (report != NULL)
        gw_buf_fini(&report->text);
}

static void put(struct gw_confreport *report, struct gw_span bytes)
{
    enum gw_status status = gw_buf_append(&report->text, bytes);

    if (status != GW_OK)
        report->status = status;
}

static void put_repeated(struct gw_confreport *report, char c, size_t count)
{
    while (count-- > 0)
        put(report, gw_span_of(&c, 1));
}

/* Puts text that may come from a hostile file: nothing of it may steer a terminal. */
static void put_safe(struct gw_confreport *report, struct gw_span text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];

        /* U+0080..U+009F are terminal controls too: 0xC2 followed by 0x80..0x9F. */
        bool c1 = c == 0xC2 && i + 1 < text.size && text.data[i + 1] < 0xA0;

        put(report, c < 0x20 || c == 0x7F || c1 ? gw_span_str(c == '\t' ? " " : "?")
                                                : gw_span_of(&text.data[i], 1));
        i += c1;
    }
}

static bool continues_character(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Characters of a text; for one that is not UTF-8 something near it. */
static size_t characters(struct gw_span text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += !continues_character(text.data[i]);
    return count;
}

/* The part of a text from character `from` on, at most `count` characters long. */
static struct gw_span slice(struct gw_span text, size_t from, size_t count)
{
    size_t begin = 0;
    size_t end;

    while (begin < text.size && (from > 0 || continues_character(text.data[begin]))) {
        from -= !continues_character(text.data[begin]);
        begin++;
        while (begin < text.size && continues_character(text.data[begin]))
            begin++;
    }
    for (end = begin; end < text.size; end++) {
        if (!continues_character(text.data[end]) && count-- == 0)
            break;
    }
    return gw_span_of(text.data == NULL ? NULL : text.data + begin, end - begin);
}

static struct gw_span find_line(struct gw_span text, uint32_t line)
{
    size_t begin = 0;
    size_t end;

    for (; line > 1 && begin < text.size; begin++)
        line -= text.data[begin] == '\n';
    for (end = begin; end < text.size && text.data[end] != '\n' && text.data[end] != '\r'; end++)
        ;
    return gw_span_of(text.data == NULL ? NULL : text.data + begin, end - begin);
}

static size_t line_length(const struct gw_confreport *report)
{
    size_t begin = report->text.size;

    while (begin > 0 && report->text.data[begin - 1] != '\n')
        begin--;
    return characters(gw_span_of(report->text.data + begin, report->text.size - begin));
}

static void put_excerpt(struct gw_confreport *report, const struct gw_confreport_place *place)
{
    struct gw_span line = find_line(place->text, place->line);
    size_t column = place->column - 1;
    size_t from = 0;
    size_t marked = place->width;
    char number[16];

    if (characters(line) > EXCERPT_MAX && column > EXCERPT_BEFORE)
        from = column - EXCERPT_BEFORE;
    if (column - from > EXCERPT_MAX - 1)
        column = from + EXCERPT_MAX - 1;
    if (marked > EXCERPT_MAX - (column - from))
        marked = EXCERPT_MAX - (column - from);
    snprintf(number, sizeof number, "%4u | ", place->line);
    put(report, gw_span_str(number));
    put_safe(report, slice(line, from, EXCERPT_MAX));
    put(report, GW_SPAN_LIT("\n     | "));
    put_repeated(report, ' ', column - from);
    put(report, GW_SPAN_LIT("^"));
    put_repeated(report, '~', marked > 0 ? marked - 1 : 0);
}

static void put_parts(struct gw_confreport *report, const struct gw_confreport_place *place,
                      const struct gw_confreport_error *error)
{
    char number[32];

    put_safe(report, gw_span_str(place->name));
    if (place->line > 0) {
        snprintf(number, sizeof number, ":%u:%u", place->line, place->column);
        put(report, gw_span_str(number));
    }
    put(report, GW_SPAN_LIT(": "));
    put_safe(report, gw_span_str(error->what));
    if (place->line > 0) {
        put(report, GW_SPAN_LIT("\n"));
        put_excerpt(report, place);
        put(report, gw_span_str(error->why[0] != '\0' ? " " : ""));
    } else if (error->why[0] != '\0') {
        put(report, GW_SPAN_LIT("\n   "));
    }
    put_safe(report, gw_span_str(error->why));
    if (error->hint[0] != '\0') {
        put(report, GW_SPAN_LIT("\n   hint: "));
        put_safe(report, gw_span_str(error->hint));
    }
}

void gw_confreport_add(struct gw_confreport *report, const struct gw_confreport_place *place,
                       const struct gw_confreport_error *error)
{
    char code[16];
    size_t length;

    if (report == NULL)
        return;
    if (++report->error_count > GW_CONFREPORT_ERRORS_MAX) {
        if (report->error_count == GW_CONFREPORT_ERRORS_MAX + 1)
            put(report, GW_SPAN_LIT("... and more errors; correct these first\n"));
        return;
    }
    put_parts(report, place, error);
    length = line_length(report);
    put_repeated(report, ' ', length < CODE_COLUMN ? CODE_COLUMN - length : 1);
    snprintf(code, sizeof code, "[C%d]\n", (int)error->code);
    put(report, gw_span_str(code));
}

enum gw_status gw_confreport_set(struct gw_confreport_error *error, enum gw_confreport_code code,
                                 const char *what, ...)
{
    va_list args;

    error->code = code;
    error->why[0] = '\0';
    error->hint[0] = '\0';
    va_start(args, what);
    vsnprintf(error->what, sizeof error->what, what, args);
    va_end(args);
    return GW_INVALID;
}

void gw_confreport_set_why(struct gw_confreport_error *error, const char *why, ...)
{
    va_list args;

    va_start(args, why);
    vsnprintf(error->why, sizeof error->why, why, args);
    va_end(args);
}

void gw_confreport_set_hint(struct gw_confreport_error *error, const char *hint, ...)
{
    va_list args;

    va_start(args, hint);
    vsnprintf(error->hint, sizeof error->hint, hint, args);
    va_end(args);
}
