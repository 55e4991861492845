#include "config/confprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/confreport.h"
#include "os/file.h"

#define REFERENCE "docs/reference/config.md"

static enum gw_status load_text(struct gw_span text, struct gw_config *config)
{
    struct gw_config_input input = {.text = &text};
    struct gw_confreport report;
    enum gw_status status;

    gw_confreport_init(&report);
    status = gw_config_load(&input, config, &report);
    if (status != GW_OK)
        print_error("%.*s", GW_SPAN_FMT(gw_buf_span(&report.text)));
    gw_confreport_fini(&report);
    return status;
}

/* What is printed loads to the same values. */
static void test_effective_loads_again(void **state)
{
    static const char *const texts[] = {
        "",
        "threads: 7\nlisteners: [{url: 'mqtt://0.0.0.0:1', anonymous: insecure}]",
        "listeners: ['mqtt://127.0.0.1:9', {url: mqtt://127.0.0.1:8, anonymous: false}]",
        "listeners: [{url: 'ws://127.0.0.1:7/a', origins: ['https://a', 'null']}, ws://127.0.0.1]",
        "mqtt: {response_information: \"a\\\"b\\\\ \\x01 $${x} \\t#:- '\", versions: [5]}",
        "mqtt: {response_information: \"\\u0085 \\x9b \\u2028\\u2029 \\uFEFF\\uFFFF "
        "\\u00e4\\u20AC\\U0001F600 \xC3\xA4 \\e\\x7f\"}",
        "mqtt: {response_information: '- x'}\nlimits: {queue: {policy: disconnect, bytes: "
        "1234567}}",
        "limits: {session_expiry: 90s, will_delay: 0, connect_time: 1m1ms}\nshared: {queue: "
        "{bytes: "
        "1TiB}}\nlog: {level: error, format: journal}",
        "store: {path: /srv/a b, durability: os, segment: 64MiB, durability_rules: [{filter: "
        "'a/+/\"b/#', class: disk}, {filter: '+', class: memory}]}",
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
        struct gw_config config, again, changed;
        struct gw_buf text, diff;

        gw_buf_init(&text, 65536);
        gw_buf_init(&diff, 65536);
        assert_int_equal(load_text(gw_span_str(texts[i]), &config), GW_OK);
        assert_int_equal(gw_confprint_effective(&config, &text), GW_OK);
        assert_int_equal(load_text(gw_buf_span(&text), &again), GW_OK);
        assert_int_equal(gw_config_diff(&config, &again, NULL, NULL), 0);
        assert_int_equal(gw_confprint_changed(&config, &diff), GW_OK);
        assert_int_equal(load_text(gw_buf_span(&diff), &changed), GW_OK);
        assert_int_equal(gw_config_diff(&config, &changed, NULL, NULL), 0);
        assert_true(diff.size < text.size);
        gw_buf_fini(&text);
        gw_buf_fini(&diff);
        gw_config_fini(&config);
        gw_config_fini(&again);
        gw_config_fini(&changed);
    }
}

static void test_defaults_load(void **state)
{
    struct gw_config config, defaults;
    struct gw_buf text;

    (void)state;
    gw_buf_init(&text, 65536);
    assert_int_equal(gw_confprint_defaults(&text), GW_OK);
    assert_int_equal(load_text(gw_buf_span(&text), &config), GW_OK);
    assert_int_equal(gw_config_init_defaults(&defaults), GW_OK);
    assert_int_equal(gw_config_diff(&config, &defaults, NULL, NULL), 0);
    gw_config_fini(&config);
    gw_config_fini(&defaults);
    gw_buf_fini(&text);
}

static void test_changed(void **state)
{
    static const char *const env[] = {"GODWIT__LOG__LEVEL=warn", NULL};
    static const char *const sets[] = {"limits.queue.messages=7"};
    struct gw_span text = GW_SPAN_LIT("\nlimits:\n  packet: 3MB\n  queue: {qos0: true}\nstore:\n"
                                      "  durability_rules: [{filter: b, class: os}]\n");
    struct gw_config_input input = {"f.yaml", &text, env, sets, 1};
    struct gw_config config;
    struct gw_buf out;

    (void)state;
    gw_buf_init(&out, 65536);
    assert_int_equal(gw_config_load(&input, &config, NULL), GW_OK);
    assert_int_equal(gw_confprint_changed(&config, &out), GW_OK);
    assert_int_equal(gw_buf_append(&out, gw_span_of("", 1)), GW_OK);
    assert_string_equal((char *)out.data,
                        "\n"
                        "limits:\n"
                        "  packet: 3MB                                   # f.yaml:3\n"
                        "  queue:\n"
                        "    messages: 7                                 # command line\n"
                        "    qos0: true                                  # f.yaml:4\n"
                        "\n"
                        "store:\n"
                        "  durability_rules:                             # f.yaml:6\n"
                        "    - {filter: b, class: os}\n"
                        "\n"
                        "log:\n"
                        "  level: warn                                   # environment\n");
    gw_buf_fini(&out);
    gw_config_fini(&config);
}

/* docs/reference/config.md is what the table says now. */
static void test_reference_is_current(void **state)
{
    char path[4096] = __FILE__;
    char *test = strstr(path, "test/unit/");
    struct gw_buf file, text;
    int number;

    (void)state;
    assert_non_null(test);
    snprintf(test, sizeof path - (size_t)(test - path), REFERENCE);
    gw_buf_init(&file, 1 << 20);
    gw_buf_init(&text, 1 << 20);
    assert_int_equal(gw_file_read(path, &file, &number), GW_OK);
    assert_int_equal(gw_confprint_reference(&text), GW_OK);
    if (!gw_span_equal(gw_buf_span(&file), gw_buf_span(&text)))
        fail_msg("%s is not current: godwit config reference > %s", REFERENCE, REFERENCE);
    gw_buf_fini(&file);
    gw_buf_fini(&text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_effective_loads_again),
        cmocka_unit_test(test_defaults_load),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_reference_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
