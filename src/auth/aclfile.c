#include "auth/aclfile.h"

#include <stdarg.h>
#include <stdio.h>

#include "auth/reach.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "topic/name.h"

#define TOPIC_SIZE_MAX 65535u
#define QUOTE_MAX      40

/* The order in which rules are asked: a pass over the text for each. */
enum pass { PASS_USER_DENY, PASS_USER_ALLOW, PASS_PATTERN_DENY, PASS_PATTERN_ALLOW, PASS_COUNT };

struct reader {
    struct gw_access *access;
    struct gw_aclfile_error *error;
    struct gw_span line; /* what is left of it */
    const uint8_t *line_begin;
    uint32_t number;
    struct gw_span user; /* of the section; empty: in front of the first one */
    enum pass pass;
    struct gw_buf topic;
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\v' || byte == '\f';
}

static struct gw_span trim_begin(struct gw_span text)
{
    while (text.size > 0 && is_space(text.data[0]))
        text = gw_span_from(text, 1);
    return text;
}

static struct gw_span trim_end(struct gw_span text)
{
    while (text.size > 0 && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes a word off the line; empty if there is none. */
static struct gw_span take_word(struct reader *reader)
{
    struct gw_span rest = trim_begin(reader->line);
    struct gw_span word = {rest.data, 0};

    while (word.size < rest.size && !is_space(rest.data[word.size]))
        word.size++;
    reader->line = gw_span_from(rest, word.size);
    return word;
}

static uint32_t characters(const uint8_t *begin, const uint8_t *end)
{
    uint32_t count = 0;

    for (; begin < end; begin++)
        count += (*begin & 0xC0) != 0x80;
    return count;
}

/* Says what is wrong with a part of the line. */
GW_PRINTF(3, 4)
static enum gw_status refuse(struct reader *reader, struct gw_span part, const char *what, ...)
{
    struct gw_aclfile_error *error = reader->error;
    const uint8_t *at = part.data ? part.data : reader->line_begin;
    va_list args;

    error->line = reader->number;
    error->column = characters(reader->line_begin, at) + 1;
    error->width = characters(at, at + part.size);
    error->why[0] = '\0';
    va_start(args, what);
    vsnprintf(error->what, sizeof error->what, what, args);
    va_end(args);
    return GW_INVALID;
}

/* A text as the arguments of "%.*s", cut. */
#define QUOTE(span)                                                                                \
    (int)((span).size < QUOTE_MAX ? (span).size : QUOTE_MAX), (const char *)((span).data)

static const char *const line_words[] = {"user", "topic", "pattern"};
static const char *const right_words[] = {"read", "write", "readwrite", "deny"};

/* Adds "did you mean" or what else may stand there. */
static enum gw_status suggest(struct reader *reader, struct gw_span word, const char *const *words,
                              size_t count, const char *otherwise)
{
    const char *meant = gw_suggest_word(word, words, count);
    char *why = reader->error->why;

    if (meant != NULL)
        snprintf(why, GW_ACLFILE_WORDS, "did you mean \"%s\"?", meant);
    else
        snprintf(why, GW_ACLFILE_WORDS, "%s", otherwise);
    return GW_INVALID;
}

/* Puts placeholders in; a percent sign before anything else is one. */
static enum gw_status encode_pattern(struct gw_span filter, struct gw_buf *out)
{
    for (size_t i = 0; i < filter.size; i++) {
        uint8_t byte = filter.data[i];
        uint8_t letter = byte == '%' && i + 1 < filter.size ? filter.data[i + 1] : 0;

        if (letter == 'u' || letter == 'c') {
            byte = letter == 'u' ? GW_REACH_USER : GW_REACH_CLIENT;
            i++;
        }
        GW_TRY(gw_buf_append(out, gw_span_of(&byte, 1)));
    }
    return GW_OK;
}

/* Reads what stands in front of the filter: a right, or nothing, which is both. */
static enum gw_status read_right(struct reader *reader, struct gw_access_rule *rule,
                                 struct gw_span *ret_filter)
{
    struct gw_span word = take_word(reader);
    size_t right = 0;

    *ret_filter = trim_begin(reader->line);
    rule->allow = true;
    rule->actions = GW_ACCESS_BOTH;
    if (word.size == 0)
        return refuse(reader, word, "there is no topic behind it");
    if (ret_filter->size == 0) { /* one word alone is the filter */
        *ret_filter = word;
        return GW_OK;
    }
    while (right < GW_COUNT_OF(right_words) &&
           !gw_span_equal(word, gw_span_str(right_words[right])))
        right++;
    switch (right) {
    case 0: rule->actions = GW_ACCESS_SUBSCRIBE; break;
    case 1: rule->actions = GW_ACCESS_PUBLISH; break;
    case 2: break;
    case 3: rule->allow = false; break;
    default:
        (void)refuse(reader, word, "\"%.*s\" is no right", QUOTE(word));
        return suggest(reader, word, right_words, GW_COUNT_OF(right_words),
                       "it is read, write, readwrite or deny");
    }
    return GW_OK;
}

static enum gw_status refuse_filter(struct reader *reader, struct gw_span filter)
{
    struct gw_filter_parts parts;
    bool shared = gw_span_starts_with(filter, GW_SPAN_LIT("$share/"));

    (void)refuse(reader, filter, "\"%.*s\" is not a topic filter", QUOTE(filter));
    if (shared && gw_filter_split(filter, 0, &parts) == GW_OK)
        snprintf(reader->error->why, sizeof reader->error->why,
                 "rules are for topics: write it without $share/GROUP/");
    else
        snprintf(reader->error->why, sizeof reader->error->why,
                 "+ and # are levels of their own, # the last one");
    return GW_INVALID;
}

static enum gw_status read_rule(struct reader *reader, bool pattern)
{
    struct gw_access_rule rule = {
        .qos_max = 2,
        .user = pattern ? GW_SPAN_NONE : reader->user,
        .anonymous = !pattern && reader->user.size == 0,
        .from_file = true,
        .line = reader->number,
    };
    struct gw_span filter;

    GW_TRY(read_right(reader, &rule, &filter));
    enum pass pass = pattern      ? rule.allow ? PASS_PATTERN_ALLOW : PASS_PATTERN_DENY
                     : rule.allow ? PASS_USER_ALLOW
                                  : PASS_USER_DENY;
    if (filter.size > TOPIC_SIZE_MAX || gw_span_starts_with(filter, GW_SPAN_LIT("$share/")) ||
        gw_filter_validate(filter, 0) != GW_OK)
        return refuse_filter(reader, filter);
    if (pass != reader->pass)
        return GW_OK;
    gw_buf_clear(&reader->topic);
    rule.topic = filter;
    if (pattern) {
        GW_TRY(encode_pattern(filter, &reader->topic));
        rule.topic = gw_buf_span(&reader->topic);
    }
    enum gw_status status = gw_access_add(reader->access, &rule);
    if (status != GW_LIMIT)
        return status;
    (void)refuse(reader, filter, "there are too many rules");
    snprintf(reader->error->why, sizeof reader->error->why,
             "at most %u, and %u of them for everybody", GW_ACCESS_RULES_MAX,
             GW_ACCESS_GENERAL_MAX);
    return GW_LIMIT;
}

static enum gw_status read_user(struct reader *reader)
{
    reader->user = trim_begin(reader->line);
    if (reader->user.size > 0)
        return GW_OK;
    return refuse(reader, reader->user, "there is no name behind \"user\"");
}

static enum gw_status read_line(struct reader *reader)
{
    struct gw_span word = take_word(reader);

    if (word.size == 0)
        return GW_OK;
    if (gw_span_equal(word, GW_SPAN_LIT("user")))
        return read_user(reader);
    if (gw_span_equal(word, GW_SPAN_LIT("topic")))
        return read_rule(reader, false);
    if (gw_span_equal(word, GW_SPAN_LIT("pattern")))
        return read_rule(reader, true);
    (void)refuse(reader, word, "\"%.*s\" begins no line of an ACL file", QUOTE(word));
    return suggest(reader, word, line_words, GW_COUNT_OF(line_words),
                   "a line begins with user, topic, pattern or #");
}

/* Takes the next line off the text. */
static void take_line(struct reader *reader, struct gw_span *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    size_t size = end ? (size_t)(end - text->data) : text->size;

    reader->number++;
    reader->line_begin = text->data;
    reader->line = trim_end(gw_span_of(text->data, size));
    *text = gw_span_from(*text, size + (end != NULL));
}

static enum gw_status read_all(struct reader *reader, struct gw_span text)
{
    if (gw_span_starts_with(text, GW_SPAN_LIT("\xEF\xBB\xBF")))
        text = gw_span_from(text, 3);
    reader->number = 0;
    reader->user = GW_SPAN_NONE;
    while (text.size > 0) {
        take_line(reader, &text);
        if (reader->line.size == 0 || reader->line.data[0] == '#')
            continue;
        if (reader->pass == PASS_USER_DENY && gw_utf8_check(reader->line) != GW_UTF8_VALID)
            return refuse(reader, GW_SPAN_NONE, "the line is not UTF-8, or contains zero bytes");
        GW_TRY(read_line(reader));
    }
    return GW_OK;
}

enum gw_status gw_aclfile_parse(struct gw_span text, struct gw_access *access,
                                struct gw_aclfile_error *ret_error)
{
    struct reader reader = {.access = access, .error = ret_error};
    enum gw_status status = GW_OK;

    *ret_error = (struct gw_aclfile_error){.line = 1, .column = 1, .width = 1};
    if (text.size > GW_ACLFILE_SIZE_MAX) {
        snprintf(ret_error->what, sizeof ret_error->what, "the file is larger than 16 MiB");
        return GW_LIMIT;
    }
    gw_buf_init(&reader.topic, TOPIC_SIZE_MAX);
    for (int pass = 0; pass < PASS_COUNT && status == GW_OK; pass++) {
        reader.pass = (enum pass)pass;
        status = read_all(&reader, text);
    }
    gw_buf_fini(&reader.topic);
    return status;
}
