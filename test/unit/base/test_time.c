#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/time.h"

#define LAST (GW_NEVER - 1)

static void adding_seconds_saturates_below_never(void **state)
{
    (void)state;
    static const struct {
        gw_mono_ns now;
        uint64_t seconds;
        gw_mono_ns result;
    } rows[] = {
        {0, 0, 0},
        {5, 0, 5},
        {5, 1, 5 + GW_NS_PER_S},
        {GW_NS_PER_S, UINT32_MAX, UINT64_C(4294967296000000000)},
        {0, LAST / GW_NS_PER_S, LAST},
        {0, LAST / GW_NS_PER_S - 1, (LAST / GW_NS_PER_S - 1) * GW_NS_PER_S},
        {0, UINT64_MAX, LAST},
        {LAST - GW_NS_PER_S, 1, LAST},
        {LAST - 2 * GW_NS_PER_S, 1, LAST - GW_NS_PER_S},
        {LAST, 0, LAST},
        {LAST, 1, LAST},
        {LAST, UINT64_MAX, LAST},
        {GW_NEVER, 0, LAST},
        {GW_NEVER, 1, LAST},
        {GW_NEVER, UINT64_MAX, LAST},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        gw_mono_ns result = gw_time_add_s(rows[i].now, rows[i].seconds);
        assert_true(result == rows[i].result);
    }
}

static void units_fit_each_other(void **state)
{
    (void)state;
    assert_int_equal(GW_NS_PER_MS, 1000 * GW_NS_PER_US);
    assert_int_equal(GW_NS_PER_S, 1000 * GW_NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_seconds_saturates_below_never),
        cmocka_unit_test(units_fit_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
