#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/tlstickets.h"

static gw_mono_ns mono(void *user)
{
    return *(gw_mono_ns *)user;
}

/* A key is taken for three periods, and asks for a new ticket after the first. */
static void keys_grow_old(void **state)
{
    gw_mono_ns now = 1;
    const struct gw_clock clock = {mono, NULL, &now};
    struct gw_tlstickets *tickets = gw_tlstickets_new(&clock);
    struct gw_tlstickets_key first;
    struct gw_tlstickets_key found;
    bool old = true;
    (void)state;
    gw_tlstickets_current(tickets, &first);
    for (unsigned period = 0; period < GW_TLSTICKETS_KEYS; period++) {
        assert_true(gw_tlstickets_find(tickets, first.name, &found, &old));
        assert_int_equal(old, period > 0);
        assert_memory_equal(&found, &first, sizeof first);
        now += GW_TLSTICKETS_PERIOD;
    }
    assert_false(gw_tlstickets_find(tickets, first.name, &found, &old));
    gw_tlstickets_free(tickets);
}

static void a_long_rest_leaves_nothing_old(void **state)
{
    gw_mono_ns now = 1;
    const struct gw_clock clock = {mono, NULL, &now};
    struct gw_tlstickets *tickets = gw_tlstickets_new(&clock);
    struct gw_tlstickets_key first;
    struct gw_tlstickets_key next;
    bool old;
    (void)state;
    gw_tlstickets_current(tickets, &first);
    now += 1000 * GW_TLSTICKETS_PERIOD;
    gw_tlstickets_current(tickets, &next);
    assert_memory_not_equal(&first, &next, sizeof first);
    assert_false(gw_tlstickets_find(tickets, first.name, &first, &old));
    gw_tlstickets_free(tickets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_grow_old),
        cmocka_unit_test(a_long_rest_leaves_nothing_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
