#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/compiler.h"

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"packet", "packet", 0},
        {"Packet", "pACKET", 0},
        {"packt", "packet", 1},
        {"pakcet", "packet", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
        assert_int_equal(gw_suggest_distance(gw_span_str(rows[i].a), gw_span_str(rows[i].b)),
                         rows[i].distance);
}

static void test_long_words_are_near_nothing(void **state)
{
    char word[GW_SUGGEST_WORD_MAX + 1];
    size_t distance;

    (void)state;
    memset(word, 'a', sizeof word);
    assert_false(
        gw_suggest_near(gw_span_of(word, sizeof word), gw_span_of(word, sizeof word), &distance));
    assert_true(gw_suggest_near(gw_span_of(word, sizeof word - 1),
                                gw_span_of(word, sizeof word - 1), &distance));
}

static void test_word(void **state)
{
    static const char *const words[] = {"serve", "pub", "sub", "rr", "check", "config"};
    static const struct {
        const char *word, *meant;
    } rows[] = {
        {"srve", "serve"},  {"server", "serve"}, {"confg", "config"}, {"chekc", "check"},
        {"zzz", NULL},      {"", NULL},          {"x", NULL},         {"SUB", "sub"},
        {"conf", "config"}, {"co", NULL},
    };

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        const char *meant = gw_suggest_word(gw_span_str(rows[i].word), words, GW_COUNT_OF(words));

        if (rows[i].meant == NULL)
            assert_null(meant);
        else
            assert_string_equal(meant, rows[i].meant);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_long_words_are_near_nothing),
        cmocka_unit_test(test_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
