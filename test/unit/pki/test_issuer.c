#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/compiler.h"
#include "pki/issuer.h"

#define NOW ((int64_t)1800000000)
#define DAY ((int64_t)GW_CERTIFICATE_DAY_S)

/* A CA, and one of each that it signed. */
struct family {
    struct gw_certkey ca_key, server_key, client_key;
    struct gw_certificate ca, server, client;
};

static struct gw_issuer_request request_for(enum gw_issuer_kind kind, const char *name,
                                            const struct gw_certkey *key, uint32_t days)
{
    return (struct gw_issuer_request){
        .kind = kind, .common_name = name, .key = key, .now_s = NOW, .days = days};
}

static int make_family(void **state)
{
    static struct family family;
    struct gw_certnames names = {0};
    const char *why;
    struct gw_issuer_signer signer = {&family.ca, &family.ca_key};
    assert_int_equal(gw_certkey_make(&family.ca_key), GW_OK);
    assert_int_equal(gw_certkey_make(&family.server_key), GW_OK);
    assert_int_equal(gw_certkey_make(&family.client_key), GW_OK);
    struct gw_issuer_request ca = request_for(GW_ISSUER_CA, "test CA", &family.ca_key, 3650);
    struct gw_issuer_request server =
        request_for(GW_ISSUER_SERVER, "broker.lan", &family.server_key, 825);
    struct gw_issuer_request client =
        request_for(GW_ISSUER_CLIENT, "sensor-7", &family.client_key, 730);
    assert_int_equal(gw_certnames_add(&names, GW_SPAN_LIT("broker.lan"), &why), GW_OK);
    assert_int_equal(gw_certnames_add(&names, GW_SPAN_LIT("10.0.0.9"), &why), GW_OK);
    assert_int_equal(gw_certnames_add(&names, GW_SPAN_LIT("fd00::9"), &why), GW_OK);
    server.names = &names;
    assert_int_equal(gw_issuer_make(&ca, NULL, &family.ca), GW_OK);
    assert_int_equal(gw_issuer_make(&server, &signer, &family.server), GW_OK);
    assert_int_equal(gw_issuer_make(&client, &signer, &family.client), GW_OK);
    *state = &family;
    return 0;
}

static int free_family(void **state)
{
    struct family *family = *state;
    gw_certificate_fini(&family->ca);
    gw_certificate_fini(&family->server);
    gw_certificate_fini(&family->client);
    gw_certkey_fini(&family->ca_key);
    gw_certkey_fini(&family->server_key);
    gw_certkey_fini(&family->client_key);
    return 0;
}

/* Asks OpenSSL, strictly: X509_V_OK or why not. */
static int verify(const struct gw_certificate *leaf, const struct gw_certificate *ca, int purpose,
                  int64_t at, const char *host)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, ca->x509);
    X509_STORE_CTX_init(context, store, leaf->x509, NULL);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_purpose(param, purpose);
    X509_VERIFY_PARAM_set_time(param, (time_t)at);
    if (host != NULL && !X509_VERIFY_PARAM_set1_ip_asc(param, host))
        X509_VERIFY_PARAM_set1_host(param, host, 0);
    X509_verify_cert(context);
    int result = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return result;
}

static void chains_verify_for_their_purpose_only(void **state)
{
    struct family *f = *state;
    const struct {
        const struct gw_certificate *leaf;
        int purpose;
        const char *host;
        int result;
    } rows[] = {
        {&f->server, X509_PURPOSE_SSL_SERVER, "broker.lan", X509_V_OK},
        {&f->server, X509_PURPOSE_SSL_SERVER, "10.0.0.9", X509_V_OK},
        {&f->server, X509_PURPOSE_SSL_SERVER, "fd00::9", X509_V_OK},
        {&f->server, X509_PURPOSE_SSL_SERVER, "other.lan", X509_V_ERR_HOSTNAME_MISMATCH},
        {&f->server, X509_PURPOSE_SSL_SERVER, "10.0.0.8", X509_V_ERR_IP_ADDRESS_MISMATCH},
        {&f->server, X509_PURPOSE_SSL_CLIENT, NULL, X509_V_ERR_INVALID_PURPOSE},
        {&f->client, X509_PURPOSE_SSL_CLIENT, NULL, X509_V_OK},
        {&f->client, X509_PURPOSE_SSL_SERVER, NULL, X509_V_ERR_INVALID_PURPOSE},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_int_equal(verify(rows[i].leaf, &f->ca, rows[i].purpose, NOW, rows[i].host),
                         rows[i].result);
}

static void dates_hold_from_a_little_earlier_to_the_last_day(void **state)
{
    struct family *f = *state;
    static const struct {
        int64_t at;
        int result;
    } rows[] = {
        {NOW - GW_ISSUER_EARLY_S - 1, X509_V_ERR_CERT_NOT_YET_VALID},
        {NOW - GW_ISSUER_EARLY_S + 1, X509_V_OK},
        {NOW + 825 * DAY - 1, X509_V_OK},
        {NOW + 825 * DAY + 1, X509_V_ERR_CERT_HAS_EXPIRED},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_int_equal(
            verify(&f->server, &f->ca, X509_PURPOSE_SSL_SERVER, rows[i].at, "broker.lan"),
            rows[i].result);
}

static void what_a_certificate_says_of_itself(void **state)
{
    struct family *f = *state;
    struct gw_certificate_facts facts;
    char names[100];
    assert_int_equal(gw_certificate_tell(&f->server, &facts), GW_OK);
    assert_string_equal(facts.subject, "CN = broker.lan");
    assert_string_equal(facts.common_name, "broker.lan");
    assert_string_equal(facts.issuer, "CN = test CA");
    assert_string_equal(facts.key, "P-256");
    assert_string_equal(gw_certnames_text(&facts.names, names, sizeof names),
                        "broker.lan, 10.0.0.9, fd00::9");
    assert_int_equal(strlen(facts.fingerprint), 64);
    assert_int_equal(strlen(facts.serial), 32);
    assert_true(facts.not_before == NOW - GW_ISSUER_EARLY_S);
    assert_true(facts.not_after == NOW + 825 * DAY);
    assert_true(facts.for_server && !facts.for_client && !facts.is_ca && !facts.self_signed);
    assert_int_equal(gw_certificate_days_left(&facts, NOW), 825);
    assert_int_equal(gw_certificate_days_left(&facts, facts.not_after), 0);
    assert_int_equal(gw_certificate_days_left(&facts, facts.not_after + 1), -1);
    assert_int_equal(gw_certificate_days_left(&facts, facts.not_after + DAY), -1);
    assert_int_equal(gw_certificate_days_left(&facts, facts.not_after + DAY + 1), -2);
    assert_int_equal(gw_certificate_tell(&f->ca, &facts), GW_OK);
    assert_true(facts.is_ca && facts.self_signed && !facts.for_server && !facts.for_client);
    assert_int_equal(X509_get_pathlen(f->ca.x509), 0);
}

static void keys_and_signers_are_told_apart(void **state)
{
    struct family *f = *state;
    assert_true(gw_certificate_has_key(&f->server, &f->server_key));
    assert_false(gw_certificate_has_key(&f->server, &f->client_key));
    assert_true(gw_certificate_is_by(&f->server, &f->ca));
    assert_true(gw_certificate_is_by(&f->ca, &f->ca));
    assert_false(gw_certificate_is_by(&f->server, &f->client));
}

static void a_ca_under_a_ca_is_worth_nothing(void **state)
{
    struct family *f = *state;
    struct gw_issuer_signer client = {&f->client, &f->client_key};
    struct gw_issuer_signer ca = {&f->ca, &f->ca_key};
    struct gw_certificate made;
    struct gw_issuer_request leaf = request_for(GW_ISSUER_CLIENT, "x", &f->server_key, 1);
    struct gw_issuer_request below = request_for(GW_ISSUER_CA, "x", &f->server_key, 1);
    assert_int_equal(gw_issuer_make(&leaf, &client, &made), GW_REFUSED); /* it is no CA */
    assert_int_equal(gw_issuer_make(&below, &ca, &made), GW_INVALID);
    assert_int_equal(gw_issuer_make(&leaf, NULL, &made), GW_INVALID);
}

static void nothing_outlives_its_ca(void **state)
{
    struct family *f = *state;
    struct gw_issuer_signer signer = {&f->ca, &f->ca_key};
    struct gw_certificate made;
    struct gw_certificate_facts facts;
    struct gw_issuer_request request =
        request_for(GW_ISSUER_CLIENT, "x", &f->client_key, GW_ISSUER_DAYS_MAX);
    assert_int_equal(gw_issuer_make(&request, &signer, &made), GW_OK);
    assert_int_equal(gw_certificate_tell(&made, &facts), GW_OK);
    assert_true(facts.not_after == NOW + 3650 * DAY);
    gw_certificate_fini(&made);
    request.now_s = NOW + 3650 * DAY;
    assert_int_equal(gw_issuer_make(&request, &signer, &made), GW_REFUSED);
    request.now_s = NOW;
    request.days = 0;
    assert_int_equal(gw_issuer_make(&request, &signer, &made), GW_INVALID);
    request.days = GW_ISSUER_DAYS_MAX + 1;
    assert_int_equal(gw_issuer_make(&request, &signer, &made), GW_INVALID);
}

static void a_name_too_long_for_the_subject_stands_in_the_names_alone(void **state)
{
    struct family *f = *state;
    struct gw_issuer_signer signer = {&f->ca, &f->ca_key};
    struct gw_certnames names = {0};
    struct gw_certificate made;
    const char *why;
    static const char host[] = "a-very-long-name-of-a-broker-in-a-cloud.some-region.some-cloud."
                               "example.com";
    assert_int_equal(gw_certnames_add(&names, gw_span_str(host), &why), GW_OK);
    struct gw_issuer_request request = request_for(GW_ISSUER_SERVER, host, &f->server_key, 825);
    request.names = &names;
    assert_int_equal(gw_issuer_make(&request, &signer, &made), GW_OK);
    assert_int_equal(verify(&made, &f->ca, X509_PURPOSE_SSL_SERVER, NOW, host), X509_V_OK);
    gw_certificate_fini(&made);
}

static void texts_come_back_as_they_were(void **state)
{
    struct family *f = *state;
    struct gw_buf pem;
    struct gw_certkey key;
    struct gw_certificate certificate;
    gw_buf_init(&pem, 65536);
    assert_int_equal(gw_certificate_print(&f->server, &pem), GW_OK);
    assert_int_equal(gw_certificate_print(&f->ca, &pem), GW_OK);
    assert_int_equal(gw_certkey_print(&f->server_key, &pem), GW_OK);
    struct gw_span rest = gw_buf_span(&pem);
    assert_int_equal(gw_certkey_parse(rest, &key), GW_OK);
    assert_int_equal(gw_certificate_parse(&rest, &certificate), GW_OK);
    assert_true(gw_certificate_has_key(&certificate, &key));
    gw_certificate_fini(&certificate);
    assert_int_equal(gw_certificate_parse(&rest, &certificate), GW_OK);
    assert_true(gw_certificate_is_by(&certificate, &f->ca));
    gw_certificate_fini(&certificate);
    assert_int_equal(gw_certificate_parse(&rest, &certificate), GW_NOT_FOUND);
    gw_certkey_fini(&key);
    gw_certkey_wipe(&pem);
}

static void what_is_no_pem_is_told_apart(void **state)
{
    (void)state;
    const struct {
        struct gw_span text;
        enum gw_status key, certificate;
    } rows[] = {
        {GW_SPAN_LIT(""), GW_NOT_FOUND, GW_NOT_FOUND},
        {GW_SPAN_LIT("hello\n"), GW_NOT_FOUND, GW_NOT_FOUND},
        {GW_SPAN_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
         GW_NOT_FOUND, GW_INVALID},
        {GW_SPAN_LIT("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), GW_INVALID,
         GW_NOT_FOUND},
        {GW_SPAN_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n"), GW_NOT_FOUND, GW_INVALID},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_certkey key;
        struct gw_certificate certificate;
        struct gw_span text = rows[i].text;
        enum gw_status key_status = gw_certkey_parse(text, &key);
        enum gw_status status = gw_certificate_parse(&text, &certificate);
        assert_int_equal(key_status, rows[i].key);
        assert_int_equal(status, rows[i].certificate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_verify_for_their_purpose_only),
        cmocka_unit_test(dates_hold_from_a_little_earlier_to_the_last_day),
        cmocka_unit_test(what_a_certificate_says_of_itself),
        cmocka_unit_test(keys_and_signers_are_told_apart),
        cmocka_unit_test(a_ca_under_a_ca_is_worth_nothing),
        cmocka_unit_test(nothing_outlives_its_ca),
        cmocka_unit_test(a_name_too_long_for_the_subject_stands_in_the_names_alone),
        cmocka_unit_test(texts_come_back_as_they_were),
        cmocka_unit_test(what_is_no_pem_is_told_apart),
    };
    return cmocka_run_group_tests(tests, make_family, free_family);
}
