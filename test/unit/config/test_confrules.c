#include "config/confrules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static enum gw_status load(const char *text, const char *set, struct gw_config *config,
                           struct gw_confreport *report)
{
    struct gw_span span = gw_span_str(text);
    const char *const sets[] = {set};
    struct gw_config_input input = {"f.yaml", &span, NULL, sets, set != NULL};
    enum gw_status status;

    gw_confreport_init(report);
    status = gw_config_load(&input, config, report);
    assert_int_equal(gw_buf_append(&report->text, gw_span_of("", 1)), GW_OK);
    return status;
}

static void assert_rules(const struct gw_config *config, const char *wanted)
{
    const struct gw_config_rules *rules = &config->store.durability_rules;
    char text[512] = "";
    size_t used = 0;

    for (size_t i = 0; i < rules->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s=%d ", rules->items[i].filter,
                                 (int)rules->items[i].result);
    assert_string_equal(text, wanted);
}

static void test_lists(void **state)
{
    static const struct {
        const char *text, *set, *rules;
    } rows[] = {
        {"", NULL, ""},
        {"store: {durability_rules: }", NULL, ""},
        {"store: {durability_rules: []}", NULL, ""},
        {"store:\n  durability_rules:\n    - {filter: a/#, class: memory}\n    - filter: '#'\n"
         "      class: disk\n",
         NULL, "a/#=0 #=2 "},
        {"store: {durability_rules: {class: os, filter: +/x}}", NULL, "+/x=1 "},
        {"store: {durability_rules: {class: os, filter: x}}",
         "store.durability_rules=[{filter: \"$SYS/#\", class: memory}]", "$SYS/#=0 "},
        {"", "store.durability_rules={filter: a, class: os}", "a=1 "},
        {"store: {durability_rules: {class: os, filter: x}}", "store.durability_rules=[]", ""},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_confreport report;
        struct gw_config config, copy;

        if (load(rows[i].text, rows[i].set, &config, &report) != GW_OK)
            fail_msg("%zu: %s", i, (char *)report.text.data);
        assert_rules(&config, rows[i].rules);
        assert_int_equal(gw_config_copy(&config, &copy), GW_OK);
        gw_config_fini(&config);
        assert_rules(&copy, rows[i].rules);
        gw_config_fini(&copy);
        gw_confreport_fini(&report);
    }
}

static void test_errors(void **state)
{
    static const struct {
        const char *rule, *what, *why;
    } rows[] = {
        {"{filter: a, class: dsk}", "f.yaml:2:31: class cannot be \"dsk\"",
         "did you mean \"disk\"?"},
        {"{filter: a, class: 3}", "f.yaml:2:31: class cannot be \"3\"", "it is disk, os or memory"},
        {"{filter: a/#/b, class: os}", "f.yaml:2:21: \"a/#/b\" is not a topic filter",
         "# stands last: \"a/#\"?"},
        {"{filter: a#, class: os}", "\"a#\" is not a topic filter",
         "# is a level of its own: \"a/#\"?"},
        {"{filter: a/b+, class: os}", "\"a/b+\" is not a topic filter",
         "+ is a level of its own, as a/+/b"},
        {"{filter: '', class: os}", "the filter is empty", "\"#\" is for every topic"},
        {"{filter: \"a\\0b\", class: os}", "the filter is not UTF-8 without U+0000", ""},
        {"{filter: $share/g/a/+, class: os}", "a rule is for topics, not for a subscription",
         "did you mean \"a/+\"?"},
        {"{filter: $share/g, class: os}", "a rule is for topics, not for a subscription",
         "write the filter without $share/GROUP/"},
        {"{filter: a}", "f.yaml:2:12: a rule needs a class", "as - {filter: \"plant/#\""},
        {"{class: os}", "f.yaml:2:12: a rule needs a filter", "as - {filter: \"plant/#\""},
        {"{filter: a, clas: os}", "unknown key \"clas\" in a rule", "did you mean \"class\"?"},
        {"{filter: a, x: os}", "unknown key \"x\" in a rule", "a rule has filter and class"},
        {"{filter: a, filter: b, class: os}", "filter stands twice", ""},
        {"{filter: [a], class: os}", "this is one value, not a list or a mapping", ""},
        {"a/#", "f.yaml:2:12: a rule is a mapping", "as - {filter: \"plant/#\", class: memory}"},
        {"[a, os]", "a rule is a mapping", "as - {filter: \"plant/#\", class: memory}"},
        {"{filter: first, class: os}", "there is a rule for \"first\" already",
         "delete one of them"},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_confreport report;
        struct gw_config config;
        char text[256];

        snprintf(text, sizeof text,
                 "store: {durability_rules: [{filter: first, class: disk},\n           %s]}\n",
                 rows[i].rule);
        assert_int_equal(load(text, NULL, &config, &report), GW_INVALID);
        if (strstr((char *)report.text.data, rows[i].what) == NULL ||
            strstr((char *)report.text.data, rows[i].why) == NULL || report.error_count != 1)
            fail_msg("%s: wanted %s, %s; got %s", text, rows[i].what, rows[i].why,
                     (char *)report.text.data);
        gw_confreport_fini(&report);
    }
}

static void test_limit(void **state)
{
    struct gw_config_rules rules = {NULL, 0};
    struct gw_confreport_error error;
    char filter[32];

    (void)state;
    for (size_t i = 0; i < GW_CONFIG_RULES_MAX; i++) {
        snprintf(filter, sizeof filter, "site/%zu/#", i);
        assert_int_equal(gw_confrules_add(&rules, gw_span_str(filter), GW_DURABILITY_OS, &error),
                         GW_OK);
    }
    assert_int_equal(gw_confrules_add(&rules, GW_SPAN_LIT("x"), GW_DURABILITY_OS, &error),
                     GW_INVALID);
    assert_string_equal(error.what, "more than 1000 rules");
    assert_int_equal(rules.count, GW_CONFIG_RULES_MAX);
    gw_confrules_fini(&rules);
    gw_confrules_fini(&rules);
}

static void test_matches(void **state)
{
    static const struct {
        const char *filter, *topic;
        bool matches;
    } rows[] = {
        {"a", "a", true},           {"a", "a/b", false},    {"a", "ab", false},
        {"a/#", "a", true},         {"a/#", "a/b/c", true}, {"a/#", "ab", false},
        {"a/+", "a/", true},        {"a/+", "a", false},    {"a/+/c", "a/b/c", true},
        {"a/+/c", "a/b/d", false},  {"+", "a", true},       {"+", "/a", false},
        {"#", "a/b", true},         {"#", "$SYS/x", false}, {"+/x", "$SYS/x", false},
        {"$SYS/#", "$SYS/x", true}, {"/#", "/", true},      {"/#", "a", false},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config_rules rules = {NULL, 0};
        struct gw_confreport_error error;

        assert_int_equal(
            gw_confrules_add(&rules, gw_span_str(rows[i].filter), GW_DURABILITY_OS, &error), GW_OK);
        if (gw_confrules_matches(&rules.items[0], gw_span_str(rows[i].topic)) != rows[i].matches)
            fail_msg("%s and %s", rows[i].filter, rows[i].topic);
        gw_confrules_fini(&rules);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
