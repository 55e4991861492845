#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/process.h"
#include "os/usage.h"

/* Until the program has used more than a tick of the system's clock. */
static void a_process_costs_something(void **state)
{
    struct gw_usage own, of;
    uint64_t memory;
    volatile uint64_t work = 0;
    (void)state;
    do {
        for (unsigned i = 0; i < 1000000; i++)
            work = work + i;
        gw_usage_own(&own);
    } while (own.user_ns < 30 * GW_NS_PER_MS);
    assert_int_equal(gw_usage_of(gw_process_id(), &of, &memory), GW_OK);
    assert_true(of.user_ns + of.system_ns > 0);
    assert_true(memory > 100000);
}

static void nobody_costs_nothing(void **state)
{
    struct gw_usage of;
    uint64_t memory;
    (void)state;
    assert_int_equal(gw_usage_of(0, &of, &memory), GW_NOT_FOUND);
    assert_int_equal(gw_usage_of(INT64_MAX, &of, &memory), GW_NOT_FOUND);
    assert_int_equal(of.user_ns + of.system_ns + memory, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_costs_something),
        cmocka_unit_test(nobody_costs_nothing),
    };
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
