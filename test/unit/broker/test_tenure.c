#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/tenure.h"

#define S   ((int64_t)GW_NS_PER_S)
#define NOW (7 * GW_NS_PER_S)

static void looks_in_time(void **state)
{
    static const struct {
        uint64_t expires;
        gw_wall_ns wall;
        gw_mono_ns look;
    } cases[] = {
        {0, 1000 * S, GW_NEVER},
        {1000, 1000 * S - 1, NOW + 1},
        {1000, 1000 * S, NOW},
        {1000, 1000 * S + 1, NOW},
        {1000, 5000 * S, NOW},
        {1000, 999 * S, NOW + GW_NS_PER_S},
        {1000, 970 * S + 1, NOW + GW_TENURE_LOOK - 1},
        {1000, 970 * S, NOW + GW_TENURE_LOOK},
        {1000, 970 * S - 1, NOW + GW_TENURE_LOOK},
        {1000, 969 * S - 1, NOW + GW_TENURE_LOOK},
        {1000, 0, NOW + GW_TENURE_LOOK},
        {1000, -5 * S, NOW + GW_TENURE_LOOK},
        {1, -5 * S, NOW + GW_NS_PER_S},
        {UINT64_MAX, 1000 * S, NOW + GW_TENURE_LOOK},
        {UINT64_MAX, INT64_MAX, NOW + GW_TENURE_LOOK},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        gw_mono_ns look = gw_tenure_look(cases[i].expires, cases[i].wall, NOW);
        if (look != cases[i].look)
            fail_msg("%zu: %llu", i, (unsigned long long)look);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
