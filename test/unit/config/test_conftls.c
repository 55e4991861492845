#include "config/conftls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/confvalue.h"

static enum gw_status load(const char *text, struct gw_config *config, struct gw_confreport *report)
{
    const struct gw_span span = gw_span_str(text);
    const struct gw_config_input input = {"f.yaml", &span, NULL, NULL, 0};
    gw_confreport_init(report);
    return gw_config_load(&input, config, report);
}

static const char good[] = "tls: {cert: a.pem, key: a.key, client_ca: ca.pem, version_min: 1.3,\n"
                           "  certificates: [{cert: b.pem, key: b.key}, {cert: c.pem}]}\n"
                           "listeners:\n"
                           "  - mqtts://127.0.0.1\n"
                           "  - url: mqtts://localhost:9000\n"
                           "    tls: {cert: own.pem, client_cert: required, identity: cn,\n"
                           "          tickets: off}\n";

static void assert_config(const struct gw_config *config)
{
    struct gw_config_tls tls;
    assert_int_equal(config->listeners.count, 3);
    assert_int_equal(gw_address_port(&config->listeners.items[0].address), 8883);
    gw_conftls_resolve(config, &config->listeners.items[0], &tls);
    assert_string_equal(tls.cert, "a.pem");
    assert_string_equal(tls.key, "a.key");
    assert_int_equal(tls.version_min, GW_CONFIG_TLS_13);
    assert_int_equal(tls.certificates.count, 2);
    assert_string_equal(tls.certificates.items[1].key, "");
    assert_int_equal(tls.client_cert, GW_CONFIG_CLIENT_CERT_OFF);
    assert_true(tls.tickets);
    for (size_t i = 1; i < 3; i++) {
        gw_conftls_resolve(config, &config->listeners.items[i], &tls);
        assert_string_equal(tls.cert, "own.pem");
        assert_string_equal(tls.key, ""); /* not the key of another certificate */
        assert_string_equal(tls.client_ca, "ca.pem");
        assert_int_equal(tls.client_cert, GW_CONFIG_CLIENT_CERT_REQUIRED);
        assert_int_equal(tls.identity, GW_CONFIG_IDENTITY_CN);
        assert_false(tls.tickets);
    }
}

static void listeners_differ_from_the_block(void **state)
{
    struct gw_config config;
    struct gw_config copy;
    struct gw_confreport report;
    (void)state;
    if (load(good, &config, &report) != GW_OK)
        fail_msg("%.*s", GW_SPAN_FMT(gw_buf_span(&report.text)));
    gw_confreport_fini(&report);
    assert_config(&config);
    assert_int_equal(gw_config_copy(&config, &copy), GW_OK);
    assert_int_equal(gw_config_diff(&config, &copy, NULL, NULL), 0);
    gw_config_fini(&config);
    assert_config(&copy);
    gw_config_fini(&copy);
}

static void is_printed_as_it_is_read(void **state)
{
    struct gw_config config;
    struct gw_confreport report;
    struct gw_buf text;
    (void)state;
    assert_int_equal(load(good, &config, &report), GW_OK);
    gw_confreport_fini(&report);
    gw_buf_init(&text, 4096);
    assert_int_equal(gw_confvalue_print(&config, gw_config_find(GW_SPAN_LIT("listeners")), &text),
                     GW_OK);
    assert_int_equal(gw_buf_append(&text, GW_SPAN_LIT("\0")), GW_OK);
    assert_non_null(
        strstr((char *)text.data,
               "{url: \"mqtts://127.0.0.1:9000\", anonymous: true, tls: {cert: own.pem, "
               "identity: cn, client_cert: required, tickets: off}}"));
    gw_buf_fini(&text);
    gw_config_fini(&config);
}

static void faults_have_their_place(void **state)
{
    static const struct {
        const char *text, *what;
    } rows[] = {
        {"tls: {client_cert: maybe}", "f.yaml:1:20:"},
        {"tls: {version_min: 1.1}", "f.yaml:1:20:"},
        {"tls: {certificates: [{key: x}]}", "a certificate needs a file"},
        {"tls: {certificates: x}", "a certificate is a mapping"},
        {"tls: {certificates: [{cert: x, chain: y}]}", "unknown key \"chain\" in a certificate"},
        {"listeners: [{url: 'mqtts://*', tls: {cart: x}}]", "did you mean \"tls.cert\"?"},
        {"listeners: [{url: 'mqtts://*', tls: {cert: x, cert: y}}]", "tls.cert stands twice"},
        {"listeners: [{url: 'mqtts://*', tls: x}]", "this is a mapping, not one value"},
        {"listeners: [{url: 'mqtts://*', tls: {identity: name}}]", "f.yaml:1:48:"},
        {"listeners: [{url: 'mqtts://*', tls: {tickets: [x]}}]", "this is one value"},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_config config;
        struct gw_confreport report;
        assert_int_equal(load(rows[i].text, &config, &report), GW_INVALID);
        assert_int_equal(gw_buf_append(&report.text, GW_SPAN_LIT("\0")), GW_OK);
        if (strstr((char *)report.text.data, rows[i].what) == NULL)
            fail_msg("%s: wanted %s, got %s", rows[i].text, rows[i].what, (char *)report.text.data);
        gw_confreport_fini(&report);
    }
}

static void there_is_a_bound(void **state)
{
    struct gw_config_pairs pairs = {NULL, 0};
    struct gw_confreport_error error;
    (void)state;
    for (int i = 0; i < GW_CONFIG_PAIRS_MAX; i++)
        assert_int_equal(
            gw_conftls_add(&pairs, GW_SPAN_LIT("x"), GW_SPAN_LIT("y"), GW_SPAN_NONE, &error),
            GW_OK);
    assert_int_equal(
        gw_conftls_add(&pairs, GW_SPAN_LIT("x"), GW_SPAN_LIT("y"), GW_SPAN_NONE, &error),
        GW_INVALID);
    gw_conftls_fini(&pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_differ_from_the_block),
        cmocka_unit_test(is_printed_as_it_is_read),
        cmocka_unit_test(faults_have_their_place),
        cmocka_unit_test(there_is_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
