#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/backend.h"
#include "base/compiler.h"

static void settings_are_found_by_name(void **state)
{
    static const struct gw_backend_setting items[] = {{"url", "https://a"}, {"empty", ""}};
    const struct gw_backend_settings settings = {items, GW_COUNT_OF(items)};
    (void)state;
    assert_string_equal(gw_backend_setting(&settings, "url", NULL), "https://a");
    assert_string_equal(gw_backend_setting(&settings, "empty", "x"), "");
    assert_string_equal(gw_backend_setting(&settings, "ur", "x"), "x");
    assert_null(gw_backend_setting(&settings, "other", NULL));
}

static void times_have_units(void **state)
{
    static const struct {
        const char *text;
        uint32_t ms;
    } rows[] = {
        {"500ms", 500}, {"2s", 2000}, {"1m", 60000},       {"2", 7},
        {"", 7},        {"s", 0},     {"99999999999s", 7}, {"1h", 7},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        const struct gw_backend_setting item = {"timeout", rows[i].text};
        const struct gw_backend_settings settings = {&item, 1};
        assert_int_equal(gw_backend_setting_ms(&settings, "timeout", 7), rows[i].ms);
        assert_int_equal(gw_backend_setting_ms(&settings, "other", 7), 7);
    }
}

static void words_are_cut_and_stay_on_their_line(void **state)
{
    char words[GW_BACKEND_WORDS_MAX];
    char longer[2 * GW_BACKEND_WORDS_MAX];
    (void)state;
    gw_backend_say(words, "%s: %d", "a\nb\tc\x7F", 7);
    assert_string_equal(words, "a b c : 7");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    gw_backend_say(words, "%s", longer);
    assert_int_equal(strlen(words), GW_BACKEND_WORDS_MAX - 1);
}

static uint64_t thousand(GW_UNUSED void *ctx)
{
    return 1000;
}

static void a_warrant_may_end(void **state)
{
    const struct gw_backend_host host = {.now = thousand};
    struct gw_warrant warrant;
    (void)state;
    gw_warrant_init(&warrant);
    gw_backend_limit(&host, 1500, &warrant);
    assert_int_equal(warrant.expires, 1002);
    gw_backend_limit(&host, 0, &warrant);
    assert_int_equal(warrant.expires, 0);
    gw_warrant_fini(&warrant);
}

static void this_machine_is_known_by_its_names(void **state)
{
    static const struct {
        const char *url;
        bool near;
    } rows[] = {
        {"http://localhost", true},
        {"http://localhost:80/x", true},
        {"http://127.0.0.1/", true},
        {"redis://me@[::1]:6379/0", true},
        {"http://localhost.example.org", false},
        {"http://localhost@example.org/", false},
        {"http://example.org/@localhost", false},
        {"http://example.org?@localhost/", false},
        {"http://127.0.0.1.example.org/", false},
        {"localhost", false},
        {"http://", false},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_int_equal(gw_backend_is_near(rows[i].url), rows[i].near);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_found_by_name),
        cmocka_unit_test(times_have_units),
        cmocka_unit_test(this_machine_is_known_by_its_names),
        cmocka_unit_test(words_are_cut_and_stay_on_their_line),
        cmocka_unit_test(a_warrant_may_end),
    };
    return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
