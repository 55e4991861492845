#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/jwtkeys.h"
#include "os/thread.h"

#define URL "https://id.example.com/jwks.json"
#define KEY(kid)                                                                                   \
    "{\"kty\":\"oct\",\"kid\":\"" kid "\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"

/* A web service and a clock. */
struct service {
    const char *body; /* NULL: it cannot be reached */
    uint64_t now;
    unsigned asked;
    unsigned told;
    char last_told[GW_BACKEND_WORDS_MAX];
    struct gw_mutex mutex; /* of what threads count */
};

static enum gw_status serve(void *ctx, const struct gw_backend_fetch *what, struct gw_buf *ret_body,
                            char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct service *service = ctx;
    assert_string_equal(what->url, URL);
    assert_string_equal(what->ca_file, "ca.pem");
    assert_int_equal(what->timeout_ms, 700);
    gw_mutex_lock(&service->mutex);
    service->asked++;
    gw_mutex_unlock(&service->mutex);
    if (service->body)
        return gw_buf_append(ret_body, gw_span_str(service->body));
    (void)snprintf(ret_words, GW_BACKEND_WORDS_MAX, "nobody is there");
    return GW_OS_ERROR;
}

static void told(void *ctx, const char *words)
{
    struct service *service = ctx;
    service->told++;
    (void)snprintf(service->last_told, sizeof service->last_told, "%s", words);
}

static uint64_t now(void *ctx)
{
    return ((struct service *)ctx)->now;
}

static struct gw_jwtkeys *open_service(struct service *service, const char *body)
{
    const struct gw_jwtkeys_source source = {
        .jwks = URL, .ca_file = "ca.pem", .refresh = 600, .timeout_ms = 700};
    const struct gw_backend_host host = {.ctx = service, .fetch = serve, .tell = told, .now = now};
    char words[GW_BACKEND_WORDS_MAX];
    struct gw_jwtkeys *keys;
    *service = (struct service){.body = body, .now = 1000000};
    gw_mutex_init(&service->mutex);
    assert_int_equal(gw_jwtkeys_new(&source, &host, &keys, words), GW_OK);
    assert_int_equal(service->asked, 0);
    return keys;
}

static void close_service(struct service *service, struct gw_jwtkeys *keys)
{
    gw_jwtkeys_free(keys);
    gw_mutex_fini(&service->mutex);
}

/* The identifier of the first key; "" if there are no keys. */
static void assert_current(struct gw_jwtkeys *keys, const char *kid)
{
    char words[GW_BACKEND_WORDS_MAX] = "";
    struct gw_jwtkeys_set *set = gw_jwtkeys_take(keys, words);
    assert_int_equal(set == NULL, *kid == '\0');
    if (!set) {
        assert_true(words[0] != '\0');
        return;
    }
    assert_true(gw_span_equal(gw_buf_span(&gw_jwtkeys_jwks(set)->keys[0].kid), gw_span_str(kid)));
    gw_jwtkeys_give(keys, set);
}

static void asks_again_after_a_while(void **state)
{
    struct service service;
    struct gw_jwtkeys *keys = open_service(&service, "{\"keys\":[" KEY("a") "]}");
    (void)state;
    assert_current(keys, "a");
    service.body = "{\"keys\":[" KEY("b") "]}";
    service.now += 599;
    assert_current(keys, "a");
    assert_int_equal(service.asked, 1);
    service.now += 1;
    assert_current(keys, "b");
    assert_int_equal(service.asked, 2);
    service.now -= 100000; /* somebody set the clock back */
    assert_current(keys, "b");
    assert_int_equal(service.asked, 3);
    assert_int_equal(service.told, 0);
    close_service(&service, keys);
}

static void keeps_old_keys_when_a_fetch_fails(void **state)
{
    static const char *const bodies[] = {NULL, "", "<html>", "{\"keys\":7}"};
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(bodies); i++) {
        struct service service;
        struct gw_jwtkeys *keys = open_service(&service, "{\"keys\":[" KEY("a") "]}");
        assert_current(keys, "a");
        service.body = bodies[i];
        service.now += 700;
        assert_current(keys, "a");
        assert_int_equal(service.asked, 2);
        assert_int_equal(service.told, 1);
        assert_non_null(strstr(service.last_told, URL));
        service.now += GW_JWTKEYS_RETRY - 1; /* too early for another try */
        assert_current(keys, "a");
        assert_int_equal(service.asked, 2);
        service.now += 1;
        assert_current(keys, "a");
        assert_int_equal(service.asked, 3);
        assert_int_equal(service.told, 1); /* once is enough */
        service.body = "{\"keys\":[" KEY("b") "]}";
        service.now += GW_JWTKEYS_RETRY;
        assert_current(keys, "b");
        assert_int_equal(service.told, 2);
        close_service(&service, keys);
    }
}

static void has_none_before_the_first_answer(void **state)
{
    struct service service;
    struct gw_jwtkeys *keys = open_service(&service, NULL);
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_current(keys, "");
    assert_int_equal(service.asked, 1);
    service.body = "{\"keys\":[" KEY("a") "]}";
    service.now += GW_JWTKEYS_RETRY;
    assert_current(keys, "a");
    close_service(&service, keys);
}

/* Keys that are not known are asked for at once, but not as often as somebody likes. */
static void renews_within_bounds(void **state)
{
    char words[GW_BACKEND_WORDS_MAX] = "";
    struct service service;
    struct gw_jwtkeys *keys = open_service(&service, "{\"keys\":[" KEY("a") "]}");
    (void)state;
    struct gw_jwtkeys_set *first = gw_jwtkeys_take(keys, words);
    service.body = "{\"keys\":[" KEY("b") "]}";
    for (unsigned i = 0; i < 100; i++) {
        struct gw_jwtkeys_set *same = gw_jwtkeys_renew(keys, first, words);
        assert_ptr_equal(same, first);
        gw_jwtkeys_give(keys, same);
    }
    assert_int_equal(service.asked, 1);
    service.now += GW_JWTKEYS_RETRY;
    struct gw_jwtkeys_set *second = gw_jwtkeys_renew(keys, first, words);
    assert_int_equal(service.asked, 2);
    assert_ptr_not_equal(second, first);
    assert_true(gw_jwtkeys_has(keys, gw_jwtkeys_jwks(second)->keys[0].proof));
    assert_int_equal(gw_jwtkeys_jwks(first)->keys[0].kid.data[0], 'a'); /* until it is given back */
    assert_int_equal(gw_jwtkeys_jwks(second)->keys[0].kid.data[0], 'b');
    service.now += GW_JWTKEYS_RETRY; /* who has not seen the second one gets it, without a fetch */
    struct gw_jwtkeys_set *late = gw_jwtkeys_renew(keys, first, words);
    assert_ptr_equal(late, second);
    assert_int_equal(service.asked, 2);
    service.body = NULL;
    assert_null(gw_jwtkeys_renew(keys, second, words));
    assert_non_null(strstr(words, "nobody is there"));
    assert_null(gw_jwtkeys_renew(keys, second, words));
    assert_int_equal(service.asked, 3);
    gw_jwtkeys_give(keys, first);
    gw_jwtkeys_give(keys, second);
    gw_jwtkeys_give(keys, late);
    close_service(&service, keys);
}

/* An answer without keys is one: nobody is let in any more. */
static void takes_an_empty_set_at_its_word(void **state)
{
    char words[GW_BACKEND_WORDS_MAX];
    struct service service;
    struct gw_jwtkeys *keys = open_service(&service, "{\"keys\":[" KEY("a") "]}");
    (void)state;
    assert_true(gw_jwtkeys_has(keys, 7)); /* who knows */
    assert_current(keys, "a");
    assert_false(gw_jwtkeys_has(keys, 7));
    service.body = "{\"keys\":[]}";
    service.now += 600;
    struct gw_jwtkeys_set *set = gw_jwtkeys_take(keys, words);
    assert_non_null(set);
    assert_int_equal(gw_jwtkeys_jwks(set)->count, 0);
    assert_false(gw_jwtkeys_has(keys, 7));
    gw_jwtkeys_give(keys, set);
    close_service(&service, keys);
}

static void *take_and_give(void *user)
{
    char words[GW_BACKEND_WORDS_MAX];
    for (unsigned i = 0; i < 100; i++) {
        struct gw_jwtkeys_set *set = gw_jwtkeys_take(user, words);
        if (!set)
            return NULL;
        struct gw_jwtkeys_set *newer = gw_jwtkeys_renew(user, set, words);
        if (newer)
            gw_jwtkeys_give(user, newer);
        gw_jwtkeys_give(user, set);
    }
    return user;
}

static void serves_many_threads(void **state)
{
    struct service service;
    struct gw_jwtkeys *keys = open_service(&service, "{\"keys\":[" KEY("a") "]}");
    struct gw_thread threads[4];
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(threads); i++)
        assert_int_equal(gw_thread_start(&threads[i], "taker", take_and_give, keys), GW_OK);
    for (size_t i = 0; i < GW_COUNT_OF(threads); i++)
        gw_thread_join(&threads[i]);
    assert_int_equal(service.asked, 1);
    close_service(&service, keys);
}

static void write_file(char *path, const char *text)
{
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(file), 0);
}

static void reads_files(void **state)
{
    static const struct {
        const char *text;
        bool pem;
        bool good;
    } cases[] = {
        {"{\"keys\":[" KEY("a") "]}", false, true},
        {"{\"keys\":[]}", false, false},
        {"{\"keys\":[{\"kty\":\"RSA\"}]}", false, false},
        {"{\"keys\":[" KEY("a") ",{\"kty\":\"RSA\"}]}", false, true},
        {"", false, false},
        {"", true, false},
        {"-----BEGIN PUBLIC KEY-----\n"
         "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
         "-----END PUBLIC KEY-----\n",
         true, true},
    };
    struct service service = {.now = 1};
    const struct gw_backend_host host = {.ctx = &service, .now = now};
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        char path[] = "/tmp/godwit-jwks-XXXXXX";
        char words[GW_BACKEND_WORDS_MAX] = "";
        struct gw_jwtkeys *keys;
        write_file(path, cases[i].text);
        const struct gw_jwtkeys_source source = {.jwks = cases[i].pem ? NULL : path,
                                                 .public_key = cases[i].pem ? path : NULL};
        enum gw_status status = gw_jwtkeys_new(&source, &host, &keys, words);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(status, cases[i].good ? GW_OK : GW_INVALID);
        if (cases[i].good) {
            struct gw_jwtkeys_set *set = gw_jwtkeys_take(keys, words);
            struct gw_jwtkeys_set *same = gw_jwtkeys_renew(keys, set, words);
            assert_ptr_equal(same, set);
            gw_jwtkeys_give(keys, set);
            gw_jwtkeys_give(keys, same);
        } else {
            assert_non_null(strstr(words, path));
        }
        gw_jwtkeys_free(keys);
    }
}

static void judges_urls(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        {"https://id.example.com/keys", true},
        {"http://localhost:8080/keys", true},
        {"http://127.0.0.1/keys", true},
        {"http://[::1]:80/keys", true},
        {"http://localhost.example.com/keys", false},
        {"http://127.0.0.1.example.com/keys", false},
        {"http://id.example.com/keys", false},
        {"ftp://localhost/keys", false},
        {"file:///etc/keys", false},
        {"HTTPS://id.example.com/keys", false},
    };
    struct service service;
    struct gw_backend_host host = {.ctx = &service, .fetch = serve, .now = now};
    char words[GW_BACKEND_WORDS_MAX];
    struct gw_jwtkeys *keys;
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        const struct gw_jwtkeys_source source = {.jwks = cases[i].url};
        enum gw_status status = gw_jwtkeys_new(&source, &host, &keys, words);
        if (status != (cases[i].good ? GW_OK : GW_INVALID))
            fail_msg("%s", cases[i].url);
        gw_jwtkeys_free(keys);
    }
    host.fetch = NULL;
    const struct gw_jwtkeys_source source = {.jwks = URL};
    assert_int_equal(gw_jwtkeys_new(&source, &host, &keys, words), GW_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_again_after_a_while),
        cmocka_unit_test(keeps_old_keys_when_a_fetch_fails),
        cmocka_unit_test(has_none_before_the_first_answer),
        cmocka_unit_test(renews_within_bounds),
        cmocka_unit_test(takes_an_empty_set_at_its_word),
        cmocka_unit_test(serves_many_threads),
        cmocka_unit_test(reads_files),
        cmocka_unit_test(judges_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
