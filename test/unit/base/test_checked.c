#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"

#define UNTOUCHED ((size_t)4711)

static void sums_above_size_max_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t a, b;
        enum gw_status status;
    } rows[] = {
        {0, 0, GW_OK},
        {1, 2, GW_OK},
        {SIZE_MAX, 0, GW_OK},
        {SIZE_MAX - 5, 5, GW_OK},
        {SIZE_MAX, 1, GW_LIMIT},
        {1, SIZE_MAX, GW_LIMIT},
        {SIZE_MAX, SIZE_MAX, GW_LIMIT},
        {SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1, GW_LIMIT},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        size_t sum = UNTOUCHED;
        assert_int_equal(gw_checked_add(rows[i].a, rows[i].b, &sum), rows[i].status);
        assert_true(sum == (rows[i].status == GW_OK ? rows[i].a + rows[i].b : UNTOUCHED));
    }
}

static void products_above_size_max_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t a, b;
        enum gw_status status;
    } rows[] = {
        {0, SIZE_MAX, GW_OK},
        {7, 6, GW_OK},
        {SIZE_MAX, 1, GW_OK},
        {SIZE_MAX / 3, 3, GW_OK},
        {SIZE_MAX / 2 + 1, 2, GW_LIMIT},
        {(size_t)1 << 32, (size_t)1 << 32, GW_LIMIT},
        {SIZE_MAX, SIZE_MAX, GW_LIMIT},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        size_t product = UNTOUCHED;
        assert_int_equal(gw_checked_mul(rows[i].a, rows[i].b, &product), rows[i].status);
        assert_true(product == (rows[i].status == GW_OK ? rows[i].a * rows[i].b : UNTOUCHED));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_above_size_max_are_refused),
        cmocka_unit_test(products_above_size_max_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
