/* topic/name against rules written down naively: validation, $share, and a recursive matcher. */
#include "fuzz.h"

#include "topic/name.h"

#define TEXT_MAX 48

/* The first level of a text, and what is behind its separator (NULL data: nothing, not even an
 * empty level). */
static struct gw_span first_level(struct gw_span text, struct gw_span *ret_rest)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '/') {
            *ret_rest = gw_span_from(text, i + 1);
            return gw_span_of(text.data, i);
        }
    }
    *ret_rest = GW_SPAN_NONE;
    return text;
}

static bool is(struct gw_span level, const char *text)
{
    return gw_span_equal(level, gw_span_str(text));
}

/* NULL data stands for "no levels left"; an empty level has data. */
static bool levels_match(struct gw_span filter, struct gw_span name)
{
    if (filter.data == NULL)
        return name.data == NULL;
    struct gw_span filter_rest;
    struct gw_span level = first_level(filter, &filter_rest);
    if (is(level, "#"))
        return true;
    if (name.data == NULL)
        return false;
    struct gw_span name_rest;
    struct gw_span name_level = first_level(name, &name_rest);
    return (is(level, "+") || gw_span_equal(level, name_level)) &&
           levels_match(filter_rest, name_rest);
}

static bool naive_matches(struct gw_span filter, struct gw_span name)
{
    if (name.data[0] == '$' && (filter.data[0] == '+' || filter.data[0] == '#'))
        return false;
    return levels_match(filter, name);
}

static bool has(struct gw_span text, char c)
{
    return text.size > 0 && memchr(text.data, c, text.size) != NULL;
}

static bool naive_filter_valid(struct gw_span filter)
{
    if (filter.size == 0 || filter.size > 65535)
        return false;
    struct gw_span rest = filter;
    while (rest.data != NULL) {
        struct gw_span level = first_level(rest, &rest);
        if ((has(level, '+') || has(level, '#')) && level.size != 1)
            return false;
        if (has(level, '#') && rest.data != NULL)
            return false;
    }
    return true;
}

static size_t naive_levels(struct gw_span text)
{
    size_t levels = 1;
    for (size_t i = 0; i < text.size; i++)
        levels += text.data[i] == '/';
    return levels;
}

static void check_share(struct gw_span text)
{
    struct gw_filter_parts parts;
    enum gw_status status = gw_filter_split(text, 0, &parts);
    if (!gw_span_starts_with(text, GW_SPAN_LIT("$share/"))) {
        if (!is(text, "$share"))
            FUZZ_CHECK((status == GW_OK) == naive_filter_valid(text));
        if (status == GW_OK)
            FUZZ_CHECK(!parts.shared && parts.share_name.size == 0 &&
                       gw_span_equal(parts.filter, text));
        return;
    }
    struct gw_span filter;
    struct gw_span share = first_level(gw_span_from(text, 7), &filter);
    bool valid = text.size <= 65535 && share.size > 0 && !has(share, '+') && !has(share, '#') &&
                 filter.data != NULL && naive_filter_valid(filter);
    FUZZ_CHECK((status == GW_OK) == valid);
    if (valid)
        FUZZ_CHECK(parts.shared && gw_span_equal(parts.share_name, share) &&
                   gw_span_equal(parts.filter, filter));
}

static void check(struct gw_span filter, struct gw_span name)
{
    bool filter_valid = naive_filter_valid(filter);
    bool name_valid = name.size > 0 && name.size <= 65535 && !has(name, '+') && !has(name, '#');
    FUZZ_CHECK((gw_filter_validate(filter, 0) == GW_OK) == filter_valid);
    FUZZ_CHECK((gw_name_validate(name, 0) == GW_OK) == name_valid);
    FUZZ_CHECK(gw_name_levels(name) == naive_levels(name));
    check_share(filter);
    check_share(name);
    if (name_valid) {
        size_t levels = naive_levels(name);
        FUZZ_CHECK(gw_name_validate(name, levels) == GW_OK);
        FUZZ_CHECK(levels == 1 || gw_name_validate(name, levels - 1) == GW_LIMIT);
    }
    if (filter_valid)
        FUZZ_CHECK(gw_filter_has_wildcard(filter) == (has(filter, '+') || has(filter, '#')));
    if (filter_valid && name_valid)
        FUZZ_CHECK(gw_filter_matches(filter, name) == naive_matches(filter, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span input = gw_span_of(data, size);
    if (size > FUZZ_INPUT_MAX)
        return 0;
    if (fuzz_u8(&input) % 2 != 0) { /* as it is, cut at the first line end */
        const uint8_t *cut = input.size > 0 ? memchr(input.data, '\n', input.size) : NULL;
        size_t filter_size = cut != NULL ? (size_t)(cut - input.data) : input.size;
        struct gw_span filter = gw_span_of(input.data, filter_size);
        struct gw_span name = cut != NULL ? gw_span_from(input, filter_size + 1) : input;
        uint8_t *filter_copy = fuzz_copy(filter);
        uint8_t *name_copy = fuzz_copy(name);
        check(gw_span_of(filter_copy, filter.size), gw_span_of(name_copy, name.size));
        free(filter_copy);
        free(name_copy);
        return 0;
    }
    while (input.size > 0) {
        char filter[TEXT_MAX];
        char name[TEXT_MAX];
        struct gw_span filter_span = fuzz_topic(&input, filter, sizeof(filter));
        check(filter_span, fuzz_topic(&input, name, sizeof(name)));
    }
    return 0;
}
