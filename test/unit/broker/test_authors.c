#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "broker/authors.h"

static void each_name_has_one_number(void **state)
{
    (void)state;
    struct gw_authors *authors = gw_authors_new(1);
    assert_non_null(authors);
    uint32_t bob = gw_authors_of(authors, GW_AUTHOR_OF_FILE, GW_SPAN_LIT("bob"));
    uint32_t other = gw_authors_of(authors, GW_AUTHOR_VOUCHED, GW_SPAN_LIT("bob"));
    uint32_t nobody = gw_authors_of(authors, GW_AUTHOR_NOBODY, GW_SPAN_LIT("said"));
    assert_true(bob != 0 && other != 0 && nobody != 0);
    assert_true(bob != other && other != nobody && nobody != bob);
    assert_int_equal(gw_authors_of(authors, GW_AUTHOR_OF_FILE, GW_SPAN_LIT("bob")), bob);
    assert_int_equal(gw_authors_number(authors, GW_SPAN_LIT("f:bob")), bob);
    assert_int_equal(gw_authors_number(authors, GW_SPAN_LIT("-")), nobody);
    assert_true(gw_span_equal(gw_authors_text(authors, other), GW_SPAN_LIT("x:bob")));
    assert_int_equal(gw_authors_text(authors, 0).size, 0);
    gw_authors_free(authors);
}

static void texts_say_what_vouched_for_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum gw_author_kind kind;
        const char *name;
    } rows[] = {
        {"f:bob", GW_AUTHOR_OF_FILE, "bob"}, {"x:a:b", GW_AUTHOR_VOUCHED, "a:b"},
        {"-", GW_AUTHOR_NOBODY, ""},         {"", GW_AUTHOR_UNKNOWN, NULL},
        {"f:", GW_AUTHOR_UNKNOWN, NULL},     {"y:bob", GW_AUTHOR_UNKNOWN, NULL},
        {"bob", GW_AUTHOR_UNKNOWN, NULL},    {"--", GW_AUTHOR_UNKNOWN, NULL},
    };
    struct gw_authors *authors = gw_authors_new(1);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_span name;
        assert_int_equal(gw_authors_read(gw_span_str(rows[i].text), &name), rows[i].kind);
        assert_int_equal(gw_authors_number(authors, gw_span_str(rows[i].text)) != 0,
                         rows[i].kind != GW_AUTHOR_UNKNOWN);
        if (rows[i].kind != GW_AUTHOR_UNKNOWN)
            assert_true(gw_span_equal(name, gw_span_str(rows[i].name)));
    }
    gw_authors_free(authors);
}

static void names_and_their_length_are_bounded(void **state)
{
    (void)state;
    char name[GW_RECORD_AUTHOR_MAX];
    struct gw_authors *authors = gw_authors_new(1);
    memset(name, 'n', sizeof(name));
    assert_int_equal(gw_authors_of(authors, GW_AUTHOR_VOUCHED, gw_span_of(name, sizeof(name) - 1)),
                     0);
    assert_int_not_equal(
        gw_authors_of(authors, GW_AUTHOR_VOUCHED, gw_span_of(name, sizeof(name) - 2)), 0);
    for (uint32_t i = 2; i < GW_MESSAGE_AUTHORS; i++) {
        int size = snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(gw_authors_of(authors, GW_AUTHOR_OF_FILE, gw_span_of(name, (size_t)size)),
                         i);
    }
    assert_int_equal(gw_authors_of(authors, GW_AUTHOR_OF_FILE, GW_SPAN_LIT("late")), 0);
    assert_int_equal(gw_authors_of(authors, GW_AUTHOR_OF_FILE, GW_SPAN_LIT("n77")), 77);
    assert_true(
        gw_span_equal(gw_authors_text(authors, GW_MESSAGE_AUTHORS - 1), GW_SPAN_LIT("f:n1048575")));
    gw_authors_free(authors);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_one_number),
        cmocka_unit_test(texts_say_what_vouched_for_a_name),
        cmocka_unit_test(names_and_their_length_are_bounded),
    };
    return cmocka_run_group_tests_name("authors", tests, NULL, NULL);
}
