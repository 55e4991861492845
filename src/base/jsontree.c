#include "base/jsontree.h"

#include <stdlib.h>

#include "base/utf8.h"

#define NODES_MIN 32u

/* The walk over a text; no recursion. */
struct walk {
    struct gw_jsontree *tree;
    uint8_t *begin, *at, *end;
    struct gw_span key; /* of the value that comes */
    unsigned depth;
    uint32_t open[GW_JSONTREE_DEPTH_MAX]; /* nodes that are not closed */
    uint32_t last[GW_JSONTREE_DEPTH_MAX]; /* their last member or element, 0 = none */
};

void gw_jsontree_init(struct gw_jsontree *tree)
{
    *tree = (struct gw_jsontree){0};
}

void gw_jsontree_fini(struct gw_jsontree *tree)
{
    free(tree->nodes);
    gw_jsontree_init(tree);
}

static enum gw_status fault(struct walk *walk, const char *why)
{
    walk->tree->why = why;
    walk->tree->at = (size_t)(walk->at - walk->begin);
    return GW_MALFORMED;
}

static void skip_space(struct walk *walk)
{
    while (walk->at < walk->end &&
           (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\r' || *walk->at == '\n'))
        walk->at++;
}

static bool take(struct walk *walk, char wanted)
{
    if (walk->at == walk->end || *walk->at != (uint8_t)wanted)
        return false;
    walk->at++;
    return true;
}

/* -- strings -- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum gw_status take_hex(struct walk *walk, uint32_t *ret_code)
{
    *ret_code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = walk->at < walk->end ? hex_digit(*walk->at) : -1;
        if (digit < 0)
            return fault(walk, "\\u wants four hexadecimal digits");
        *ret_code = *ret_code << 4 | (uint32_t)digit;
        walk->at++;
    }
    return GW_OK;
}

static uint8_t *put_code(uint8_t *to, uint32_t code)
{
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; code >>= 6)
        to[i] = (uint8_t)(0x80 | (code & 0x3F));
    to[0] = (uint8_t)(leads[size] | code);
    return to + size;
}

static enum gw_status take_unicode(struct walk *walk, uint8_t **to)
{
    uint32_t code;
    uint32_t low;
    GW_TRY(take_hex(walk, &code));
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (!take(walk, '\\') || !take(walk, 'u'))
            return fault(walk, "half of a surrogate pair");
        GW_TRY(take_hex(walk, &low));
        if (low < 0xDC00 || low > 0xDFFF)
            return fault(walk, "half of a surrogate pair");
        code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return fault(walk, "half of a surrogate pair");
    }
    *to = put_code(*to, code);
    return GW_OK;
}

static enum gw_status take_escape(struct walk *walk, uint8_t **to)
{
    static const char pairs[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (walk->at == walk->end)
        return fault(walk, "the text has no end");
    uint8_t c = *walk->at++;
    if (c == 'u')
        return take_unicode(walk, to);
    for (size_t i = 0; i + 1 < sizeof pairs; i += 2) {
        if ((uint8_t)pairs[i] == c) {
            *(*to)++ = (uint8_t)pairs[i + 1];
            return GW_OK;
        }
    }
    walk->at--;
    return fault(walk, "there is no such escape");
}

/* A string behind its opening mark; what it says is never longer than how it is written. */
static enum gw_status take_text(struct walk *walk, struct gw_span *ret_text)
{
    uint8_t *begin = walk->at;
    uint8_t *to = begin;
    for (;;) {
        if (walk->at == walk->end)
            return fault(walk, "the text has no end");
        if (*walk->at < 0x20)
            return fault(walk, "a control character in a text");
        uint8_t c = *walk->at++;
        if (c == '"')
            break;
        if (c == '\\')
            GW_TRY(take_escape(walk, &to));
        else
            *to++ = c;
    }
    *ret_text = gw_span_of(begin, (size_t)(to - begin));
    return gw_utf8_payload_valid(*ret_text) ? GW_OK : fault(walk, "the text is not UTF-8");
}

/* -- values -- */

static enum gw_status add_node(struct walk *walk, enum gw_jsontree_type type, uint32_t *ret_index)
{
    struct gw_jsontree *tree = walk->tree;
    if (tree->count == tree->capacity) {
        uint32_t capacity = tree->capacity ? tree->capacity * 2 : NODES_MIN;
        struct gw_jsontree_node *larger = realloc(tree->nodes, capacity * sizeof *larger);
        if (!larger)
            return GW_NO_MEMORY;
        tree->nodes = larger;
        tree->capacity = capacity;
    }
    uint32_t index = tree->count++;
    tree->nodes[index] = (struct gw_jsontree_node){.type = type, .key = walk->key};
    walk->key = GW_SPAN_NONE;
    if (walk->depth > 0) {
        uint32_t *last = &walk->last[walk->depth - 1];
        if (*last != 0)
            tree->nodes[*last].next = index;
        else
            tree->nodes[walk->open[walk->depth - 1]].first = index;
        *last = index;
    }
    *ret_index = index;
    return GW_OK;
}

/* Digits, of which there is at least one. */
static enum gw_status take_digits(struct walk *walk)
{
    const uint8_t *begin = walk->at;
    while (walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9')
        walk->at++;
    return walk->at > begin ? GW_OK : fault(walk, "a digit is missing");
}

/* False if digits say more than fits. */
static bool number_of(struct gw_span digits, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number))
            return false;
    }
    *ret_number = number;
    return true;
}

static enum gw_status take_number(struct walk *walk)
{
    const uint8_t *begin = walk->at;
    bool whole = !take(walk, '-');
    uint64_t number = 0;
    uint32_t index;
    if (!take(walk, '0')) /* nothing follows a leading zero */
        GW_TRY(take_digits(walk));
    if (take(walk, '.')) {
        whole = false;
        GW_TRY(take_digits(walk));
    }
    if (take(walk, 'e') || take(walk, 'E')) {
        whole = false;
        if (!take(walk, '+'))
            (void)take(walk, '-');
        GW_TRY(take_digits(walk));
    }
    struct gw_span text = gw_span_of(begin, (size_t)(walk->at - begin));
    whole = whole && number_of(text, &number);
    GW_TRY(add_node(walk, whole ? GW_JSONTREE_NUMBER : GW_JSONTREE_REAL, &index));
    walk->tree->nodes[index].number = number;
    walk->tree->nodes[index].text = text;
    return GW_OK;
}

static enum gw_status take_word(struct walk *walk)
{
    static const struct {
        const char *word;
        enum gw_jsontree_type type;
        uint64_t number;
    } words[] = {{"true", GW_JSONTREE_BOOL, 1},
                 {"false", GW_JSONTREE_BOOL, 0},
                 {"null", GW_JSONTREE_NULL, 0}};
    uint32_t index;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i].word);
        if ((size_t)(walk->end - walk->at) < size || memcmp(walk->at, words[i].word, size) != 0)
            continue;
        GW_TRY(add_node(walk, words[i].type, &index));
        walk->tree->nodes[index].number = words[i].number;
        walk->at += size;
        return GW_OK;
    }
    return fault(walk, "this is no JSON value");
}

static enum gw_status open_node(struct walk *walk, enum gw_jsontree_type type)
{
    uint32_t index;
    if (walk->depth == GW_JSONTREE_DEPTH_MAX)
        return fault(walk, "nested too deep");
    GW_TRY(add_node(walk, type, &index));
    walk->open[walk->depth] = index;
    walk->last[walk->depth++] = 0;
    return GW_OK;
}

/* One value, or the beginning of an object or array. */
static enum gw_status take_value(struct walk *walk)
{
    uint32_t index;
    skip_space(walk);
    if (walk->at == walk->end)
        return fault(walk, "something is missing");
    if (take(walk, '{'))
        return open_node(walk, GW_JSONTREE_OBJECT);
    if (take(walk, '['))
        return open_node(walk, GW_JSONTREE_ARRAY);
    if (take(walk, '"')) {
        struct gw_span text;
        GW_TRY(take_text(walk, &text));
        GW_TRY(add_node(walk, GW_JSONTREE_TEXT, &index));
        walk->tree->nodes[index].text = text;
        return GW_OK;
    }
    bool number = *walk->at == '-' || (*walk->at >= '0' && *walk->at <= '9');
    return number ? take_number(walk) : take_word(walk);
}

static bool in_object(const struct walk *walk)
{
    return walk->tree->nodes[walk->open[walk->depth - 1]].type == GW_JSONTREE_OBJECT;
}

static enum gw_status take_key(struct walk *walk)
{
    skip_space(walk);
    if (!take(walk, '"'))
        return fault(walk, "a member's name is missing");
    GW_TRY(take_text(walk, &walk->key));
    skip_space(walk);
    return take(walk, ':') ? GW_OK : fault(walk, "':' is missing");
}

/* What stands between values: closes what ends here. GW_AGAIN: another value comes. */
static enum gw_status take_between(struct walk *walk)
{
    while (walk->depth > 0) {
        bool object = in_object(walk);
        bool first = walk->last[walk->depth - 1] == 0;
        skip_space(walk);
        if (take(walk, object ? '}' : ']')) {
            walk->depth--;
            continue;
        }
        if (!first && !take(walk, ','))
            return fault(walk, "',' or the end is missing");
        if (object)
            GW_TRY(take_key(walk));
        return GW_AGAIN;
    }
    skip_space(walk);
    return walk->at == walk->end ? GW_OK : fault(walk, "something stands behind the value");
}

enum gw_status gw_jsontree_parse(struct gw_jsontree *tree, uint8_t *text, size_t size)
{
    struct walk walk = {.tree = tree, .begin = text, .at = text, .end = size ? text + size : text};
    enum gw_status status = GW_AGAIN;
    tree->count = 0;
    while (status == GW_AGAIN) {
        GW_TRY(take_value(&walk));
        status = take_between(&walk);
    }
    return status;
}

const struct gw_jsontree_node *gw_jsontree_first(const struct gw_jsontree *tree,
                                                 const struct gw_jsontree_node *node)
{
    return node->first != 0 ? &tree->nodes[node->first] : NULL;
}

const struct gw_jsontree_node *gw_jsontree_next(const struct gw_jsontree *tree,
                                                const struct gw_jsontree_node *node)
{
    return node->next != 0 ? &tree->nodes[node->next] : NULL;
}

const struct gw_jsontree_node *gw_jsontree_member(const struct gw_jsontree *tree,
                                                  const struct gw_jsontree_node *node,
                                                  const char *key)
{
    if (node->type != GW_JSONTREE_OBJECT)
        return NULL;
    for (const struct gw_jsontree_node *at = gw_jsontree_first(tree, node); at;
         at = gw_jsontree_next(tree, at)) {
        if (gw_span_equal(at->key, gw_span_str(key)))
            return at;
    }
    return NULL;
}

bool gw_jsontree_has_twins(const struct gw_jsontree *tree, const struct gw_jsontree_node *node)
{
    if (node->type != GW_JSONTREE_OBJECT)
        return false;
    for (const struct gw_jsontree_node *one = gw_jsontree_first(tree, node); one;
         one = gw_jsontree_next(tree, one)) {
        for (const struct gw_jsontree_node *other = gw_jsontree_next(tree, one); other;
             other = gw_jsontree_next(tree, other))
            if (gw_span_equal(one->key, other->key))
                return true;
    }
    return false;
}
