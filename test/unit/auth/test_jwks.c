#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "auth/jwks.h"
#include "base/base64url.h"

#include "jwtvectors.h"

#define RSA_N                                                                                      \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4" \
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re" \
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX" \
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define EC_X      "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y      "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define OKP_X     "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define SECRET_32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

#define BIT(name) GW_JWALG_BIT(GW_JWALG_##name)
#define ALL_RSA   (BIT(RS256) | BIT(RS384) | BIT(RS512) | BIT(PS256) | BIT(PS384) | BIT(PS512))

/* The two parts of a token that matter here. */
struct token {
    struct gw_span input;
    struct gw_buf signature;
};

static void token_open(struct token *token, const char *text)
{
    const char *dot = strrchr(text, '.');
    token->input = gw_span_of(text, (size_t)(dot - text));
    gw_buf_init(&token->signature, 4096);
    assert_int_equal(gw_base64url_decode(gw_span_str(dot + 1), &token->signature), GW_OK);
}

static void load(struct gw_jwks *set, const char *keys)
{
    const char *why = NULL;
    char text[8192];
    (void)snprintf(text, sizeof text, "{\"keys\":[%s]}", keys);
    assert_int_equal(gw_jwks_parse(gw_span_str(text), set, &why), GW_OK);
}

static enum gw_status verify(const struct gw_jwks *set, enum gw_jwalg algorithm, const char *kid,
                             const struct token *token)
{
    const struct gw_jwkey *key;
    enum gw_status status = gw_jwks_verify(set, algorithm, gw_span_str(kid), token->input,
                                           gw_buf_span(&token->signature), &key);
    assert_int_equal(status == GW_OK, key != NULL);
    return status;
}

static void takes_what_others_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(jwtvectors); i++) {
        const struct jwtvector *vector = &jwtvectors[i];
        struct gw_jwks set;
        struct token token;
        load(&set, vector->key);
        assert_int_equal(set.count, 1);
        token_open(&token, vector->token);
        if (verify(&set, vector->algorithm, "", &token) != GW_OK)
            fail_msg("%s is not taken", gw_jwalg_name(vector->algorithm));
        gw_buf_fini(&token.signature);
        gw_jwks_fini(&set);
    }
}

static void sees_one_bit_that_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(jwtvectors); i++) {
        const struct jwtvector *vector = &jwtvectors[i];
        struct gw_jwks set;
        struct token token;
        char text[2048];
        load(&set, vector->key);
        (void)snprintf(text, sizeof text, "%s", vector->token);
        token_open(&token, text);
        for (size_t at = 0; at < token.signature.size; at += 7) {
            token.signature.data[at] ^= 1;
            assert_int_equal(verify(&set, vector->algorithm, "", &token), GW_NOT_FOUND);
            token.signature.data[at] ^= 1;
        }
        token.signature.size--;
        assert_int_equal(verify(&set, vector->algorithm, "", &token), GW_NOT_FOUND);
        token.signature.size = 0;
        assert_int_equal(verify(&set, vector->algorithm, "", &token), GW_NOT_FOUND);
        gw_buf_fini(&token.signature);
        token_open(&token, text);
        text[token.input.size / 2] ^= 1;
        assert_int_equal(verify(&set, vector->algorithm, "", &token), GW_NOT_FOUND);
        gw_buf_fini(&token.signature);
        gw_jwks_fini(&set);
    }
}

/* Whatever a token says: a key is used for algorithms of its own kind only. */
static void confuses_no_algorithms(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(jwtvectors); i++) {
        struct gw_jwks set;
        struct token token;
        load(&set, jwtvectors[i].key);
        token_open(&token, jwtvectors[i].token);
        for (unsigned other = 0; other < GW_JWALG_COUNT; other++) {
            bool same = other == (unsigned)jwtvectors[i].algorithm;
            enum gw_status status = verify(&set, (enum gw_jwalg)other, "", &token);
            assert_int_equal(status, same ? GW_OK : GW_NOT_FOUND);
        }
        bool secret = (GW_JWALG_BIT(jwtvectors[i].algorithm) & GW_JWALG_SECRET) != 0;
        uint32_t algorithms = gw_jwks_algorithms(&set);
        assert_int_equal(algorithms & (secret ? GW_JWALG_PUBLIC : GW_JWALG_SECRET), 0);
        gw_buf_fini(&token.signature);
        gw_jwks_fini(&set);
    }
}

static void knows_what_a_key_is_good_for(void **state)
{
    static const struct {
        const char *key;
        uint32_t algorithms; /* 0: it is passed over */
    } cases[] = {
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", ALL_RSA},
        {"{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"PS256\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}",
         BIT(PS256)},
        {"{\"kty\":\"RSA\",\"key_ops\":[\"verify\"],\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", ALL_RSA},
        {"{\"kty\":\"RSA\",\"use\":\"enc\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"use\":1,\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"key_ops\":[\"encrypt\"],\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"key_ops\":\"verify\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"alg\":\"HS256\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"alg\":\"none\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", 0},
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"}", 0},
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAA\"}", 0},
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB=\"}", 0},
        {"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"RSA\",\"kid\":7,\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", 0},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}", BIT(ES256)},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
         "\"}",
         0},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_Y "\",\"y\":\"" EC_X "\"}", 0},
        {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}", 0},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}", 0},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", 0},
        {"{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\"}", 0},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\"}", BIT(EDDSA)},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" OKP_X "\"}", 0},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" OKP_X "\"}", 0},
        {"{\"kty\":\"oct\",\"k\":\"" SECRET_32 "\"}", BIT(HS256)},
        {"{\"kty\":\"oct\",\"k\":\"" SECRET_32 "AAAAAAAAAAAAAAAAAAAAA\"}", BIT(HS256) | BIT(HS384)},
        {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", 0},
        {"{\"kty\":\"oct\",\"alg\":\"RS256\",\"k\":\"" SECRET_32 "\"}", 0},
        {"{\"kty\":\"OCT\",\"k\":\"" SECRET_32 "\"}", 0},
        {"{\"k\":\"" SECRET_32 "\"}", 0},
        {"{}", 0},
        {"7", 0},
        {"null", 0},
        {"[]", 0},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_jwks set;
        load(&set, cases[i].key);
        bool taken = cases[i].algorithms != 0;
        if (set.count != (taken ? 1u : 0u) || gw_jwks_algorithms(&set) != cases[i].algorithms)
            fail_msg("%s: %zu keys, %x", cases[i].key, set.count, gw_jwks_algorithms(&set));
        assert_int_equal(set.passed_over, taken ? 0 : 1);
        assert_int_equal(set.why == NULL, taken);
        gw_jwks_fini(&set);
    }
}

static void wants_a_set(void **state)
{
    static const char *const cases[] = {
        "",
        "{}",
        "[]",
        "{\"keys\":{}}",
        "{\"keys\":[]",
        "{\"keys\":[],\"keys\":[]}",
        "{\"KEYS\":[]}",
        "null",
        "{\"keys\":[{]}",
    };
    struct gw_jwks set;
    const char *why;
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        why = NULL;
        assert_int_equal(gw_jwks_parse(gw_span_str(cases[i]), &set, &why), GW_INVALID);
        assert_non_null(why);
        assert_null(set.keys);
    }
    load(&set, "");
    assert_int_equal(set.count, 0);
    gw_jwks_fini(&set);
}

static void bounds_a_set(void **state)
{
    static const char key[] = "{\"kty\":\"oct\",\"k\":\"" SECRET_32 "\"},";
    struct gw_buf text;
    struct gw_jwks set;
    const char *why;
    (void)state;
    for (size_t count = GW_JWKS_KEYS_MAX; count <= GW_JWKS_KEYS_MAX + 1; count++) {
        gw_buf_init(&text, 1 << 20);
        assert_int_equal(gw_buf_append(&text, GW_SPAN_LIT("{\"keys\":[")), GW_OK);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(gw_buf_append(&text, gw_span_of(key, sizeof key - 1)), GW_OK);
        text.size--;
        assert_int_equal(gw_buf_append(&text, GW_SPAN_LIT("]}")), GW_OK);
        enum gw_status status = gw_jwks_parse(gw_buf_span(&text), &set, &why);
        assert_int_equal(status, count <= GW_JWKS_KEYS_MAX ? GW_OK : GW_LIMIT);
        assert_int_equal(set.count, count <= GW_JWKS_KEYS_MAX ? count : 0);
        gw_jwks_fini(&set);
        gw_buf_fini(&text);
    }
}

static void finds_the_key_by_its_name(void **state)
{
    const struct jwtvector *rsa = &jwtvectors[1];
    struct gw_jwks set;
    struct token token;
    char keys[4096];
    (void)state;
    assert_int_equal(rsa->algorithm, GW_JWALG_RS256);
    token_open(&token, rsa->token);
    /* Another RSA key "a" (one digit of the modulus changed), the right one "b". */
    (void)snprintf(keys, sizeof keys,
                   "{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"xfgW%s\",\"e\":\"AQAB\"},"
                   "{\"kty\":\"RSA\",\"kid\":\"b\",\"n\":\"%s\",\"e\":\"AQAB\"}",
                   &RSA_N[4], RSA_N);
    load(&set, keys);
    assert_int_equal(set.count, 2);
    assert_true(set.keys[0].proof != set.keys[1].proof);
    assert_true(gw_jwks_has(&set, set.keys[1].proof));
    assert_false(gw_jwks_has(&set, 1));
    assert_int_equal(verify(&set, GW_JWALG_RS256, "b", &token), GW_OK);
    assert_int_equal(verify(&set, GW_JWALG_RS256, "", &token), GW_OK);
    assert_int_equal(verify(&set, GW_JWALG_RS256, "a", &token), GW_REFUSED);
    assert_int_equal(verify(&set, GW_JWALG_RS256, "c", &token), GW_NOT_FOUND);
    assert_int_equal(verify(&set, GW_JWALG_RS256, "B", &token), GW_NOT_FOUND);
    gw_jwks_fini(&set);
    gw_buf_fini(&token.signature);
}

static const char pem_p256[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                               "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                               "-----END PUBLIC KEY-----\n";
static const char pem_ed[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                             "-----END PUBLIC KEY-----\n";

static void reads_pem(void **state)
{
    struct gw_jwks set;
    struct gw_jwks same;
    struct token token;
    const char *why = NULL;
    char text[1024];
    (void)state;
    (void)snprintf(text, sizeof text, "a comment\n%s\n%s", pem_p256, pem_ed);
    assert_int_equal(gw_jwks_of_pem(gw_span_str(text), &set, &why), GW_OK);
    assert_int_equal(set.count, 2);
    assert_int_equal(gw_jwks_algorithms(&set), BIT(ES256) | BIT(EDDSA));
    token_open(&token, jwtvectors[2].token);
    assert_int_equal(verify(&set, GW_JWALG_ES256, "any", &token), GW_OK);
    load(&same, jwtvectors[2].key);
    assert_true(gw_jwks_has(&same, set.keys[0].proof));
    gw_buf_fini(&token.signature);
    gw_jwks_fini(&same);
    gw_jwks_fini(&set);
}

static void refuses_other_pem(void **state)
{
    static const char *const cases[] = {
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMCow\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PARAMETERS-----\nMCow\n-----END PARAMETERS-----\n",
    };
    struct gw_jwks set;
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        const char *why = NULL;
        assert_int_equal(gw_jwks_of_pem(gw_span_str(cases[i]), &set, &why), GW_INVALID);
        assert_non_null(why);
        assert_int_equal(set.count, 0);
    }
}

static void wants_a_long_secret(void **state)
{
    static char secret[GW_JWKEY_PART_MAX + 1];
    struct gw_jwks set;
    (void)state;
    for (size_t size = 0; size <= sizeof secret; size += size < 70 ? 1 : sizeof secret - 70 - 1) {
        const char *why = NULL;
        bool good = size >= GW_JWKEY_SECRET_MIN && size <= GW_JWKEY_PART_MAX;
        enum gw_status status = gw_jwks_of_secret(gw_span_of(secret, size), &set, &why);
        assert_int_equal(status, good ? GW_OK : GW_INVALID);
        if (good)
            assert_int_equal(gw_jwks_algorithms(&set), BIT(HS256) | (size >= 48 ? BIT(HS384) : 0) |
                                                           (size >= 64 ? BIT(HS512) : 0));
        gw_jwks_fini(&set);
    }
}

static void reads_lists_of_algorithms(void **state)
{
    static const struct {
        const char *text;
        uint32_t set; /* 0: not valid */
    } cases[] = {
        {"RS256", BIT(RS256)},
        {"RS256, ES256,EdDSA", BIT(RS256) | BIT(ES256) | BIT(EDDSA)},
        {" HS256 ,HS512 ", BIT(HS256) | BIT(HS512)},
        {"", 0},
        {" , ", 0},
        {"none", 0},
        {"rs256", 0},
        {"RS256, None", 0},
        {"ES256K", 0},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        uint32_t set = 0;
        struct gw_span wrong;
        enum gw_status status = gw_jwalg_list(gw_span_str(cases[i].text), &set, &wrong);
        assert_int_equal(status, cases[i].set ? GW_OK : GW_INVALID);
        if (cases[i].set)
            assert_int_equal(set, cases[i].set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_others_signed),
        cmocka_unit_test(sees_one_bit_that_is_wrong),
        cmocka_unit_test(confuses_no_algorithms),
        cmocka_unit_test(knows_what_a_key_is_good_for),
        cmocka_unit_test(wants_a_set),
        cmocka_unit_test(bounds_a_set),
        cmocka_unit_test(finds_the_key_by_its_name),
        cmocka_unit_test(reads_pem),
        cmocka_unit_test(refuses_other_pem),
        cmocka_unit_test(wants_a_long_secret),
        cmocka_unit_test(reads_lists_of_algorithms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
