#include "broker/logline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/compiler.h"

#define TAIL_SIZE     32 /* kept free for what ends a line: the mark of a cut, a brace, \n */
#define MESSAGE_WIDTH 13 /* of a text line, before its fields */
#define INDENT        19 /* of what goes on in the next line: below the message */

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

/* Puts seconds and what is below them as people say it: 12ms, 1.0s, 3m12s, 3h12m, 4d3h, 7d. */
static void put_duration(struct line *line, uint64_t ms, bool whole_seconds)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    uint64_t seconds = (ms + 500) / 1000;
    size_t i = 0;

    if (seconds < 60) {
        if (whole_seconds)
            putf(line, "%" PRIu64 "s", seconds);
        else if (ms < 1000)
            putf(line, "%" PRIu64 "ms", ms);
        else
            putf(line, "%" PRIu64 ".%" PRIu64 "s", ms / 1000, ms % 1000 / 100);
        return;
    }
    while (seconds < units[i].seconds)
        i++;
    putf(line, "%" PRIu64 "%s", seconds / units[i].seconds, units[i].name);
    seconds = seconds % units[i].seconds / units[i + 1].seconds;
    if (seconds > 0)
        putf(line, "%" PRIu64 "%s", seconds, units[i + 1].name);
}

/* Puts a number of bytes in two or three digits: 43B, 4.1MB, 120kB. */
static void put_size(struct line *line, uint64_t size)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t unit = 1;
    size_t i = 0;

    while (i + 1 < GW_COUNT_OF(names) && size >= unit * 1000 - unit / 2) {
        unit *= 1000;
        i++;
    }
    uint64_t tenths = unit == 1 ? size * 10 : (size + unit / 20) / (unit / 10);
    if (unit > 1 && tenths < 100)
        putf(line, "%" PRIu64 ".%" PRIu64 "%s", tenths / 10, tenths % 10, names[i]);
    else
        putf(line, "%" PRIu64 "%s", (size + unit / 2) / unit, names[i]);
}

/* What a key's ending says about its number. */
enum unit { UNIT_NONE, UNIT_MS, UNIT_S, UNIT_BYTES };

static enum unit unit_of(const struct gw_log_field *field, size_t *ret_stem_size)
{
    static const char *const endings[] = {
        [UNIT_MS] = "_ms", [UNIT_S] = "_s", [UNIT_BYTES] = "_bytes"};
    size_t size = strlen(field->key);

    *ret_stem_size = size;
    if (field->kind != GW_LOG_NUMBER || field->number < 0)
        return UNIT_NONE;
    for (enum unit unit = UNIT_MS; unit <= UNIT_BYTES; unit++) {
        size_t ending = strlen(endings[unit]);

        if (size > ending && strcmp(field->key + size - ending, endings[unit]) == 0) {
            *ret_stem_size = size - ending;
            return unit;
        }
    }
    return UNIT_NONE;
}

/* Puts " key=value" as people read it: units at the value, a flag as a word. */
static void put_field(struct line *line, const struct gw_log_field *field, bool colour)
{
    size_t stem_size;
    enum unit unit = unit_of(field, &stem_size);

    put_str(line, colour ? " " DIM : " ");
    put(line, field->key, stem_size);
    put_str(line, field->kind == GW_LOG_BOOL ? "" : "=");
    if (colour)
        put_str(line, PLAIN);
    switch (unit) {
    case UNIT_MS: put_duration(line, (uint64_t)field->number, false); break;
    case UNIT_S:
        if (field->number == UINT32_MAX) /* MQTT's word for it */
            put_str(line, "never");
        else
            put_duration(line, (uint64_t)field->number * 1000, true);
        break;
    case UNIT_BYTES: put_size(line, (uint64_t)field->number); break;
    case UNIT_NONE:
        if (field->kind != GW_LOG_BOOL)
            put_value(line, field, false);
    }
}

/* True if there is nothing to read in it. */
static bool is_silent(const struct gw_log_field *field)
{
    return (field->kind == GW_LOG_TEXT && field->text.size == 0) ||
           (field->kind == GW_LOG_BOOL && field->number == 0);
}

/* Columns that a part of a line takes on a terminal. */
static size_t columns(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\x1B') {
            while (i < size && text[i] != 'm')
                i++;
        } else {
            count += ((unsigned char)text[i] & 0xC0) != 0x80;
        }
    }
    return count;
}

/* Moves what was put behind `before` to a line of its own. */
static void break_before(struct line *line, size_t before)
{
    if (line->size_max - line->size < INDENT) {
        line->full = true;
        return;
    }
    memmove(line->data + before + INDENT, line->data + before, line->size - before);
    memset(line->data + before, ' ', INDENT);
    line->data[before] = '\n'; /* the field's own blank makes up for it */
    line->size += INDENT;
}

/* Puts the fields; one that does not fit is left out whole. Lines get no longer than `width`
 * columns if that can be had by breaking them before a field; 0 never breaks. */
static void put_fields(struct line *line, const struct gw_logline_event *event, bool colour,
                       size_t width)
{
    size_t column = columns(line->data, line->size);

    for (size_t i = 0; i < event->field_count; i++) {
        const struct gw_log_field *field = &event->fields[i];
        size_t before = line->size;
        size_t wide;

        if (is_silent(field))
            continue;
        line->full = false;
        put_field(line, field, colour);
        wide = columns(line->data + before, line->size - before);
        if (!line->full && width > 0 && column + wide > width && column > INDENT) {
            break_before(line, before);
            column = INDENT - 1;
        }
        column += wide;
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

size_t gw_logline_text(const struct gw_logline_event *event, bool colour, size_t width,
                       char data[GW_LOGLINE_SIZE_MAX])
{
    struct line line = begin(data);
    const char *message = message_of(event);
    size_t message_size = strlen(message);
    int ms;
    struct tm parts = split_time(event->wall, true, &ms);

    putf(&line, "%s%02d:%02d:%02d.%03d%s ", colour ? DIM : "", parts.tm_hour, parts.tm_min,
         parts.tm_sec, ms, colour ? PLAIN : "");
    putf(&line, "%s%s%s ", colour ? levels[event->level].colour : "", levels[event->level].label,
         colour ? PLAIN : "");
    put_message(&line, message);
    if (event->field_count > 0 && message_size < MESSAGE_WIDTH)
        putf(&line, "%*s", (int)(MESSAGE_WIDTH - message_size), "");
    put_fields(&line, event, colour, width);
    put(&line, "\n", 1);
    return line.size;
}

size_t gw_logline_journal(const struct gw_logline_event *event, char data[GW_LOGLINE_SIZE_MAX])
{
    struct line line = begin(data);

    putf(&line, "<%d>", levels[event->level].priority);
    put_message(&line, message_of(event));
    putf(&line, " event=%s", event->event);
    put_fields(&line, event, false, 0);
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
