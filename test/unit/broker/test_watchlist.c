#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "broker/watchlist.h"

#define BAN    (30 * GW_NS_PER_S)
#define SECOND GW_NS_PER_S

static struct gw_span host(const char *name)
{
    return gw_span_str(name);
}

static void one_failure_too_many_bans(void **state)
{
    (void)state;
    struct gw_watchlist *list = gw_watchlist_new(1);
    gw_mono_ns now = 5 * SECOND;
    assert_non_null(list);
    for (int i = 1; i < 4; i++) {
        assert_false(gw_watchlist_fail(list, host("a"), 4, BAN, now));
        assert_false(gw_watchlist_banned(list, host("a"), now));
    }
    assert_true(gw_watchlist_fail(list, host("a"), 4, BAN, now));
    assert_true(gw_watchlist_banned(list, host("a"), now));
    assert_false(gw_watchlist_banned(list, host("b"), now));
    assert_false(gw_watchlist_fail(list, host("a"), 4, BAN, now)); /* was under way: no news */
    assert_true(gw_watchlist_banned(list, host("a"), now + BAN - 1));
    assert_false(gw_watchlist_banned(list, host("a"), now + BAN));
    gw_watchlist_free(list);
}

static void a_ban_that_is_over_begins_anew(void **state)
{
    (void)state;
    struct gw_watchlist *list = gw_watchlist_new(1);
    assert_true(gw_watchlist_fail(list, host("a"), 1, BAN, 0));
    assert_true(gw_watchlist_fail(list, host("a"), 1, BAN, BAN));
    assert_true(gw_watchlist_banned(list, host("a"), BAN + 1));
    gw_watchlist_free(list);
}

static void failures_far_apart_do_not_add_up(void **state)
{
    (void)state;
    struct gw_watchlist *list = gw_watchlist_new(1);
    for (gw_mono_ns i = 0; i < 100; i++)
        assert_false(gw_watchlist_fail(list, host("a"), 2, BAN, i * GW_WATCHLIST_TIME));
    assert_true(gw_watchlist_fail(list, host("a"), 2, BAN, 99 * GW_WATCHLIST_TIME + 1));
    gw_watchlist_free(list);
}

static void nobody_is_banned_where_that_is_off(void **state)
{
    (void)state;
    struct gw_watchlist *list = gw_watchlist_new(1);
    for (int i = 0; i < 1000; i++) {
        assert_false(gw_watchlist_fail(list, host("a"), 0, BAN, 1));
        assert_false(gw_watchlist_fail(list, GW_SPAN_NONE, 1, BAN, 1)); /* a Unix socket */
    }
    assert_false(gw_watchlist_banned(list, host("a"), 1));
    assert_false(gw_watchlist_banned(list, GW_SPAN_NONE, 1));
    gw_watchlist_free(list);
}

static void many_addresses_do_not_wash_a_ban_away(void **state)
{
    (void)state;
    struct gw_watchlist *list = gw_watchlist_new(1);
    assert_true(gw_watchlist_fail(list, host("a"), 1, BAN, 1));
    for (unsigned i = 0; i < 20 * GW_WATCHLIST_SIZE; i++) {
        char name[16];
        snprintf(name, sizeof(name), "h%u", i);
        assert_false(gw_watchlist_fail(list, host(name), 2, BAN, 2));
    }
    assert_true(gw_watchlist_banned(list, host("a"), 2));
    gw_watchlist_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failure_too_many_bans),
        cmocka_unit_test(a_ban_that_is_over_begins_anew),
        cmocka_unit_test(failures_far_apart_do_not_add_up),
        cmocka_unit_test(nobody_is_banned_where_that_is_off),
        cmocka_unit_test(many_addresses_do_not_wash_a_ban_away),
    };
    return cmocka_run_group_tests_name("watchlist", tests, NULL, NULL);
}
