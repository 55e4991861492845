#include "broker/logline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/compiler.h"

#define TAIL_SIZE     32 /* kept free for what ends a line: the mark of a cut, a brace, \n */
#define MESSAGE_WIDTH 13 /* of a text line, before its fields */

static const struct {
    const char *name;   /* in JSON */
    const char *label;  /* in text */
    const char *colour; /* of the label */
    int priority;       /* of syslog */
} levels[] = {
    [GW_LOG_ERROR] = {"error", "ERROR", "\x1B[1;31m", 3},
    [GW_LOG_WARN] = {"warn", "WARN ", "\x1B[33m", 4},
    [GW_LOG_INFO] = {"info", "INFO ", "\x1B[32m", 6},
    [GW_LOG_DEBUG] = {"debug", "DEBUG", "\x1B[2m", 7},
};

#define DIM   "\x1B[2m"
#define PLAIN "\x1B[0m"

/* A line as it grows. What does not fit sets `full` and is taken back by whoever put it. */
struct line {
    char *data;
    size_t size;
    size_t size_max;
    bool full;
};

static void put(struct line *line, const void *text, size_t size)
{
    if (size > line->size_max - line->size) {
        line->full = true;
        return;
    }
    memcpy(line->data + line->size, text, size);
    line->size += size;
}

static void put_str(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

GW_PRINTF(2, 3) static void putf(struct line *line, const char *format, ...)
{
    char text[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_str(line, text);
}

/* The bytes of the character at the front of a text that is safe to show; 0 if it is not UTF-8, or
 * is one that steers a terminal or turns the reading direction. */
static size_t shown_size(struct gw_span text, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text.data[0];
    size_t size = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t code = size == 1 ? first : first & (0x7Fu >> size);

    *ret_code = UINT32_MAX;
    if (size == 0 || first > 0xF4 || size > text.size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((text.data[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (text.data[i] & 0x3Fu);
    }
    if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    if (code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200E && code <= 0x200F) ||
        (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069))
        return 0;
    return size;
}

/* Puts a text between quotes. JSON: bytes that are no UTF-8 become U+FFFD, what is not to be shown
 * \uXXXX. Text: \xNN for each such byte. */
static void put_quoted(struct line *line, struct gw_span text, bool json)
{
    bool cut = text.size > GW_LOGLINE_VALUE_MAX;

    if (cut)
        text.size = GW_LOGLINE_VALUE_MAX;
    put(line, "\"", 1);
    while (text.size > 0) {
        uint32_t code;
        size_t size = shown_size(text, &code);

        if (text.data[0] == '"' || text.data[0] == '\\')
            put(line, "\\", 1);
        if (size > 0) {
            put(line, text.data, size);
        } else if (code == '\n' || code == '\t' || code == '\r') {
            put_str(line, code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r");
        } else if (json && code != UINT32_MAX) {
            putf(line, "\\u%04x", code);
            size = code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
        } else if (json) {
            put_str(line, "\\ufffd");
        } else {
            putf(line, "\\x%02x", text.data[0]);
        }
        text = gw_span_from(text, size > 0 ? size : 1);
    }
    if (cut)
        put_str(line, "...");
    put(line, "\"", 1);
}

/* A word that needs no quotes in a text line. */
static bool is_word(struct gw_span text)
{
    if (text.size == 0 || text.size > GW_LOGLINE_VALUE_MAX)
        return false;
    while (text.size > 0) {
        uint32_t code;
        size_t size = shown_size(text, &code);

        if (size == 0 || code == ' ' || code == '"' || code == '=' || code == '\\')
            return false;
        text = gw_span_from(text, size);
    }
    return true;
}

static void put_value(struct line *line, const struct gw_log_field *field, bool json)
{
    if (field->kind == GW_LOG_NUMBER)
        putf(line, "%" PRId64, field->number);
    else if (field->kind == GW_LOG_BOOL)
        put_str(line, field->number != 0 ? "true" : "false");
    else if (!json && is_word(field->text))
        put(line, field->text.data, field->text.size);
    else
        put_quoted(line, field->text, json);
}

/* Puts " key=value" for each field; one that does not fit is left out whole. */
static void put_fields(struct line *line, const struct gw_logline_event *event, bool colour)
{
    for (size_t i = 0; i < event->field_count; i++) {
        const struct gw_log_field *field = &event->fields[i];
        size_t before = line->size;

        line->full = false;
        if (colour)
            putf(line, " " DIM "%s=" PLAIN, field->key);
        else
            putf(line, " %s=", field->key);
        put_value(line, field, false);
        if (line->full) {
            line->size = before;
            line->size_max += TAIL_SIZE;
            put_str(line, " ...");
            return;
        }
    }
    line->size_max += TAIL_SIZE;
}

static struct tm split_time(gw_wall_ns wall, bool local, int *ret_ms)
{
    time_t seconds = (time_t)(wall / (gw_wall_ns)GW_NS_PER_S);
    struct tm parts = {0};

    *ret_ms = (int)(wall % (gw_wall_ns)GW_NS_PER_S / (gw_wall_ns)GW_NS_PER_MS);
    if (local)
        localtime_r(&seconds, &parts);
    else
        gmtime_r(&seconds, &parts);
    return parts;
}

static struct line begin(char data[GW_LOGLINE_SIZE_MAX])
{
    return (struct line){data, 0, GW_LOGLINE_SIZE_MAX - TAIL_SIZE, false};
}

static const char *message_of(const struct gw_logline_event *event)
{
    return event->message != NULL ? event->message : event->event;
}

/* Our own sentences come unquoted, but a mistake in one must not break a line. */
static void put_message(struct line *line, const char *message)
{
    for (const char *c = message; *c != '\0'; c++)
        put(line, (unsigned char)*c < 0x20 ? " " : c, 1);
}

size_t gw_logline_text(const struct gw_logline_event *event, bool colour,
                       char data[GW_LOGLINE_SIZE_MAX])
{
    struct line line = begin(data);
    const char *message = message_of(event);
    size_t width = strlen(message);
    int ms;
    struct tm parts = split_time(event->wall, true, &ms);

    putf(&line, "%s%02d:%02d:%02d.%03d%s ", colour ? DIM : "", parts.tm_hour, parts.tm_min,
         parts.tm_sec, ms, colour ? PLAIN : "");
    putf(&line, "%s%s%s ", colour ? levels[event->level].colour : "", levels[event->level].label,
         colour ? PLAIN : "");
    put_message(&line, message);
    if (event->field_count > 0 && width < MESSAGE_WIDTH)
        putf(&line, "%*s", (int)(MESSAGE_WIDTH - width), "");
    put_fields(&line, event, colour);
    put(&line, "\n", 1);
    return line.size;
}

size_t gw_logline_journal(const struct gw_logline_event *event, char data[GW_LOGLINE_SIZE_MAX])
{
    struct line line = begin(data);

    putf(&line, "<%d>", levels[event->level].priority);
    put_message(&line, message_of(event));
    putf(&line, " event=%s", event->event);
    put_fields(&line, event, false);
    put(&line, "\n", 1);
    return line.size;
}

size_t gw_logline_json(const struct gw_logline_event *event, char data[GW_LOGLINE_SIZE_MAX])
{
    struct line line = begin(data);
    bool cut = false;
    int ms;
    struct tm parts = split_time(event->wall, false, &ms);

    putf(&line, "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", parts.tm_year + 1900,
         parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ms);
    putf(&line, ",\"level\":\"%s\",\"event\":", levels[event->level].name);
    put_quoted(&line, gw_span_str(event->event), true);
    if (event->message != NULL) {
        put_str(&line, ",\"message\":");
        put_quoted(&line, gw_span_str(event->message), true);
    }
    for (size_t i = 0; i < event->field_count && !cut; i++) {
        size_t before = line.size;

        put_str(&line, ",");
        put_quoted(&line, gw_span_str(event->fields[i].key), true);
        put_str(&line, ":");
        put_value(&line, &event->fields[i], true);
        cut = line.full;
        if (cut)
            line.size = before;
    }
    line.size_max += TAIL_SIZE;
    put_str(&line, cut ? ",\"cut\":true}\n" : "}\n");
    return line.size;
}
