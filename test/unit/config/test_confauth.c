#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "config/confprint.h"
#include "config/confreport.h"

static enum gw_status load(const char *text, struct gw_config *config, struct gw_confreport *report)
{
    struct gw_span yaml = gw_span_str(text);
    struct gw_config_input input = {.text = &yaml};
    return gw_config_load(&input, config, report);
}

static void files_are_read_in_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        const char *last;
    } rows[] = {
        {"", 0, NULL},
        {"auth: ", 0, NULL},
        {"auth: []", 0, NULL},
        {"auth: {file: users}", 1, "users"},
        {"auth:\n  - file: /etc/godwit/users\n", 1, "/etc/godwit/users"},
        {"auth: [{file: a}, {file: 'b c'}]", 2, "b c"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config config, copy;
        struct gw_buf text;
        gw_buf_init(&text, 1 << 16);
        assert_int_equal(load(rows[i].text, &config, NULL), GW_OK);
        assert_int_equal(config.auth.count, rows[i].count);
        if (rows[i].last)
            assert_string_equal(config.auth.files[rows[i].count - 1], rows[i].last);
        /* What is printed loads to the same, and so does a copy. */
        assert_int_equal(gw_confprint_changed(&config, &text), GW_OK);
        assert_int_equal(gw_buf_append(&text, gw_span_of("", 1)), GW_OK);
        assert_int_equal(load((const char *)text.data, &copy, NULL), GW_OK);
        assert_int_equal(gw_config_diff(&config, &copy, NULL, NULL), 0);
        gw_config_fini(&copy);
        assert_int_equal(gw_config_copy(&config, &copy), GW_OK);
        assert_int_equal(gw_config_diff(&config, &copy, NULL, NULL), 0);
        gw_config_fini(&copy);
        gw_config_fini(&config);
        gw_buf_fini(&text);
    }
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"auth: [users]", "an entry of auth is a mapping"},
        {"auth: users", "an entry of auth is a mapping"},
        {"auth: [{fil: users}]", "unknown key \"fil\" in an entry of auth"},
        {"auth: [{file: ''}]", "the name of the user file is empty"},
        {"auth: [{}]", "an entry of auth needs a file"},
        {"auth: [{file: [a]}]", "this is one value"},
        {"auth: [{file: a}, {file: a}]", "\"a\" stands here already"},
        {"auth: [{file: a}, {file: b}, {file: c}, {file: d}, {file: e}, {file: f}, {file: g},\n"
         "  {file: h}, {file: i}, {file: j}, {file: k}, {file: l}, {file: m}, {file: n},\n"
         "  {file: o}, {file: p}, {file: q}]",
         "more than 16 user files"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config config;
        struct gw_confreport report;
        gw_confreport_init(&report);
        assert_int_equal(load(rows[i].text, &config, &report), GW_INVALID);
        assert_int_equal(gw_buf_append(&report.text, gw_span_of("", 1)), GW_OK);
        assert_non_null(strstr((const char *)report.text.data, rows[i].words));
        gw_confreport_fini(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_in_their_order),
        cmocka_unit_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests_name("confauth", tests, NULL, NULL);
}
