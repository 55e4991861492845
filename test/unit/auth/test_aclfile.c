#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "auth/aclfile.h"
#include "auth/reach.h"
#include "base/compiler.h"

static struct gw_access *parsed(const char *text)
{
    struct gw_access *access = gw_access_new();
    struct gw_aclfile_error error;
    enum gw_status status = gw_aclfile_parse(gw_span_str(text), access, &error);
    if (status != GW_OK)
        print_message("%u:%u: %s; %s\n", error.line, error.column, error.what, error.why);
    assert_int_equal(status, GW_OK);
    assert_int_equal(gw_access_seal(access), GW_OK);
    return access;
}

/* "allow user bob pubsub a/%c" for each rule, in order. */
static void expect_rules(const char *text, const char *const *wanted)
{
    struct gw_access *access = parsed(text);
    size_t i = 0;
    for (; i < gw_access_count(access); i++) {
        const struct gw_access_rule *rule = gw_access_at(access, i);
        struct gw_buf topic;
        char line[200];
        gw_buf_init(&topic, 1000);
        assert_int_equal(gw_reach_decode(rule->topic, &topic), GW_OK);
        int user_size = (int)rule->user.size;
        snprintf(line, sizeof line, "%u %s %s%.*s %s %.*s", rule->line,
                 rule->allow ? "allow" : "deny", rule->anonymous ? "(nobody)" : "", user_size,
                 user_size ? (const char *)rule->user.data : "",
                 rule->actions == GW_ACCESS_BOTH      ? "pubsub"
                 : rule->actions == GW_ACCESS_PUBLISH ? "pub"
                                                      : "sub",
                 (int)topic.size, (const char *)topic.data);
        assert_true(rule->from_file);
        assert_non_null(wanted[i]);
        assert_string_equal(line, wanted[i]);
        gw_buf_fini(&topic);
    }
    assert_null(wanted[i]);
    gw_access_unref(&access);
}

static void rules_stand_as_mosquitto_asks_them(void **state)
{
    (void)state;
    static const char text[] = "# for everybody without a name\n"
                               "topic read $SYS/#\n"
                               "\n"
                               "  topic   open/#  \r\n"
                               "pattern write devices/%c/#\n"
                               "user bob\n"
                               "topic a/#\n"
                               "topic deny a/secret\n"
                               "topic write with space/b  \n"
                               "pattern deny %u/50%/%x\n"
                               "user  two words\n"
                               "topic\tread\tc";
    static const char *const wanted[] = {
        "8 deny bob pubsub a/secret",
        "2 allow (nobody) sub $SYS/#",
        "4 allow (nobody) pubsub open/#",
        "7 allow bob pubsub a/#",
        "9 allow bob pub with space/b",
        "12 allow two words sub c",
        "10 deny  pubsub %u/50%%/%%x",
        "5 allow  pub devices/%c/#",
        NULL,
    };
    expect_rules(text, wanted);
}

static void odd_files_are_read(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    static const char *const one[] = {"1 allow (nobody) pubsub read", NULL};
    static const char *const bom[] = {"1 allow (nobody) pubsub a%%ub", NULL};
    expect_rules("", none);
    expect_rules("\n\n  \n#x \xFF\n", none); /* comments may be anything */
    expect_rules("topic read", one);         /* a topic of that name */
    expect_rules("\xEF\xBB\xBFtopic a%ub\r\n", bom);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column, width;
        const char *what, *why;
    } rows[] = {
        {"topic", 1, 6, 0, "there is no topic behind it", ""},
        {"user bob\ntopic reed a", 2, 7, 4, "\"reed\" is no right", "did you mean \"read\"?"},
        {"topic xyzzy a", 1, 7, 5, "\"xyzzy\" is no right", "it is read, write, readwrite or deny"},
        {"topic a/#/b", 1, 7, 5, "\"a/#/b\" is not a topic filter",
         "+ and # are levels of their own, # the last one"},
        {"topic deny \xC3\xA4+", 1, 12, 2, "\"\xC3\xA4+\" is not a topic filter",
         "+ and # are levels of their own, # the last one"},
        {"topic $share/g/a", 1, 7, 10, "\"$share/g/a\" is not a topic filter",
         "rules are for topics: write it without $share/GROUP/"},
        {"user   ", 1, 5, 0, "there is no name behind \"user\"", ""},
        {"usr bob", 1, 1, 3, "\"usr\" begins no line of an ACL file", "did you mean \"user\"?"},
        {"{\"a\": 1}", 1, 1, 5, "\"{\"a\":\" begins no line of an ACL file",
         "a line begins with user, topic, pattern or #"},
        {"topic a\n\n  \xFF", 3, 1, 0, "the line is not UTF-8, or contains zero bytes", ""},
        {"pattern \xFE/a", 1, 1, 0, "the line is not UTF-8, or contains zero bytes", ""},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_access *access = gw_access_new();
        struct gw_aclfile_error error;
        assert_int_equal(gw_aclfile_parse(gw_span_str(rows[i].text), access, &error), GW_INVALID);
        assert_string_equal(error.what, rows[i].what);
        assert_string_equal(error.why, rows[i].why);
        assert_int_equal(error.line, rows[i].line);
        assert_int_equal(error.column, rows[i].column);
        assert_int_equal(error.width, rows[i].width);
        gw_access_unref(&access);
    }
}

static void zero_bytes_and_size_are_refused(void **state)
{
    (void)state;
    struct gw_access *access = gw_access_new();
    struct gw_aclfile_error error;
    assert_int_equal(gw_aclfile_parse(gw_span_of("topic a\0b", 9), access, &error), GW_INVALID);
    char *large = malloc(GW_ACLFILE_SIZE_MAX + 1);
    assert_non_null(large);
    memset(large, '\n', GW_ACLFILE_SIZE_MAX + 1);
    assert_int_equal(gw_aclfile_parse(gw_span_of(large, GW_ACLFILE_SIZE_MAX), access, &error),
                     GW_OK);
    assert_int_equal(gw_aclfile_parse(gw_span_of(large, GW_ACLFILE_SIZE_MAX + 1), access, &error),
                     GW_LIMIT);
    free(large);
    gw_access_unref(&access);
}

static void too_many_patterns_are_refused(void **state)
{
    (void)state;
    struct gw_access *access = gw_access_new();
    struct gw_aclfile_error error;
    struct gw_buf text;
    gw_buf_init(&text, 1000000);
    for (unsigned i = 0; i <= GW_ACCESS_GENERAL_MAX; i++)
        assert_int_equal(gw_buf_append(&text, GW_SPAN_LIT("pattern a\n")), GW_OK);
    assert_int_equal(gw_aclfile_parse(gw_buf_span(&text), access, &error), GW_LIMIT);
    assert_int_equal(error.line, GW_ACCESS_GENERAL_MAX + 1);
    assert_string_equal(error.what, "there are too many rules");
    gw_buf_fini(&text);
    gw_access_unref(&access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_stand_as_mosquitto_asks_them),
        cmocka_unit_test(odd_files_are_read),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(zero_bytes_and_size_are_refused),
        cmocka_unit_test(too_many_patterns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
