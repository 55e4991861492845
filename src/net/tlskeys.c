#include "net/tlskeys.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct gw_tlskeys {
    uint8_t *text; /* what the spans below point into; keys are decoded where they stood */
    size_t text_size;
    struct gw_tlskeys_key *items; /* by identity */
    size_t count;
    size_t capacity;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct gw_span trim(struct gw_span text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = gw_span_from(text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* -1: none. */
static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *gw_tlskeys_judge_identity(struct gw_span identity)
{
    if (identity.size == 0)
        return "the identity is empty";
    if (identity.size > GW_TLSKEYS_IDENTITY_MAX)
        return "the identity is longer than 256 bytes";
    if (gw_utf8_check(identity) != GW_UTF8_VALID)
        return "the identity is not UTF-8 without U+0000";
    for (size_t i = 0; i < identity.size; i++)
        if (identity.data[i] < 0x20 || identity.data[i] == 0x7F)
            return "the identity has control characters";
    return NULL;
}

const char *gw_tlskeys_judge_hex(struct gw_span hex)
{
    if (hex.size == 0)
        return "the key is empty";
    for (size_t i = 0; i < hex.size; i++)
        if (digit_of(hex.data[i]) < 0)
            return "the key is not hexadecimal: digits and a to f, without 0x";
    if (hex.size % 2 != 0)
        return "the key has an odd number of hexadecimal digits";
    if (hex.size / 2 > GW_TLSKEYS_KEY_MAX)
        return "the key is longer than 256 bytes";
    return NULL;
}

/* Writes the bytes over their digits; hex points into memory of ours. */
static struct gw_span decode(struct gw_tlskeys *keys, struct gw_span hex)
{
    uint8_t *out = keys->text + (hex.data - keys->text);
    for (size_t i = 0; i < hex.size / 2; i++) {
        int high = digit_of(hex.data[2 * i]), low = digit_of(hex.data[2 * i + 1]);
        out[i] = (uint8_t)(high * 16 + low); /* both are digits: they were judged */
    }
    return gw_span_of(out, hex.size / 2);
}

static enum gw_status append(struct gw_tlskeys *keys, struct gw_span identity, struct gw_span hex)
{
    if (keys->count == keys->capacity) {
        size_t capacity = keys->capacity != 0 ? keys->capacity * 2 : 16;
        struct gw_tlskeys_key *items = realloc(keys->items, capacity * sizeof *items);
        if (items == NULL)
            return GW_NO_MEMORY;
        keys->items = items;
        keys->capacity = capacity;
    }
    keys->items[keys->count++] = (struct gw_tlskeys_key){identity, decode(keys, hex)};
    return GW_OK;
}

static enum gw_status add(struct gw_tlskeys *keys, struct gw_span identity, struct gw_span hex,
                          struct gw_tlskeys_error *error)
{
    const char *what = gw_tlskeys_judge_identity(identity);
    if (what == NULL)
        what = gw_tlskeys_judge_hex(hex);
    if (what == NULL)
        return append(keys, identity, hex);
    error->what = what;
    return GW_INVALID;
}

/* The identity ends at the first colon. */
static enum gw_status read_line(struct gw_tlskeys *keys, struct gw_span line,
                                struct gw_tlskeys_error *error)
{
    line = trim(line);
    if (line.size == 0 || line.data[0] == '#')
        return GW_OK;
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (colon == NULL) {
        error->what = "there is no colon: a line is IDENTITY:KEY";
        return GW_INVALID;
    }
    size_t size = (size_t)(colon - line.data);
    return add(keys, trim(gw_span_of(line.data, size)), trim(gw_span_from(line, size + 1)), error);
}

static int compare_identities(struct gw_span a, struct gw_span b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* By identity, and of one identity as they stand in the text. */
static int compare(const void *a, const void *b)
{
    struct gw_span one = ((const struct gw_tlskeys_key *)a)->identity;
    struct gw_span other = ((const struct gw_tlskeys_key *)b)->identity;
    int order = compare_identities(one, other);
    return order != 0 ? order : (one.data > other.data) - (one.data < other.data);
}

/* Two keys of one identity: which one would hold? Lines are counted in the text as it came. */
static enum gw_status find_doubles(const struct gw_tlskeys *keys, struct gw_span text,
                                   struct gw_tlskeys_error *error)
{
    for (size_t i = 1; i < keys->count; i++) {
        struct gw_span identity = keys->items[i].identity;
        if (!gw_span_equal(keys->items[i - 1].identity, identity))
            continue;
        size_t at = (size_t)(identity.data - keys->text);
        error->line = 1;
        for (size_t j = 0; j < at; j++)
            error->line += text.data[j] == '\n';
        error->what = "this identity stands twice";
        return GW_INVALID;
    }
    return GW_OK;
}

static enum gw_status read_text(struct gw_tlskeys *keys, struct gw_span text,
                                struct gw_tlskeys_error *error)
{
    struct gw_span rest = gw_span_of(keys->text, text.size);
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        error->line++;
        GW_TRY(read_line(keys, gw_span_of(rest.data, size), error));
        rest = gw_span_from(rest, size + (end != NULL ? 1 : 0));
    }
    if (keys->count > 1)
        qsort(keys->items, keys->count, sizeof *keys->items, compare);
    return find_doubles(keys, text, error);
}

/* Room for a text of this size, filled in by the caller. */
static struct gw_tlskeys *keys_new(size_t size)
{
    struct gw_tlskeys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return NULL;
    keys->text = calloc(1, size + 1);
    keys->text_size = size;
    if (keys->text != NULL)
        return keys;
    free(keys);
    return NULL;
}

enum gw_status gw_tlskeys_parse(struct gw_span text, struct gw_tlskeys **ret_keys,
                                struct gw_tlskeys_error *ret_error)
{
    struct gw_tlskeys *keys = keys_new(text.size);
    *ret_keys = NULL;
    *ret_error = (struct gw_tlskeys_error){0, "out of memory"};
    if (keys == NULL)
        return GW_NO_MEMORY;
    if (text.size > 0)
        memcpy(keys->text, text.data, text.size);
    enum gw_status status = read_text(keys, text, ret_error);
    if (status == GW_OK)
        *ret_keys = keys;
    else
        gw_tlskeys_free(keys);
    return status;
}

enum gw_status gw_tlskeys_one(struct gw_span identity, struct gw_span hex,
                              struct gw_tlskeys **ret_keys, struct gw_tlskeys_error *ret_error)
{
    struct gw_tlskeys *keys = keys_new(identity.size + hex.size);
    *ret_keys = NULL;
    *ret_error = (struct gw_tlskeys_error){1, "out of memory"};
    if (keys == NULL)
        return GW_NO_MEMORY;
    if (identity.size > 0)
        memcpy(keys->text, identity.data, identity.size);
    if (hex.size > 0)
        memcpy(keys->text + identity.size, hex.data, hex.size);
    enum gw_status status = add(keys, gw_span_of(keys->text, identity.size),
                                gw_span_of(keys->text + identity.size, hex.size), ret_error);
    if (status == GW_OK)
        *ret_keys = keys;
    else
        gw_tlskeys_free(keys);
    return status;
}

void gw_tlskeys_free(struct gw_tlskeys *keys)
{
    if (keys == NULL)
        return;
    explicit_bzero(keys->text, keys->text_size);
    free(keys->text);
    free(keys->items);
    free(keys);
}

size_t gw_tlskeys_count(const struct gw_tlskeys *keys)
{
    return keys->count;
}

size_t gw_tlskeys_short_count(const struct gw_tlskeys *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++)
        count += keys->items[i].key.size < GW_TLSKEYS_KEY_GOOD;
    return count;
}

const struct gw_tlskeys_key *gw_tlskeys_find(const struct gw_tlskeys *keys, struct gw_span identity)
{
    size_t low = 0, high = keys->count;
    while (low < high && identity.size > 0) {
        size_t middle = low + (high - low) / 2;
        int order = compare_identities(keys->items[middle].identity, identity);
        if (order == 0)
            return &keys->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct gw_tlskeys_key *gw_tlskeys_at(const struct gw_tlskeys *keys, size_t index)
{
    return &keys->items[index];
}
