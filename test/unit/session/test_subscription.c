#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/session.h"

static void found_by_session_and_whole_text(void **state)
{
    (void)state;
    static const struct {
        uint64_t handle;
        const char *filter;
    } rows[] = {
        {1, "a"},          {1, "a/b"},  {1, "a/+"},        {1, "#"},          {1, "$share/g/a"},
        {1, "$share/h/a"}, {2, "a"},    {256, "a"},        {UINT64_MAX, "a"}, {UINT64_MAX, "#"},
        {2, "$share/g/a"}, {0x61, "a"}, {0, "aaaaaaaa/a"},
    };
    struct gw_subscription *subscriptions[GW_COUNT_OF(rows)];
    struct gw_session *session = gw_session_new(GW_SPAN_LIT("c"), 1);
    struct gw_map map;
    assert_non_null(session);
    gw_map_init(&map, gw_subscription_key, 3);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_span filter = gw_span_str(rows[i].filter);
        assert_null(gw_subscription_find(&map, rows[i].handle, filter));
        subscriptions[i] = gw_subscription_new(session, rows[i].handle, filter);
        assert_non_null(subscriptions[i]);
        assert_int_equal(gw_map_insert(&map, &subscriptions[i]->node), GW_OK);
    }
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_span filter = gw_span_str(rows[i].filter);
        assert_ptr_equal(gw_subscription_find(&map, rows[i].handle, filter), subscriptions[i]);
        assert_true(gw_span_equal(gw_subscription_filter(subscriptions[i]), filter));
        assert_null(gw_subscription_find(&map, 77, filter));
    }
    assert_null(gw_subscription_find(&map, 1, GW_SPAN_LIT("A"))); /* case counts */
    assert_null(gw_subscription_find(&map, 1, GW_SPAN_LIT("a/")));
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        gw_map_remove(&map, &subscriptions[i]->node);
        gw_subscription_free(subscriptions[i]);
        assert_null(gw_subscription_find(&map, rows[i].handle, gw_span_str(rows[i].filter)));
    }
    gw_map_fini(&map);
    gw_session_free(session, NULL);
}

static void a_new_one_is_nowhere_yet(void **state)
{
    (void)state;
    struct gw_session *session = gw_session_new(GW_SPAN_LIT("c"), 1);
    struct gw_subscription *subscription = gw_subscription_new(session, 5, GW_SPAN_LIT("a/+"));
    assert_non_null(subscription);
    assert_ptr_equal(subscription->session, session);
    assert_true(gw_list_empty(&subscription->link));
    assert_null(subscription->target.entry.node);
    assert_int_equal(subscription->target.kind, GW_TARGET_SUBSCRIPTION);
    assert_false(subscription->shared);
    assert_int_equal(subscription->options.id, 0);
    gw_subscription_free(subscription);
    gw_subscription_free(NULL);
    gw_session_free(session, NULL);
}

static void the_longest_filter_is_found(void **state)
{
    (void)state;
    static uint8_t text[UINT16_MAX];
    struct gw_map map;
    memset(text, 'x', sizeof(text));
    gw_map_init(&map, gw_subscription_key, 3);
    struct gw_span filter = gw_span_of(text, sizeof(text));
    struct gw_subscription *subscription = gw_subscription_new(NULL, UINT64_MAX, filter);
    assert_non_null(subscription);
    assert_int_equal(gw_map_insert(&map, &subscription->node), GW_OK);
    assert_ptr_equal(gw_subscription_find(&map, UINT64_MAX, filter), subscription);
    assert_true(gw_span_equal(gw_subscription_filter(subscription), filter));
    filter.size--;
    assert_null(gw_subscription_find(&map, UINT64_MAX, filter));
    gw_map_fini(&map);
    gw_subscription_free(subscription);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_session_and_whole_text),
        cmocka_unit_test(a_new_one_is_nowhere_yet),
        cmocka_unit_test(the_longest_filter_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
