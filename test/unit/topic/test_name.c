#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "topic/name.h"

struct match_row {
    const char *filter;
    const char *name;
    bool match;
};

static const struct match_row match_rows[] = {
    {"a/b", "a/b", true},       {"a/b", "a/b/", false},     {"a/b", "a", false},
    {"a/b", "a/bc", false},     {"a/bc", "a/b", false},     {"a/+", "a", false},
    {"a/+", "a/", true},        {"a/+", "a/b", true},       {"a/+", "a/b/c", false},
    {"+", "a", true},           {"+", "/a", false},         {"+/+", "/a", true},
    {"/+", "/a", true},         {"/", "/", true},           {"+/+", "/", true},
    {"#", "/", true},           {"#", "a/b/c", true},       {"a/#", "a", true},
    {"a/#", "a/", true},        {"a/#", "a/b/c", true},     {"a/#", "ab", false},
    {"a/+/#", "a", false},      {"a/+/#", "a/b", true},     {"a/+/#", "a/b/c/d", true},
    {"a/b/#", "a", false},      {"+/#", "a", true},         {"+/#", "a/b", true},
    {"/#", "/", true},          {"/#", "/a/b", true},       {"/#", "a", false},
    {"#", "$SYS/x", false},     {"+/x", "$SYS/x", false},   {"+/#", "$SYS/x", false},
    {"+", "$SYS", false},       {"$SYS/#", "$SYS", true},   {"$SYS/#", "$SYS/x", true},
    {"$SYS/+", "$SYS/x", true}, {"a/$x/+", "a/$x/b", true}, {"+/$x", "a/$x", true},
    {"#", "a/$x", true},        {"a//b", "a//b", true},     {"a/+/b", "a//b", true},
    {"A", "a", false},          {"a", "a/", false},         {"a/", "a", false},
    {"+/", "a", false},         {"+/", "a/", true},         {"$SHARE/g/a", "$SHARE/g/a", true},
    {"+/b/+", "a/b/c", true},   {"+/b/+", "a/x/c", false},
};

static void matches_as_the_standard_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(match_rows); i++) {
        const struct match_row *row = &match_rows[i];
        if (gw_filter_matches(gw_span_str(row->filter), gw_span_str(row->name)) != row->match)
            fail_msg("filter '%s' name '%s'", row->filter, row->name);
        assert_int_equal(gw_filter_validate(gw_span_str(row->filter), 0), GW_OK);
        assert_int_equal(gw_name_validate(gw_span_str(row->name), 0), GW_OK);
    }
    assert_false(gw_filter_matches(gw_span_str("+"), gw_span_str("")));
    assert_false(gw_filter_matches(gw_span_str("/#"), gw_span_str("")));
}

struct text_row {
    const char *text;
    enum gw_status status;
};

static void validates_names(void **state)
{
    (void)state;
    static const struct text_row rows[] = {
        {"", GW_INVALID},    {"a+", GW_INVALID},    {"+", GW_INVALID}, {"#", GW_INVALID},
        {"a/#", GW_INVALID}, {"a/b#c", GW_INVALID}, {"/", GW_OK},      {"a", GW_OK},
        {"a/b/c", GW_OK},    {"a/b/c/d", GW_LIMIT}, {"//", GW_OK},     {"///", GW_LIMIT},
        {"$SYS/x", GW_OK},   {"$share/g", GW_OK},   {" ", GW_OK},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        if (gw_name_validate(gw_span_str(rows[i].text), 3) != rows[i].status)
            fail_msg("name '%s'", rows[i].text);
    }
}

static void validates_filters(void **state)
{
    (void)state;
    static const struct text_row rows[] = {
        {"", GW_INVALID},   {"a#", GW_INVALID},    {"a/#/b", GW_INVALID},  {"a+", GW_INVALID},
        {"+a", GW_INVALID}, {"#/", GW_INVALID},    {"a/b+/c", GW_INVALID}, {"##", GW_INVALID},
        {"++", GW_INVALID}, {"#a", GW_INVALID},    {"a/+b", GW_INVALID},   {"+#", GW_INVALID},
        {"#+", GW_INVALID}, {"a/##", GW_INVALID},  {"#", GW_OK},           {"+", GW_OK},
        {"+/+/#", GW_OK},   {"a/#", GW_OK},        {"/#", GW_OK},          {"/+/", GW_OK},
        {"/", GW_OK},       {"+/+/+/#", GW_LIMIT}, {"a/b/c/d", GW_LIMIT},  {"$SYS/#", GW_OK},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        if (gw_filter_validate(gw_span_str(rows[i].text), 3) != rows[i].status)
            fail_msg("filter '%s'", rows[i].text);
    }
}

struct split_row {
    const char *text;
    enum gw_status status;
    const char *share_name; /* NULL: not shared */
    const char *filter;
};

static const struct split_row split_rows[] = {
    {"$share/g/a/b", GW_OK, "g", "a/b"},
    {"$share/g//a", GW_OK, "g", "/a"},
    {"$share/g/#", GW_OK, "g", "#"},
    {"$share/g/$SYS/#", GW_OK, "g", "$SYS/#"},
    {"$share/g/+/x", GW_OK, "g", "+/x"},
    {"$share/long name/x", GW_OK, "long name", "x"},
    {"$share/g", GW_INVALID, NULL, NULL},
    {"$share/g/", GW_INVALID, NULL, NULL},
    {"$share//a", GW_INVALID, NULL, NULL},
    {"$share/", GW_INVALID, NULL, NULL},
    {"$share/g+/a", GW_INVALID, NULL, NULL},
    {"$share/#/a", GW_INVALID, NULL, NULL},
    {"$share/+/a", GW_INVALID, NULL, NULL},
    {"$share/g/a#", GW_INVALID, NULL, NULL},
    {"$share/a", GW_INVALID, NULL, NULL},
    {"$share/g/1/2/3", GW_OK, "g", "1/2/3"},
    {"$share/g/1/2/3/4", GW_LIMIT, NULL, NULL},
    {"$SHARE/g/a", GW_OK, NULL, "$SHARE/g/a"},
    {"$share", GW_OK, NULL, "$share"},
    {"$shared/x", GW_OK, NULL, "$shared/x"},
    {"a/$share/x", GW_OK, NULL, "a/$share/x"},
    {"", GW_INVALID, NULL, NULL},
    {"a+", GW_INVALID, NULL, NULL},
};

static void splits_shared_filters(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(split_rows); i++) {
        const struct split_row *row = &split_rows[i];
        struct gw_filter_parts parts;
        enum gw_status status = gw_filter_split(gw_span_str(row->text), 3, &parts);
        if (status != row->status)
            fail_msg("'%s': %s", row->text, gw_status_name(status));
        if (status != GW_OK)
            continue;
        assert_int_equal(parts.shared, row->share_name != NULL);
        assert_true(gw_span_equal(parts.share_name, gw_span_str(row->share_name)));
        assert_true(gw_span_equal(parts.filter, gw_span_str(row->filter)));
    }
}

static void counts_levels(void **state)
{
    (void)state;
    assert_int_equal(gw_name_levels(gw_span_str("a")), 1);
    assert_int_equal(gw_name_levels(gw_span_str("/")), 2);
    assert_int_equal(gw_name_levels(gw_span_str("a/b/")), 3);
    assert_true(gw_filter_has_wildcard(gw_span_str("a/+/b")));
    assert_true(gw_filter_has_wildcard(gw_span_str("#")));
    assert_false(gw_filter_has_wildcard(gw_span_str("a/b")));
}

static void holds_the_longest_topics(void **state)
{
    (void)state;
    char *text = malloc(65536);
    assert_non_null(text);
    memset(text, '/', 65536);
    struct gw_span longest = gw_span_of(text, 65535);
    struct gw_span too_long = gw_span_of(text, 65536);

    assert_int_equal(gw_name_validate(longest, 0), GW_OK);
    assert_int_equal(gw_filter_validate(longest, 65536), GW_OK);
    assert_int_equal(gw_name_validate(longest, 65535), GW_LIMIT);
    assert_int_equal(gw_filter_validate(longest, 65535), GW_LIMIT);
    assert_int_equal(gw_name_validate(too_long, 0), GW_INVALID);
    assert_int_equal(gw_filter_validate(too_long, 0), GW_INVALID);
    assert_true(gw_filter_matches(longest, longest));
    assert_false(gw_filter_matches(longest, gw_span_of(text, 65534)));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_as_the_standard_says),
        cmocka_unit_test(validates_names),
        cmocka_unit_test(validates_filters),
        cmocka_unit_test(splits_shared_filters),
        cmocka_unit_test(counts_levels),
        cmocka_unit_test(holds_the_longest_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
