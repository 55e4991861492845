#include "cli/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/suggest.h"
#include "base/utf8.h"

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"url", offsetof(struct gw_context, url)},
    {"ca", offsetof(struct gw_context, ca)},
    {"cert", offsetof(struct gw_context, cert)},
    {"key", offsetof(struct gw_context, key)},
    {"user", offsetof(struct gw_context, user)},
    {"password", offsetof(struct gw_context, password)},
    {"password_file", offsetof(struct gw_context, password_file)},
};

static char **member(struct gw_context *context, size_t field)
{
    return (char **)(void *)((char *)context + fields[field].offset);
}

static const char *value_of(const struct gw_context *context, size_t field)
{
    return *(char *const *)(const void *)((const char *)context + fields[field].offset);
}

static size_t find(struct gw_span name)
{
    size_t i = 0;
    while (i < GW_COUNT_OF(fields) && !gw_span_equal(gw_span_str(fields[i].name), name))
        i++;
    return i;
}

static void forget(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void gw_context_fini(struct gw_context *context)
{
    for (size_t i = 0; context != NULL && i < GW_COUNT_OF(fields); i++)
        forget(member(context, i));
}

static enum gw_status set(struct gw_context *context, size_t field, struct gw_span value)
{
    char *copy = gw_span_dup(value);
    if (copy == NULL)
        return GW_NO_MEMORY;
    forget(member(context, field));
    *member(context, field) = copy;
    return GW_OK;
}

enum gw_status gw_context_set(struct gw_context *context, const char *name, const char *value)
{
    size_t field = find(gw_span_str(name));
    if (field == GW_COUNT_OF(fields))
        return GW_NOT_FOUND;
    if (value != NULL)
        return set(context, field, gw_span_str(value));
    forget(member(context, field));
    return GW_OK;
}

/* A walk over the events of a text. */
struct walk {
    yaml_parser_t parser;
    yaml_event_t event;
    struct gw_context_error *error;
};

GW_PRINTF(2, 3) static enum gw_status refuse(struct walk *walk, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(walk->error->what, sizeof walk->error->what, format, args);
    va_end(args);
    walk->error->line = walk->event.start_mark.line + 1;
    return GW_INVALID;
}

static enum gw_status next(struct walk *walk)
{
    yaml_event_delete(&walk->event);
    if (yaml_parser_parse(&walk->parser, &walk->event))
        return GW_OK;
    memset(&walk->event, 0, sizeof walk->event);
    if (walk->parser.error == YAML_MEMORY_ERROR)
        return GW_NO_MEMORY;
    enum gw_status status = refuse(walk, "this is not YAML: %s",
                                   walk->parser.problem != NULL ? walk->parser.problem : "?");
    walk->error->line = walk->parser.problem_mark.line + 1;
    return status;
}

static struct gw_span scalar(const struct walk *walk)
{
    return gw_span_of(walk->event.data.scalar.value, walk->event.data.scalar.length);
}

static enum gw_status refuse_name(struct walk *walk, struct gw_span name)
{
    const char *names[GW_COUNT_OF(fields)];
    for (size_t i = 0; i < GW_COUNT_OF(fields); i++)
        names[i] = fields[i].name;
    const char *meant = gw_suggest_word(name, names, GW_COUNT_OF(names));
    int size = name.size < 40 ? (int)name.size : 40;
    if (meant != NULL)
        return refuse(walk, "unknown key \"%.*s\": did you mean \"%s\"?", size,
                      (const char *)name.data, meant);
    return refuse(walk, "unknown key \"%.*s\"", size, (const char *)name.data);
}

/* Reads "name: value"; the current event is the name. */
static enum gw_status read_entry(struct walk *walk, struct gw_context *context)
{
    if (walk->event.type != YAML_SCALAR_EVENT)
        return refuse(walk, "a name and its value are wanted here");
    size_t field = find(scalar(walk));
    if (field == GW_COUNT_OF(fields))
        return refuse_name(walk, scalar(walk));
    if (value_of(context, field) != NULL)
        return refuse(walk, "%s stands twice", fields[field].name);
    GW_TRY(next(walk));
    if (walk->event.type != YAML_SCALAR_EVENT)
        return refuse(walk, "%s is one value", fields[field].name);
    if (scalar(walk).size == 0 || gw_utf8_check(scalar(walk)) != GW_UTF8_VALID)
        return refuse(walk, "%s has no value that can be used", fields[field].name);
    return set(context, field, scalar(walk));
}

static enum gw_status read_all(struct walk *walk, struct gw_context *context)
{
    GW_TRY(next(walk));
    while (walk->event.type == YAML_STREAM_START_EVENT ||
           walk->event.type == YAML_DOCUMENT_START_EVENT)
        GW_TRY(next(walk));
    if (walk->event.type != YAML_MAPPING_START_EVENT)
        return refuse(walk, "names and their values are wanted here, as url: mqtt://localhost");
    for (;;) {
        GW_TRY(next(walk));
        if (walk->event.type == YAML_MAPPING_END_EVENT)
            break;
        GW_TRY(read_entry(walk, context));
    }
    GW_TRY(next(walk));
    GW_TRY(next(walk));
    if (walk->event.type != YAML_STREAM_END_EVENT)
        return refuse(walk, "there is more than one document");
    if (context->url == NULL)
        return refuse(walk, "there is no url");
    if (context->password != NULL && context->password_file != NULL)
        return refuse(walk, "password and password_file exclude each other");
    return GW_OK;
}

enum gw_status gw_context_parse(struct gw_span text, struct gw_context *ret_context,
                                struct gw_context_error *ret_error)
{
    struct walk walk = {.error = ret_error};
    *ret_context = (struct gw_context){0};
    *ret_error = (struct gw_context_error){0};
    if (!yaml_parser_initialize(&walk.parser))
        return GW_NO_MEMORY;
    yaml_parser_set_encoding(&walk.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&walk.parser, text.data != NULL ? text.data : (const uint8_t *)"",
                                 text.size);
    enum gw_status status = read_all(&walk, ret_context);
    yaml_event_delete(&walk.event);
    yaml_parser_delete(&walk.parser);
    if (status != GW_OK)
        gw_context_fini(ret_context);
    return status;
}

/* A character as double quotes take it; `at` is valid UTF-8 and goes on behind it. What ends a line
 * for YAML, or is none of its characters, is written as its number. */
static enum gw_status print_character(const char **at, struct gw_buf *out)
{
    char text[12];
    const unsigned char *c = (const unsigned char *)*at;
    size_t size = c[0] < 0x80 ? 1 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
    unsigned point = c[0];
    if (size == 2)
        point = (c[0] & 0x1Fu) << 6 | (c[1] & 0x3Fu);
    if (size == 3)
        point = (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
    *at += size;
    bool raw =
        (point >= 0x20 && point < 0x7F) ||
        (point >= 0xA0 && point != 0x2028 && point != 0x2029 && point != 0xFEFF && point < 0xFFFE);
    if (point == '"' || point == '\\')
        snprintf(text, sizeof text, "\\%c", (char)point);
    else if (raw || size == 4)
        return gw_buf_append(out, gw_span_of(c, size));
    else
        snprintf(text, sizeof text, "\\u%04X", point);
    return gw_buf_append(out, gw_span_str(text));
}

/* A value in double quotes: nothing in it means anything to YAML. */
static enum gw_status print_value(const char *value, struct gw_buf *out)
{
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("\"")));
    while (*value != '\0')
        GW_TRY(print_character(&value, out));
    return gw_buf_append(out, GW_SPAN_LIT("\"\n"));
}

enum gw_status gw_context_print(const struct gw_context *context, struct gw_buf *out)
{
    for (size_t i = 0; i < GW_COUNT_OF(fields); i++) {
        const char *value = value_of(context, i);
        if (value == NULL)
            continue;
        GW_TRY(gw_buf_append(out, gw_span_str(fields[i].name)));
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(": ")));
        GW_TRY(print_value(value, out));
    }
    return GW_OK;
}
