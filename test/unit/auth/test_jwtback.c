#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "auth/jwtback.h"
#include "base/base64url.h"

#define SECRET "a secret of forty bytes, which is enough"
#define OTHER  "another secret of forty bytes, no better"
#define PEM                                                                                        \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"                               \
    "-----END PUBLIC KEY-----\n"

static uint64_t now(void *ctx)
{
    (void)ctx;
    return 1000000;
}

static enum gw_status serve(void *ctx, const struct gw_backend_fetch *what, struct gw_buf *ret_body,
                            char ret_words[GW_BACKEND_WORDS_MAX])
{
    const char *body = ctx;
    (void)what;
    (void)snprintf(ret_words, GW_BACKEND_WORDS_MAX, "nobody is there");
    return body ? gw_buf_append(ret_body, gw_span_str(body)) : GW_OS_ERROR;
}

static enum gw_status open_with(const struct gw_backend_setting *items, size_t count,
                                const char *body, void **ret_backend, char *ret_words)
{
    const struct gw_backend_settings settings = {items, count};
    const struct gw_backend_host host = {
        .ctx = (void *)(uintptr_t)body, .fetch = serve, .now = now};
    return gw_jwtback_ops.open(&settings, &host, ret_backend, ret_words);
}

static void make(struct gw_buf *ret_text, const char *kid, const char *payload, const char *secret)
{
    char header[128];
    uint8_t mac[32];
    size_t size = 0;
    (void)snprintf(header, sizeof header, "{\"alg\":\"HS256\"%s%s%s}", *kid ? ",\"kid\":\"" : "",
                   kid, *kid ? "\"" : "");
    gw_buf_init(ret_text, 4096);
    assert_int_equal(gw_base64url_encode(gw_span_str(header), ret_text), GW_OK);
    assert_int_equal(gw_buf_append(ret_text, GW_SPAN_LIT(".")), GW_OK);
    assert_int_equal(gw_base64url_encode(gw_span_str(payload), ret_text), GW_OK);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, strlen(secret),
                              ret_text->data, ret_text->size, mac, sizeof mac, &size));
    assert_int_equal(gw_buf_append(ret_text, GW_SPAN_LIT(".")), GW_OK);
    assert_int_equal(gw_base64url_encode(gw_span_of(mac, size), ret_text), GW_OK);
}

static enum gw_backend_answer ask(void *backend, const char *user, struct gw_span password,
                                  struct gw_backend_reply *reply)
{
    const struct gw_backend_login login = {.user = gw_span_str(user), .password = password};
    void *worker = gw_jwtback_ops.enter(backend);
    assert_non_null(worker);
    gw_warrant_init(&reply->warrant);
    memset(reply->words, 0, sizeof reply->words);
    enum gw_backend_answer answer = gw_jwtback_ops.ask(worker, &login, reply);
    gw_jwtback_ops.leave(worker);
    assert_true(answer == GW_BACKEND_YES || reply->words[0] != '\0');
    return answer;
}

#define GOOD "{\"sub\":\"ann\",\"iss\":\"us\",\"exp\":1000100,\"groups\":[\"g\"]}"

static void answers_each_kind_of_login(void **state)
{
    static const struct {
        const char *user;
        const char *payload;
        const char *secret;
        enum gw_backend_answer answer;
    } cases[] = {
        {"ann", GOOD, SECRET, GW_BACKEND_YES},
        {"", GOOD, SECRET, GW_BACKEND_YES},
        {"bob", GOOD, SECRET, GW_BACKEND_NO},
        {"Ann", GOOD, SECRET, GW_BACKEND_NO},
        {"ann", GOOD, OTHER, GW_BACKEND_UNKNOWN},
        {"ann", "{\"sub\":\"ann\",\"iss\":\"us\",\"exp\":1}", SECRET, GW_BACKEND_NO},
        {"ann", "{\"sub\":\"ann\",\"iss\":\"us\"}", SECRET, GW_BACKEND_NO},
        {"ann", "{\"sub\":\"ann\",\"iss\":\"they\",\"exp\":1000100}", SECRET, GW_BACKEND_UNKNOWN},
        {"ann", "{\"exp\":", SECRET, GW_BACKEND_UNKNOWN},
    };
    static const struct gw_backend_setting settings[] = {{"secret_file", SECRET}, {"issuer", "us"}};
    char words[GW_BACKEND_WORDS_MAX];
    struct gw_backend_reply reply;
    void *backend;
    (void)state;
    assert_int_equal(open_with(settings, GW_COUNT_OF(settings), NULL, &backend, words), GW_OK);
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_buf token;
        make(&token, "", cases[i].payload, cases[i].secret);
        enum gw_backend_answer answer = ask(backend, cases[i].user, gw_buf_span(&token), &reply);
        if (answer != cases[i].answer)
            fail_msg("%zu: %d: %s", i, (int)answer, reply.words);
        if (answer == GW_BACKEND_YES) {
            assert_true(gw_span_equal(gw_buf_span(&reply.warrant.user), GW_SPAN_LIT("ann")));
            assert_true(gw_span_equal(gw_buf_span(&reply.warrant.groups), GW_SPAN_LIT("g")));
            assert_int_equal(reply.warrant.expires, 1000110);
            assert_true(reply.warrant.proof != 0);
        }
        gw_warrant_fini(&reply.warrant);
        gw_buf_fini(&token);
    }
    assert_int_equal(ask(backend, "ann", GW_SPAN_LIT("my cat"), &reply), GW_BACKEND_UNKNOWN);
    gw_warrant_fini(&reply.warrant);
    assert_int_equal(ask(backend, "ann", GW_SPAN_NONE, &reply), GW_BACKEND_UNKNOWN);
    gw_warrant_fini(&reply.warrant);
    gw_jwtback_ops.close(backend);
}

static void says_when_it_cannot_tell(void **state)
{
    static const struct gw_backend_setting settings[] = {{"jwks", "https://id.example.com/keys"},
                                                         {"algorithms", "HS256"}};
    static const char set[] = "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k\","
                              "\"k\":\"YSBzZWNyZXQgb2YgZm9ydHkgYnl0ZXMsIHdoaWNoIGlzIGVub3VnaA\"}]}";
    static const struct {
        const char *body;
        const char *kid;
        const char *secret;
        enum gw_backend_answer answer;
    } cases[] = {
        {NULL, "k", SECRET, GW_BACKEND_TROUBLE},
        {set, "k", SECRET, GW_BACKEND_YES},
        {set, "", SECRET, GW_BACKEND_YES},
        {set, "k", OTHER, GW_BACKEND_NO}, /* it says that it is by this key, and is not */
        {set, "", OTHER, GW_BACKEND_UNKNOWN},
        {set, "x", SECRET, GW_BACKEND_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        char words[GW_BACKEND_WORDS_MAX];
        struct gw_backend_reply reply;
        struct gw_buf token;
        void *backend;
        assert_int_equal(open_with(settings, GW_COUNT_OF(settings), cases[i].body, &backend, words),
                         GW_OK);
        make(&token, cases[i].kid, GOOD, cases[i].secret);
        enum gw_backend_answer answer = ask(backend, "", gw_buf_span(&token), &reply);
        if (answer != cases[i].answer)
            fail_msg("%zu: %d: %s", i, (int)answer, reply.words);
        gw_warrant_fini(&reply.warrant);
        gw_buf_fini(&token);
        gw_jwtback_ops.close(backend);
    }
}

/* A token that says HS256 and is signed with the public key's text, as all the world knows it. */
static void takes_no_public_key_for_a_secret(void **state)
{
    char path[] = "/tmp/godwit-pem-XXXXXX";
    const struct gw_backend_setting settings[] = {{"public_key", path}};
    char words[GW_BACKEND_WORDS_MAX];
    struct gw_backend_reply reply;
    struct gw_buf token;
    void *backend;
    (void)state;
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, PEM, strlen(PEM)), (ssize_t)strlen(PEM));
    assert_int_equal(close(file), 0);
    enum gw_status status = open_with(settings, 1, NULL, &backend, words);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(status, GW_OK);
    make(&token, "", GOOD, PEM);
    assert_int_equal(ask(backend, "ann", gw_buf_span(&token), &reply), GW_BACKEND_UNKNOWN);
    gw_warrant_fini(&reply.warrant);
    gw_buf_fini(&token);
    gw_jwtback_ops.close(backend);
}

static void judges_settings(void **state)
{
    static const struct {
        struct gw_backend_setting items[3];
        const char *wrong; /* a word of the error; NULL: fine */
    } cases[] = {
        {{{"issuer", "us"}}, "one of jwks"},
        {{{"secret_file", SECRET}, {"jwks", "https://a/b"}}, "more than one"},
        {{{"secret_file", "short"}}, "32 bytes"},
        {{{"secret_file", SECRET}, {"algorithms", "HS256"}}, NULL},
        {{{"secret_file", SECRET}, {"algorithms", "HS256, RS256"}}, "with secret_file"},
        {{{"secret_file", SECRET}, {"algorithms", "HS512"}}, "none of them"},
        {{{"secret_file", SECRET}, {"algorithms", "none"}}, "\"none\""},
        {{{"secret_file", SECRET}, {"algorithms", ""}}, "\"\""},
        {{{"secret_file", SECRET}, {"username_claim", ""}}, "username_claim"},
        {{{"secret_file", SECRET}, {"groups_claim", ""}}, NULL},
        {{{"jwks", "https://a/b"}, {"algorithms", "RS256,HS256"}}, NULL},
        {{{"jwks", "http://a.example/b"}}, "https://"},
        {{{"jwks", "/nowhere/at/all"}}, "/nowhere/at/all"},
        {{{"public_key", "/nowhere/at/all"}}, "No such file"},
        {{{"public_key", "/nowhere"}, {"algorithms", "HS256"}}, "public_key"},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        char words[GW_BACKEND_WORDS_MAX] = "";
        void *backend = NULL;
        size_t count = 0;
        while (count < 3 && cases[i].items[count].name)
            count++;
        enum gw_status status = open_with(cases[i].items, count, NULL, &backend, words);
        if (status != (cases[i].wrong ? GW_INVALID : GW_OK) ||
            (cases[i].wrong && !strstr(words, cases[i].wrong)))
            fail_msg("%zu: %s", i, words);
        assert_int_equal(backend != NULL, status == GW_OK);
        gw_jwtback_ops.close(backend);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_kind_of_login),
        cmocka_unit_test(says_when_it_cannot_tell),
        cmocka_unit_test(takes_no_public_key_for_a_secret),
        cmocka_unit_test(judges_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
