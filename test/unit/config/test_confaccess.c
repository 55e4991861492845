#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "config/confprint.h"
#include "config/confreport.h"

static enum gw_status load(const char *text, struct gw_config *config, struct gw_confreport *report)
{
    struct gw_span yaml = gw_span_str(text);
    struct gw_config_input input = {.text = &yaml};
    return gw_config_load(&input, config, report);
}

/* What is printed loads to the same, and so does a copy. */
static void expect_round_trip(const struct gw_config *config)
{
    struct gw_config again;
    struct gw_buf text;
    gw_buf_init(&text, 1 << 16);
    assert_int_equal(gw_confprint_changed(config, &text), GW_OK);
    assert_int_equal(gw_buf_append(&text, gw_span_of("", 1)), GW_OK);
    assert_int_equal(load((const char *)text.data, &again, NULL), GW_OK);
    assert_int_equal(gw_config_diff(config, &again, NULL, NULL), 0);
    assert_true(gw_access_equal(config->rights, again.rights));
    gw_config_fini(&again);
    assert_int_equal(gw_config_copy(config, &again), GW_OK);
    assert_int_equal(gw_config_diff(config, &again, NULL, NULL), 0);
    assert_true(gw_access_equal(config->rights, again.rights));
    gw_config_fini(&again);
    gw_buf_fini(&text);
}

static void rules_are_read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool stands; /* there are rules, or a list of none */
        size_t count;
    } rows[] = {
        {"", false, 0},
        {"access: ~", false, 0},
        {"access: null", false, 0},
        {"access: []", true, 0},
        {"auth: [{file: users}]", true, 0}, /* who has users wants rules */
        {"auth: [{file: users}]\naccess: [{allow: sub, topic: a}]", true, 1},
        {"access: {allow: pub, topic: \"devices/%c/#\"}", true, 1},
        {"access:\n  - {deny: pubsub}\n  - {allow: sub, topic: '100%%/%u', user: 'a b', qos: 0}\n",
         true, 2},
        {"access: [{allow: pub, topic: a, group: g, client_id: '#', address: 10.1.2.3/9, qos: 1,"
         " retain: false}, {deny: pub, retain: true, anonymous: true}]",
         true, 2},
        {"listeners: [mqtt://localhost:1884, 'ws://127.0.0.1:1885/mqtt']\n"
         "access: [{allow: pub, topic: a, listener: mqtt://127.0.0.1:1884, certificate: o=a b},"
         " {deny: pub, claim: 'role=x=y', listener: 'ws://127.0.0.1:1885/mqtt'},"
         " {deny: pub, certificate: fingerprint=00ff}]",
         true, 3},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config config;
        assert_int_equal(load(rows[i].text, &config, NULL), GW_OK);
        assert_int_equal(config.rights != NULL, rows[i].stands);
        assert_int_equal(gw_access_count(config.rights), rows[i].count);
        expect_round_trip(&config);
        gw_config_fini(&config);
    }
}

static void fields_mean_what_they_say(void **state)
{
    (void)state;
    struct gw_config config;
    assert_int_equal(load("access:\n"
                          "  - {allow: pub, topic: a/#, user: bob, qos: 1, retain: false}\n"
                          "  - {deny: sub, address: fd00::/8}\n",
                          &config, NULL),
                     GW_OK);
    const struct gw_access_rule *rule = gw_access_at(config.rights, 0);
    assert_true(rule->allow);
    assert_int_equal(rule->actions, GW_ACCESS_PUBLISH);
    assert_true(gw_span_equal(rule->topic, GW_SPAN_LIT("a/#")));
    assert_true(gw_span_equal(rule->user, GW_SPAN_LIT("bob")));
    assert_int_equal(rule->qos_max, 1);
    assert_int_equal(rule->retain, GW_ACCESS_RETAIN_NO);
    assert_int_equal(rule->line, 2);
    rule = gw_access_at(config.rights, 1);
    assert_false(rule->allow);
    assert_int_equal(rule->actions, GW_ACCESS_SUBSCRIBE);
    assert_int_equal(rule->topic.size, 0);
    assert_int_equal(rule->qos_max, 2);
    assert_true(rule->net.stands);
    gw_config_fini(&config);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"access:", "access has no rules"},
        {"access: [a]", "a rule is a mapping"},
        {"access: [{}]", "a rule needs allow or deny"},
        {"access: [{alow: pub, topic: a}]", "did you mean \"allow\"?"},
        {"access: [{allow: publish, topic: a}]", "it is pub, sub or pubsub"},
        {"access: [{allow: subs, topic: a}]", "did you mean \"sub\"?"},
        {"access: [{allow: pub}]", "a rule that allows needs a topic"},
        {"access: [{allow: pub, deny: sub, topic: a}]", "a rule allows or denies, not both"},
        {"access: [{allow: pub, topic: ''}]", "\"#\" is every topic"},
        {"access: [{allow: pub, topic: a/#/b}]", "\"a/#/b\" is not a topic filter"},
        {"access: [{allow: pub, topic: $share/g/a}]", "write the filter without $share/GROUP/"},
        {"access: [{allow: pub, topic: 'a/%C'}]", "%u is the user, %c the client id"},
        {"access: [{allow: pub, topic: a, user: ''}]", "the name is empty"},
        {"access: [{allow: pub, topic: a, address: here}]", "\"here\" is no address"},
        {"access: [{allow: pub, topic: a, qos: 3}]", "it is 0, 1 or 2"},
        {"access: [{deny: pub, topic: a, qos: 1}]", "qos is for rules that allow"},
        {"access: [{allow: sub, topic: a, retain: true}]", "retain is for rules about publishing"},
        {"access: [{allow: pub, topic: a, retain: 1}]", "\"1\" is not true or false"},
        {"access: [{deny: pub, anonymous: false}]", "anonymous can only be true"},
        {"access: [{deny: pub, anonymous: true, user: a}]", "anonymous clients have no user"},
        {"access: [{deny: pub, certificate: Example}]", "\"Example\" is no name and value"},
        {"access: [{deny: pub, certificate: o=}]", "as \"o=Example\""},
        {"access: [{deny: pub, certificate: sandns=a}]", "did you mean \"san_dns\"?"},
        {"access: [{deny: pub, certificate: nothing-of-it=a}]", "it has cn, o, ou"},
        {"access: [{deny: pub, claim: =a}]", "as \"role=operator\""},
        {"access:\n  - {deny: pub, listener: 'ws://127.0.0.1:1/'}",
         "no listener is called \"ws://127.0.0.1:1/\""},
        {"access_file: /nonexistent/acl", "cannot read /nonexistent/acl"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config config;
        struct gw_confreport report;
        gw_confreport_init(&report);
        assert_int_equal(load(rows[i].text, &config, &report), GW_INVALID);
        assert_int_equal(gw_buf_append(&report.text, gw_span_of("", 1)), GW_OK);
        if (!strstr((const char *)report.text.data, rows[i].words))
            print_error("%s\nwanted %s\n", (const char *)report.text.data, rows[i].words);
        assert_non_null(strstr((const char *)report.text.data, rows[i].words));
        gw_confreport_fini(&report);
    }
}

/* Writes a file of mosquitto and loads it beside a rule of our own. */
static enum gw_status load_with_file(const char *content, struct gw_config *config,
                                     struct gw_confreport *report)
{
    char path[] = "/tmp/godwit-acl-XXXXXX";
    char text[200];
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), strlen(content));
    close(file);
    snprintf(text, sizeof text, "access: [{deny: pub, topic: a/b}]\naccess_file: %s\n", path);
    enum gw_status status = load(text, config, report);
    unlink(path);
    return status;
}

static void a_file_comes_behind_the_list(void **state)
{
    (void)state;
    struct gw_config one, other;
    assert_int_equal(load_with_file("topic a/#\n", &one, NULL), GW_OK);
    assert_int_equal(gw_access_count(one.access), 1);
    assert_int_equal(gw_access_count(one.rights), 2);
    assert_false(gw_access_at(one.rights, 0)->from_file);
    assert_true(gw_access_at(one.rights, 1)->from_file);
    /* Another content is a change, whatever the file is called. */
    assert_int_equal(load_with_file("topic b/#\n", &other, NULL), GW_OK);
    free(other.access_file);
    other.access_file = strdup(one.access_file);
    assert_int_equal(gw_config_diff(&one, &other, NULL, NULL), 1);
    gw_config_fini(&one);
    gw_config_fini(&other);
}

static void a_broken_file_is_no_list(void **state)
{
    (void)state;
    struct gw_config config;
    struct gw_confreport report;
    gw_confreport_init(&report);
    assert_int_equal(load_with_file("topic a\ntopic reed b\n", &config, &report), GW_INVALID);
    assert_null(config.rights);
    assert_int_equal(gw_buf_append(&report.text, gw_span_of("", 1)), GW_OK);
    assert_non_null(strstr((const char *)report.text.data, ":2:7: \"reed\" is no right"));
    assert_non_null(strstr((const char *)report.text.data, "did you mean \"read\"?"));
    gw_confreport_fini(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_read_and_printed),
        cmocka_unit_test(fields_mean_what_they_say),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(a_file_comes_behind_the_list),
        cmocka_unit_test(a_broken_file_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
