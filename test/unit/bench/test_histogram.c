#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "bench/histogram.h"

static void values_fall_into_their_slots(void **state)
{
    static struct gw_histogram h;
    static const uint64_t values[] = {
        0, 1, 127, 128, 255, 256, 257, 1000, 123456, 7654321987, GW_HISTOGRAM_MAX};
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(values); i++) {
        gw_histogram_init(&h);
        gw_histogram_record(&h, values[i]);
        gw_histogram_record(&h, GW_HISTOGRAM_MAX); /* so that the largest is another one */
        uint64_t told = gw_histogram_quantile(&h, 0.5);
        assert_true(told >= values[i]);
        assert_true(told - values[i] <= values[i] / 128);
    }
}

static void every_slot_ends_where_the_next_begins(void **state)
{
    static struct gw_histogram h;
    (void)state;
    for (size_t slot = 0; slot + 1 < GW_HISTOGRAM_SLOTS; slot++) {
        gw_histogram_init(&h);
        gw_histogram_record(&h, gw_histogram_value(slot));
        gw_histogram_record(&h, gw_histogram_value(slot) + 1);
        assert_int_equal(h.slots[slot], 1);
        assert_int_equal(h.slots[slot + 1], 1);
    }
    assert_int_equal(gw_histogram_value(GW_HISTOGRAM_SLOTS - 1), GW_HISTOGRAM_MAX);
}

static void quantiles_are_of_all(void **state)
{
    static struct gw_histogram h, half;
    (void)state;
    gw_histogram_init(&h);
    assert_int_equal(gw_histogram_quantile(&h, 0.5), 0);
    assert_true(gw_histogram_mean(&h) == 0);
    gw_histogram_init(&half);
    for (uint64_t i = 1; i <= 100; i++)
        gw_histogram_record(i <= 50 ? &h : &half, i);
    gw_histogram_add(&h, &half);
    assert_int_equal(h.count, 100);
    assert_int_equal(h.min, 1);
    assert_int_equal(h.max, 100);
    assert_int_equal(gw_histogram_quantile(&h, 0), 1);
    assert_int_equal(gw_histogram_quantile(&h, 0.5), 50);
    assert_int_equal(gw_histogram_quantile(&h, 0.99), 99);
    assert_int_equal(gw_histogram_quantile(&h, 0.991), 100);
    assert_int_equal(gw_histogram_quantile(&h, 1), 100);
    assert_true(gw_histogram_mean(&h) == 50.5);
}

static void what_is_too_large_counts_as_the_largest(void **state)
{
    static struct gw_histogram h;
    (void)state;
    gw_histogram_init(&h);
    gw_histogram_record(&h, UINT64_MAX);
    assert_int_equal(h.max, GW_HISTOGRAM_MAX);
    assert_int_equal(gw_histogram_quantile(&h, 0.5), GW_HISTOGRAM_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_fall_into_their_slots),
        cmocka_unit_test(every_slot_ends_where_the_next_begins),
        cmocka_unit_test(quantiles_are_of_all),
        cmocka_unit_test(what_is_too_large_counts_as_the_largest),
    };
    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
