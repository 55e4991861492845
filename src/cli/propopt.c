#include "cli/propopt.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"

enum kind { BYTE, BOOL, U16, U16_POSITIVE, U32, U32_POSITIVE, VARINT_POSITIVE, TEXT, BYTES, PAIR };
#define STRING TEXT
#define TOPIC  TEXT
#define BINARY BYTES

static const struct {
    enum kind kind;
    uint32_t packets;
} rows[GW_PROP_COUNT] = {
#define X(name, identifier, kind, field, packets, ...) [GW_PROP_##name] = {kind, packets},
#include "wire/property.def"
#undef X
};

static const struct {
    const char *word;
    uint32_t packet;
} commands[GW_COMMAND_COUNT] = {
    [GW_COMMAND_CONNECT] = {"CONNECT", GW_IN(CONNECT)},
    [GW_COMMAND_PUBLISH] = {"PUBLISH", GW_IN(PUBLISH)},
    [GW_COMMAND_SUBSCRIBE] = {"SUBSCRIBE", GW_IN(SUBSCRIBE)},
    [GW_COMMAND_UNSUBSCRIBE] = {"UNSUBSCRIBE", GW_IN(UNSUBSCRIBE)},
    [GW_COMMAND_DISCONNECT] = {"DISCONNECT", GW_IN(DISCONNECT)},
    [GW_COMMAND_WILL] = {"WILL", GW_IN_WILL},
};

/* What only a server sends in the packet that the table names for both. */
static bool from_server_only(enum gw_options_command command, enum gw_prop prop)
{
    return (command == GW_COMMAND_PUBLISH && prop == GW_PROP_SUBSCRIPTION_ID) ||
           (command == GW_COMMAND_DISCONNECT && prop == GW_PROP_SERVER_REFERENCE);
}

/* "session-expiry-interval" is "Session Expiry Interval". */
static bool same_name(const char *word, const char *name)
{
    for (; *word && *name; word++, name++) {
        int letter = *name == ' ' ? '-' : tolower((unsigned char)*name);
        if (tolower((unsigned char)*word) != letter)
            return false;
    }
    return *word == *name;
}

static bool find_prop(const char *word, enum gw_prop *ret_prop)
{
    for (int prop = 0; prop < GW_PROP_COUNT; prop++) {
        if (same_name(word, gw_prop_name((enum gw_prop)prop))) {
            *ret_prop = (enum gw_prop)prop;
            return true;
        }
    }
    return false;
}

static bool find_command(const char *word, enum gw_options_command *ret_command)
{
    for (int at = 0; at < GW_COMMAND_COUNT; at++) {
        if (strcasecmp(word, commands[at].word) == 0) {
            *ret_command = (enum gw_options_command)at;
            return true;
        }
    }
    return false;
}

static void range(enum kind kind, int64_t *ret_min, int64_t *ret_max)
{
    *ret_min = kind == U16_POSITIVE || kind == U32_POSITIVE || kind == VARINT_POSITIVE;
    switch (kind) {
    case BYTE:
    case BOOL: *ret_max = kind == BOOL ? 1 : UINT8_MAX; break;
    case U16:
    case U16_POSITIVE: *ret_max = UINT16_MAX; break;
    case VARINT_POSITIVE: *ret_max = GW_VARINT_MAX; break;
    default: *ret_max = UINT32_MAX;
    }
}

static enum gw_status read_number(struct gw_options *options, const char *word, const char *text,
                                  enum kind kind, uint32_t *ret_number)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    int64_t min, max;
    range(kind, &min, &max);
    if (end == text || *end != '\0' || errno != 0 || value < min || value > max)
        return gw_options_refuse(options,
                                 "property %s takes a number from %lld to %lld, not \"%s\"", word,
                                 (long long)min, (long long)max, text);
    *ret_number = (uint32_t)value;
    return GW_OK;
}

static enum gw_status read_text(struct gw_options *options, const char *word, const char *text,
                                enum kind kind, struct gw_span *ret_text)
{
    *ret_text = gw_span_str(text);
    if (ret_text->size > UINT16_MAX)
        return gw_options_refuse(options, "the value of property %s is longer than 65535 bytes",
                                 word);
    if (kind != BYTES && gw_utf8_check(*ret_text) != GW_UTF8_VALID)
        return gw_options_refuse(options, "the value of property %s is not valid UTF-8", word);
    return GW_OK;
}

/* Sets the field that the table names; one case a row. */
static void store(struct gw_props *props, enum gw_prop prop, uint32_t number, struct gw_span text)
{
#define STORE_BYTE(field)            props->field = (uint8_t)number
#define STORE_BOOL(field)            STORE_BYTE(field)
#define STORE_U16(field)             props->field = (uint16_t)number
#define STORE_U16_POSITIVE(field)    STORE_U16(field)
#define STORE_U32(field)             props->field = number
#define STORE_U32_POSITIVE(field)    STORE_U32(field)
#define STORE_VARINT_POSITIVE(field) STORE_U32(field)
#define STORE_TEXT(field)            props->field = text
#define STORE_BYTES(field)           STORE_TEXT(field)
#define STORE_STRING(field)          STORE_TEXT(field)
#define STORE_TOPIC(field)           STORE_TEXT(field)
#define STORE_BINARY(field)          STORE_TEXT(field)
#define STORE_PAIR(field)
    props->present |= (uint32_t)1 << prop;
    switch (prop) {
#define X(name, identifier, kind, field, packets, ...)                                             \
    case GW_PROP_##name:                                                                           \
        STORE_##kind(field);                                                                       \
        break;
#include "wire/property.def"
#undef X
    default: break;
    }
}

static enum gw_status add_user(struct gw_options *options, struct gw_options_props *to,
                               const char *name, const char *value)
{
    struct gw_span key, text;
    GW_TRY(read_text(options, "user-property", name, TEXT, &key));
    GW_TRY(read_text(options, "user-property", value, TEXT, &text));
    size_t size = 5 + key.size + text.size;
    if (gw_buf_reserve(&to->users, size) != GW_OK)
        return gw_options_refuse(options, "too many user properties");
    struct gw_writer w = gw_writer_of(to->users.data + to->users.size, size);
    gw_props_write_user(&w, key, text);
    to->users.size += gw_writer_size(&w);
    to->props.user_property_count++;
    to->props.raw = gw_buf_span(&to->users);
    return GW_OK;
}

enum gw_status gw_propopt_read(struct gw_options *options, char *const *words, size_t word_count,
                               size_t *ret_used)
{
    enum gw_options_command command;
    enum gw_prop prop;
    if (word_count < 3)
        return gw_options_refuse(options, "-D takes a command, a property name and a value");
    if (!find_command(words[0], &command))
        return gw_options_refuse(options, "-D does not know the command \"%s\"", words[0]);
    if (!find_prop(words[1], &prop))
        return gw_options_refuse(options, "-D does not know the property \"%s\"", words[1]);
    if (!(rows[prop].packets & commands[command].packet) || from_server_only(command, prop))
        return gw_options_refuse(options, "property %s has no place in %s", words[1],
                                 commands[command].word);
    options->session.version = GW_VERSION_5;
    struct gw_options_props *to = &options->props[command];
    enum kind kind = rows[prop].kind;
    *ret_used = 3;
    if (kind == PAIR) {
        if (word_count < 4)
            return gw_options_refuse(options, "-D %s user-property takes a name and a value",
                                     words[0]);
        *ret_used = 4;
        return add_user(options, to, words[2], words[3]);
    }
    uint32_t number = 0;
    struct gw_span text = GW_SPAN_NONE;
    if (kind == TEXT || kind == BYTES)
        GW_TRY(read_text(options, words[1], words[2], kind, &text));
    else
        GW_TRY(read_number(options, words[1], words[2], kind, &number));
    store(&to->props, prop, number, text);
    return GW_OK;
}
