#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "auth/jwt.h"
#include "base/base64url.h"

#include "jwtvectors.h"

#define SECRET "a secret of forty bytes, which is enough"
#define NOW    1000000u

static const struct gw_jwt_rules plain = {
    .algorithms = GW_JWALG_BIT(GW_JWALG_HS256),
    .username_claim = "sub",
    .groups_claim = "groups",
    .leeway = 10,
};

static void append(struct gw_buf *buf, const char *text)
{
    assert_int_equal(gw_buf_append(buf, gw_span_str(text)), GW_OK);
}

/* Makes a token of a header and a payload, signed with the secret. */
static void make(struct gw_buf *ret_text, const char *header, const char *payload)
{
    uint8_t mac[32];
    size_t size = 0;
    gw_buf_init(ret_text, 1 << 20);
    assert_int_equal(gw_base64url_encode(gw_span_str(header), ret_text), GW_OK);
    append(ret_text, ".");
    assert_int_equal(gw_base64url_encode(gw_span_str(payload), ret_text), GW_OK);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, SECRET, strlen(SECRET),
                              ret_text->data, ret_text->size, mac, sizeof mac, &size));
    append(ret_text, ".");
    assert_int_equal(gw_base64url_encode(gw_span_of(mac, size), ret_text), GW_OK);
}

/* From the text to the warrant, as a backend goes about it. */
static enum gw_status run(const char *header, const char *payload, const struct gw_jwt_rules *rules,
                          uint64_t now, struct gw_warrant *warrant)
{
    char words[GW_BACKEND_WORDS_MAX] = "";
    struct gw_buf text;
    struct gw_jwks set;
    struct gw_jwt token;
    const char *why;
    uint64_t proof = 0;
    make(&text, header, payload);
    assert_int_equal(gw_jwks_of_secret(gw_span_str(SECRET), &set, &why), GW_OK);
    gw_warrant_init(warrant);
    enum gw_status status = gw_jwt_open(&token, gw_buf_span(&text), words);
    if (status == GW_OK) {
        status = gw_jwt_match(&token, rules, words);
        if (status == GW_OK) {
            status = gw_jwt_verify(&token, &set, &proof, words);
            assert_int_equal(status, GW_OK);
            assert_true(gw_jwks_has(&set, proof));
            status = gw_jwt_judge(&token, rules, now, warrant, words);
        }
        gw_jwt_fini(&token);
    }
    assert_int_equal(status == GW_OK, words[0] == '\0');
    gw_jwks_fini(&set);
    gw_buf_fini(&text);
    return status;
}

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static void lets_in_by_name(void **state)
{
    struct gw_warrant warrant;
    (void)state;
    assert_int_equal(
        run(HEADER,
            "{\"sub\":\"press-7\",\"exp\":1000100,\"groups\":[\"floor\",\"day shift\"],"
            "\"role\":\"operator\",\"level\":3,\"on\":true,\"off\":false,\"x\":null,"
            "\"plants\":[\"a\",\"b\",7],\"realm\":{\"roles\":[\"r\"],\"k\":{\"z\":-1.5}}}",
            &plain, NOW, &warrant),
        GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&warrant.user), GW_SPAN_LIT("press-7")));
    assert_true(gw_span_equal(gw_buf_span(&warrant.groups), GW_SPAN_LIT("floor,day shift")));
    assert_int_equal(warrant.expires, 1000110);
    static const struct {
        const char *name;
        const char *value;
        bool there;
    } cases[] = {
        {"claim.sub", "press-7", true},   {"claim.role", "operator", true},
        {"claim.level", "3", true},       {"claim.on", "true", true},
        {"claim.off", "false", true},     {"claim.x", "null", false},
        {"claim.plants", "a", true},      {"claim.plants", "b", true},
        {"claim.plants", "7", true},      {"claim.plants", "c", false},
        {"claim.realm.roles", "r", true}, {"claim.realm.k.z", "-1.5", true},
        {"claim.roles", "r", false},      {"claim.exp", "1000100", false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        bool there =
            gw_warrant_has_attribute(gw_buf_span(&warrant.attributes), gw_span_str(cases[i].name),
                                     gw_span_str(cases[i].value));
        if (there != cases[i].there)
            fail_msg("%s=%s", cases[i].name, cases[i].value);
    }
    gw_warrant_fini(&warrant);
}

static void judges_time(void **state)
{
    static const struct {
        const char *payload;
        enum gw_status status;
        uint64_t expires;
    } cases[] = {
        {"{\"sub\":\"a\",\"exp\":1000001}", GW_OK, 1000011},
        {"{\"sub\":\"a\",\"exp\":999991}", GW_OK, 1000001}, /* by leeway */
        {"{\"sub\":\"a\",\"exp\":999990}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":1000001.75}", GW_OK, 1000011},
        {"{\"sub\":\"a\",\"exp\":18446744073709551615}", GW_OK, UINT64_MAX},
        {"{\"sub\":\"a\"}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":0}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":null}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":\"1000001\"}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":-1000001}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":1e9}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":2000000.5e1}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":99999999999999999999999999}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":{}}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":1000001,\"nbf\":1000010}", GW_OK, 1000011},
        {"{\"sub\":\"a\",\"exp\":1000001,\"nbf\":1000011}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":1000001,\"nbf\":\"1\"}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":1000001,\"iat\":1000010}", GW_OK, 1000011},
        {"{\"sub\":\"a\",\"exp\":1000001,\"iat\":1000011}", GW_REFUSED, 0},
        {"{\"sub\":\"a\",\"exp\":1000001,\"iat\":[]}", GW_REFUSED, 0},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_warrant warrant;
        enum gw_status status = run(HEADER, cases[i].payload, &plain, NOW, &warrant);
        if (status != cases[i].status || (status == GW_OK && warrant.expires != cases[i].expires))
            fail_msg("%s", cases[i].payload);
        gw_warrant_fini(&warrant);
    }
}

static void judges_issuer_and_audience(void **state)
{
    static const struct {
        const char *issuer;
        const char *audience;
        const char *claims;
        enum gw_status status;
    } cases[] = {
        {NULL, NULL, "\"x\":1", GW_OK},
        {NULL, NULL, "\"iss\":\"anybody\"", GW_OK},
        {NULL, NULL, "\"aud\":\"mqtt\"", GW_REFUSED},
        {NULL, NULL, "\"aud\":[]", GW_REFUSED},
        {NULL, "mqtt", "\"x\":1", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":\"mqtt\"", GW_OK},
        {NULL, "mqtt", "\"aud\":\"MQTT\"", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":\"mqt\"", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":\"mqtt2\"", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":[\"web\",\"mqtt\"]", GW_OK},
        {NULL, "mqtt", "\"aud\":[\"web\"]", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":[]", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":[7,\"mqtt\"]", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":{\"mqtt\":\"mqtt\"}", GW_REFUSED},
        {NULL, "mqtt", "\"aud\":null", GW_REFUSED},
        {NULL, "web , mqtt", "\"aud\":\"mqtt\"", GW_OK},
        {NULL, "web , mqtt", "\"aud\":\"web\"", GW_OK},
        {NULL, "web , mqtt", "\"aud\":\"web , mqtt\"", GW_REFUSED},
        {NULL, "web , mqtt", "\"aud\":\"\"", GW_REFUSED},
        {"https://id", NULL, "\"iss\":\"https://id\"", GW_OK},
        {"https://id", NULL, "\"iss\":\"https://id/\"", GW_NOT_FOUND},
        {"https://id", NULL, "\"iss\":[\"https://id\"]", GW_NOT_FOUND},
        {"https://id", NULL, "\"x\":1", GW_NOT_FOUND},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_warrant warrant;
        struct gw_jwt_rules rules = plain;
        char payload[256];
        rules.issuer = cases[i].issuer;
        rules.audience = cases[i].audience;
        (void)snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"exp\":1000001,%s}",
                       cases[i].claims);
        enum gw_status status = run(HEADER, payload, &rules, NOW, &warrant);
        if (status != cases[i].status)
            fail_msg("%zu: %s: %s", i, cases[i].claims, gw_status_name(status));
        gw_warrant_fini(&warrant);
    }
}

static void finds_user_and_groups(void **state)
{
    static const struct {
        const char *user_claim;
        const char *groups_claim;
        const char *claims;
        enum gw_status status;
        const char *user;
        const char *groups;
    } cases[] = {
        {"sub", "groups", "\"sub\":\"a\"", GW_OK, "a", ""},
        {"sub", NULL, "\"sub\":\"a\",\"groups\":[\"x\"]", GW_OK, "a", ""},
        {"sub", "groups", "\"sub\":\"\\u00e4\",\"groups\":[]", GW_OK, "\xC3\xA4", ""},
        {"sub", "scope", "\"sub\":\"a\",\"scope\":\" read  write \"", GW_OK, "a", "read,write"},
        {"sub", "r.g", "\"sub\":\"a\",\"r\":{\"g\":[\"x\",\"y\"]}", GW_OK, "a", "x,y"},
        {"sub", "r.g", "\"sub\":\"a\",\"r.g\":[\"z\"],\"r\":{\"g\":[\"x\"]}", GW_OK, "a", "z"},
        {"sub", "r.g", "\"sub\":\"a\",\"r\":[\"g\"]", GW_OK, "a", ""},
        {"https://x/name", "groups", "\"https://x/name\":\"b\"", GW_OK, "b", ""},
        {"act.sub", "groups", "\"act\":{\"sub\":\"c\"}", GW_OK, "c", ""},
        {"sub", "groups", "\"x\":1", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"\"", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":7", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":[\"a\"]", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"a\\u0000b\"", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"a\",\"groups\":[\"x,admin\"]", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"a\",\"groups\":[\"\"]", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"a\",\"groups\":[\"x\",7]", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"a\",\"groups\":{\"x\":1}", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"a\",\"groups\":\"x,admin\"", GW_REFUSED, NULL, NULL},
        {"sub", "groups", "\"sub\":\"a\",\"role\":\"x\\u0000y\"", GW_REFUSED, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_warrant warrant;
        struct gw_jwt_rules rules = plain;
        char payload[256];
        rules.username_claim = cases[i].user_claim;
        rules.groups_claim = cases[i].groups_claim;
        (void)snprintf(payload, sizeof payload, "{\"exp\":1000001,%s}", cases[i].claims);
        enum gw_status status = run(HEADER, payload, &rules, NOW, &warrant);
        if (status != cases[i].status)
            fail_msg("%zu: %s: %s", i, cases[i].claims, gw_status_name(status));
        if (status == GW_OK) {
            assert_true(gw_span_equal(gw_buf_span(&warrant.user), gw_span_str(cases[i].user)));
            assert_true(gw_span_equal(gw_buf_span(&warrant.groups), gw_span_str(cases[i].groups)));
        }
        gw_warrant_fini(&warrant);
    }
}

static void knows_headers(void **state)
{
    static const struct {
        const char *header;
        enum gw_status status;
    } cases[] = {
        {"{\"alg\":\"HS256\"}", GW_OK},
        {"{\"alg\":\"HS256\",\"kid\":\"any\",\"typ\":\"at+jwt\",\"jku\":\"https://evil\"}", GW_OK},
        {"{\"alg\":\"none\"}", GW_MALFORMED},
        {"{\"alg\":\"None\"}", GW_MALFORMED},
        {"{\"alg\":\"\"}", GW_MALFORMED},
        {"{\"alg\":\"hs256\"}", GW_MALFORMED},
        {"{\"alg\":[\"HS256\"]}", GW_MALFORMED},
        {"{\"alg\":null}", GW_MALFORMED},
        {"{\"typ\":\"JWT\"}", GW_MALFORMED},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", GW_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", GW_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", GW_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[]}", GW_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":7}", GW_MALFORMED},
        {"[\"HS256\"]", GW_MALFORMED},
        {"{\"alg\":\"HS256\"", GW_MALFORMED},
        {"{\"alg\":\"HS256\"}x", GW_MALFORMED},
        {"{\"alg\":\"RS256\"}", GW_NOT_FOUND}, /* not among those of the rules */
        {"{\"alg\":\"HS512\"}", GW_NOT_FOUND},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_warrant warrant;
        enum gw_status status =
            run(cases[i].header, "{\"sub\":\"a\",\"exp\":1000001}", &plain, NOW, &warrant);
        if (status != cases[i].status)
            fail_msg("%s: %s", cases[i].header, gw_status_name(status));
        gw_warrant_fini(&warrant);
    }
}

static void is_strict_about_the_form(void **state)
{
    static const char *const cases[] = {
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "secret",
        "e30.e30",
        "e30.e30.",
        "eyJhbGciOiJIUzI1NiJ9..AA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA.AA",
        "eyJhbGciOiJIUzI1NiJ9.e30.A",
        "eyJhbGciOiJIUzI1NiJ9.e30=.AA",
        " eyJhbGciOiJIUzI1NiJ9.e30.AA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA\n",
        "eyJhbGciOiJIUzI1NiJ9.W10.AA",
        "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxLCJhIjoyfQ.AA",
        "eyJhbGciOiJub25lIn0.e30.",
        "{\"alg\":\"HS256\"}.{}.AA",
    };
    char words[GW_BACKEND_WORDS_MAX];
    struct gw_jwt token;
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        words[0] = '\0';
        if (gw_jwt_open(&token, gw_span_str(cases[i]), words) != GW_MALFORMED)
            fail_msg("%s", cases[i]);
        assert_true(words[0] != '\0');
    }
    assert_int_equal(gw_jwt_open(&token, GW_SPAN_LIT("eyJhbGciOiJIUzI1NiJ9.e30."), words), GW_OK);
    gw_jwt_fini(&token);
}

/* A token as large as it may be, one byte more; claims that are more than a warrant takes. */
static void bounds_a_token(void **state)
{
    static char text[GW_JWT_SIZE_MAX + 1];
    static char payload[GW_JWT_SIZE_MAX];
    static const char head[] = "eyJhbGciOiJIUzI1NiJ9.e30.";
    char words[GW_BACKEND_WORDS_MAX];
    struct gw_warrant warrant;
    struct gw_jwt token;
    (void)state;
    memset(text, 'A', sizeof text);
    memcpy(text, head, sizeof head - 1);
    /* 25 characters before it: 16359 = 4 n + 3 of signature. */
    assert_int_equal(gw_jwt_open(&token, gw_span_of(text, GW_JWT_SIZE_MAX), words), GW_OK);
    gw_jwt_fini(&token);
    assert_int_equal(gw_jwt_open(&token, gw_span_of(text, sizeof text), words), GW_LIMIT);

    size_t size =
        (size_t)snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"exp\":1000001,\"x\":[");
    while (size < 8000)
        size += (size_t)snprintf(payload + size, sizeof payload - size, "1,");
    (void)snprintf(payload + size, sizeof payload - size, "1]}");
    assert_int_equal(run(HEADER, payload, &plain, NOW, &warrant), GW_LIMIT);
    gw_warrant_fini(&warrant);
}

static void shows_whole_characters(void **state)
{
    char words[GW_BACKEND_WORDS_MAX];
    char header[256] = "{\"alg\":\"x";
    struct gw_buf text;
    struct gw_jwt token;
    (void)state;
    for (size_t i = 0; i < 60; i++)
        strcat(header, "\xC3\xA4");
    strcat(header, "\"}");
    make(&text, header, "{}");
    assert_int_equal(gw_jwt_open(&token, gw_buf_span(&text), words), GW_MALFORMED);
    assert_non_null(strstr(words, "\xC3\xA4\" is not known"));
    gw_buf_fini(&text);
}

static void reads_tokens_of_others(void **state)
{
    char words[GW_BACKEND_WORDS_MAX];
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(jwtvectors); i++) {
        struct gw_jwt token;
        enum gw_status status = gw_jwt_open(&token, gw_span_str(jwtvectors[i].token), words);
        bool json = strncmp(jwtvectors[i].token, "eyJhbGciOiJFZERTQSJ9.RXh", 24) != 0;
        assert_int_equal(status, json ? GW_OK : GW_MALFORMED); /* RFC 8037 signs plain text */
        if (json) {
            assert_int_equal(token.algorithm, jwtvectors[i].algorithm);
            gw_jwt_fini(&token);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_in_by_name),
        cmocka_unit_test(judges_time),
        cmocka_unit_test(judges_issuer_and_audience),
        cmocka_unit_test(finds_user_and_groups),
        cmocka_unit_test(knows_headers),
        cmocka_unit_test(is_strict_about_the_form),
        cmocka_unit_test(bounds_a_token),
        cmocka_unit_test(shows_whole_characters),
        cmocka_unit_test(reads_tokens_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
