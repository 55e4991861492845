#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "proto/keepalive.h"

#define NOW ((gw_mono_ns)1234567890123)

static void one_and_a_half_intervals_after_the_last_packet(void **state)
{
    (void)state;
    static const struct {
        uint16_t seconds;
        gw_mono_ns after; /* 0: never */
    } rows[] = {
        {0, 0},
        {1, 1500 * GW_NS_PER_MS},
        {2, 3 * GW_NS_PER_S},
        {3, 4500 * GW_NS_PER_MS},
        {60, 90 * GW_NS_PER_S},
        {65535, UINT64_C(98302500) * GW_NS_PER_MS},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_keepalive keepalive;
        gw_keepalive_init(&keepalive, rows[i].seconds, NOW);
        gw_mono_ns deadline = gw_keepalive_next_deadline(&keepalive);
        assert_true(deadline == (rows[i].after != 0 ? NOW + rows[i].after : GW_NEVER));
        gw_keepalive_on_packet(&keepalive, NOW + 77);
        deadline = gw_keepalive_next_deadline(&keepalive);
        assert_true(deadline == (rows[i].after != 0 ? NOW + 77 + rows[i].after : GW_NEVER));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_and_a_half_intervals_after_the_last_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
