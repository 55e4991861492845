#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

static void repeats_under_a_seed(void **state)
{
    (void)state;
    struct gw_random a, b, c;
    gw_random_init(&a, 0);
    gw_random_init(&b, 0);
    gw_random_init(&c, 1);
    int different = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t value = gw_random_next(&a);
        assert_true(value == gw_random_next(&b));
        different += value != gw_random_next(&c);
    }
    assert_true(different > 95);
}

/* The first values of xoshiro256** from the state 1, 2, 3, 4, as its authors' program gives them.
 */
static void is_xoshiro256_starstar(void **state)
{
    (void)state;
    struct gw_random random = {{1, 2, 3, 4}};
    static const uint64_t expect[] = {11520, 0, 1509978240, 1215971899390074240};
    for (size_t i = 0; i < 4; i++)
        assert_true(gw_random_next(&random) == expect[i]);
}

static void below_is_even(void **state)
{
    (void)state;
    struct gw_random random;
    gw_random_init(&random, 42);
    unsigned seen[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t value = gw_random_below(&random, 7);
        assert_true(value < 7);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9500, 10500);
    for (int i = 0; i < 100; i++) {
        assert_true(gw_random_below(&random, 1) == 0);
        assert_true(gw_random_below(&random, ((uint64_t)1 << 63) + 1) <= (uint64_t)1 << 63);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_under_a_seed),
        cmocka_unit_test(is_xoshiro256_starstar),
        cmocka_unit_test(below_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
