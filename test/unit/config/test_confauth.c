#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "config/confauth.h"
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
        {"auth: [{file: a}, {http: {url: 'https://h/x'}}]", 2, "https://h/x"},
        {"auth: {http: {workers: 2, url: 'http://h', timeout: 1500ms}}", 1, "http://h"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config config, copy;
        struct gw_buf text;
        gw_buf_init(&text, 1 << 16);
        assert_int_equal(load(rows[i].text, &config, NULL), GW_OK);
        assert_int_equal(config.auth.count, rows[i].count);
        if (rows[i].last)
            assert_string_equal(config.auth.items[rows[i].count - 1].saids[0].text, rows[i].last);
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
        {"auth: [{file: ''}]", "file is empty"},
        {"auth: [{}]", "an entry of auth needs a file"},
        {"auth: [{file: [a]}]", "this is one value"},
        {"auth: [{file: a}, {file: a}]", "\"a\" stands here already"},
        {"auth: [{file: a}, {file: b}, {file: c}, {file: d}, {file: e}, {file: f}, {file: g},\n"
         "  {file: h}, {file: i}, {file: j}, {file: k}, {file: l}, {file: m}, {file: n},\n"
         "  {file: o}, {file: p}, {file: q}]",
         "more than 16 entries of auth"},
        {"auth: [{htp: {url: x}}]", "did you mean \"http\"?"},
        {"auth: [{zzzzz: {url: x}}]", "there are file"},
        {"auth: [{http: {url: 'http://h', tiemout: 1s}}]", "unknown key \"tiemout\" in http"},
        {"auth: [{http: {url: 'http://h', url: 'http://i'}}]", "url stands twice"},
        {"auth: [{http: x}]", "http has settings"},
        {"auth: [{http: [x]}]", "http has settings"},
        {"auth: [{http: {timeout: 1s}}]", "http needs url"},
        {"auth: [{http: {url: ''}}]", "url is empty"},
        {"auth: [{http: {url: h}}]", "url cannot be \"h\""},
        {"auth: [{http: {url: 'http://u:secret@h/'}}]", "there is a password in url"},
        {"auth: [{http: {url: 'http://h', timeout: 2m}}]", "it is 100ms to 1m"},
        {"auth: [{http: {url: 'http://h', timeout: 2}}]", "C107"},
        {"auth: [{http: {url: 'http://h', workers: 65}}]", "it is 1 to 64"},
        {"auth: [{file: a, http: {url: 'http://h'}}]", "an entry of auth is of one kind"},
        {"auth: [{file: a, file: b}]", "an entry of auth is of one kind"},
        {"auth: [{[a]: b}]", "unknown key \"(a list)\""},
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

/* What a backend gets. */
static void values_are_plain(void **state)
{
    (void)state;
    struct gw_config config;
    assert_int_equal(load("auth: {http: {url: 'http://a:1/b@c', timeout: 1m}}", &config, NULL),
                     GW_OK);
    const struct gw_config_auth_item *item = &config.auth.items[0];
    assert_false(gw_confauth_is_file(item));
    assert_string_equal(gw_confauth_value(item, "timeout"), "1m");
    assert_string_equal(gw_confauth_value(item, "workers"), "4");
    assert_null(gw_confauth_value(item, "ca_file"));
    assert_int_equal(gw_confauth_number(item, "workers"), 4);
    static const struct {
        enum gw_authkinds_type type;
        const char *text, *plain;
    } rows[] = {
        {GW_AUTHKINDS_TIME, "1m", "60000ms"}, {GW_AUTHKINDS_TIME, "0s", "0ms"},
        {GW_AUTHKINDS_COUNT, "1k", "1000"},   {GW_AUTHKINDS_BOOL, "yes", "true"},
        {GW_AUTHKINDS_BOOL, "off", "false"},  {GW_AUTHKINDS_TEXT, "1m", "1m"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        const struct gw_authkinds_setting setting = {.type = rows[i].type};
        struct gw_buf out;
        gw_buf_init(&out, 100);
        assert_int_equal(gw_confauth_plain(&setting, rows[i].text, &out), GW_OK);
        assert_true(gw_span_equal(gw_buf_span(&out), gw_span_str(rows[i].plain)));
        gw_buf_fini(&out);
    }
    gw_config_fini(&config);
}

/* The table has no defaults that it would not take, and no kind without settings. */
static void the_table_is_right(void **state)
{
    (void)state;
    for (size_t k = 0; k < gw_authkinds_count(); k++) {
        const struct gw_authkinds_kind *kind = gw_authkinds_at(k);
        size_t count;
        const struct gw_authkinds_setting *settings = gw_authkinds_settings(kind, &count);
        assert_in_range(count, 1, GW_AUTHKINDS_SETTINGS_MAX);
        assert_ptr_equal(gw_authkinds_find(gw_span_str(kind->name)), kind);
        for (size_t i = 0; i < count; i++) {
            bool number =
                settings[i].type == GW_AUTHKINDS_TIME || settings[i].type == GW_AUTHKINDS_COUNT;
            struct gw_buf out;
            assert_int_equal(number, settings[i].min[0] != '\0');
            assert_int_equal(number, settings[i].max[0] != '\0');
            assert_false(settings[i].required && settings[i].value[0] != '\0');
            gw_buf_init(&out, 1000);
            if (settings[i].value[0] != '\0')
                assert_int_equal(gw_confauth_plain(&settings[i], settings[i].value, &out), GW_OK);
            gw_buf_clear(&out);
            if (number) {
                assert_int_equal(gw_confauth_plain(&settings[i], settings[i].min, &out), GW_OK);
                assert_int_equal(gw_confauth_plain(&settings[i], settings[i].max, &out), GW_OK);
            }
            gw_buf_fini(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_in_their_order),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(values_are_plain),
        cmocka_unit_test(the_table_is_right),
    };
    return cmocka_run_group_tests_name("confauth", tests, NULL, NULL);
}
