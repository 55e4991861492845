#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "topic/intern.h"

static void counts_references(void **state)
{
    (void)state;
    struct gw_intern intern;
    gw_intern_init(&intern, 9);
    uint32_t a = gw_intern_ref(&intern, gw_span_str("a"));
    uint32_t empty = gw_intern_ref(&intern, GW_SPAN_NONE);
    assert_int_not_equal(a, 0);
    assert_int_not_equal(empty, a);
    assert_int_equal(gw_intern_ref(&intern, gw_span_str("a")), a);
    assert_int_equal(gw_intern_find(&intern, gw_span_str("a")), a);
    assert_int_equal(gw_intern_find(&intern, gw_span_str("")), empty);
    assert_int_equal(gw_intern_find(&intern, gw_span_str("b")), 0);
    gw_intern_unref(&intern, a);
    assert_int_equal(gw_intern_find(&intern, gw_span_str("a")), a);
    gw_intern_unref(&intern, a);
    assert_int_equal(gw_intern_find(&intern, gw_span_str("a")), 0);
    assert_int_equal(gw_intern_count(&intern), 1);
    gw_intern_fini(&intern);
}

static void holds_texts_of_every_length(void **state)
{
    (void)state;
    enum { LENGTHS = 70 };
    struct gw_intern intern;
    uint32_t numbers[LENGTHS];
    char *text = malloc(65535);

    assert_non_null(text);
    memset(text, 'x', 65535);
    gw_intern_init(&intern, 9);
    for (size_t size = 0; size < LENGTHS; size++)
        numbers[size] = gw_intern_ref(&intern, gw_span_of(text, size));
    uint32_t longest = gw_intern_ref(&intern, gw_span_of(text, 65535));
    for (size_t size = 0; size < LENGTHS; size++)
        assert_int_equal(gw_intern_find(&intern, gw_span_of(text, size)), numbers[size]);
    assert_int_equal(gw_intern_find(&intern, gw_span_of(text, 65535)), longest);
    assert_int_equal(gw_intern_find(&intern, gw_span_of(text, 65534)), 0);
    gw_intern_unref(&intern, longest);
    for (size_t size = 0; size < LENGTHS / 2; size++)
        gw_intern_unref(&intern, numbers[size]);
    assert_int_equal(gw_intern_count(&intern), LENGTHS / 2);
    gw_intern_fini(&intern);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_references),
        cmocka_unit_test(holds_texts_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
