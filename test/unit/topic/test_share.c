#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "topic/share.h"

#define MEMBERS 5

static void fill(struct gw_share *share, enum gw_share_strategy strategy,
                 struct gw_share_member *members)
{
    struct gw_random random;
    gw_random_init(&random, 11);
    gw_share_init(share, strategy);
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i] = (struct gw_share_member){.key_hash = gw_random_next(&random), .online = true};
        gw_share_add(share, &members[i]);
    }
}

static size_t choose(struct gw_share *share, const struct gw_share_member *members, uint64_t hash)
{
    struct gw_share_member *chosen = gw_share_choose(share, hash, hash);
    assert_non_null(chosen);
    assert_true(chosen->online);
    return (size_t)(chosen - members);
}

static void chooses_nobody_where_nobody_is_online(void **state)
{
    (void)state;
    for (unsigned strategy = 0; strategy < GW_SHARE_STRATEGY_COUNT; strategy++) {
        struct gw_share share;
        struct gw_share_member members[MEMBERS];
        gw_share_init(&share, (enum gw_share_strategy)strategy);
        assert_null(gw_share_choose(&share, 1, 2));
        fill(&share, (enum gw_share_strategy)strategy, members);
        assert_int_equal(share.member_count, MEMBERS);
        assert_int_equal(share.online_count, MEMBERS);
        for (size_t i = 0; i < MEMBERS; i++) {
            gw_share_set_online(&share, &members[i], false);
            gw_share_set_online(&share, &members[i], false);
        }
        assert_int_equal(share.online_count, 0);
        assert_null(gw_share_choose(&share, 1, 2));
        gw_share_set_online(&share, &members[3], true);
        assert_int_equal(choose(&share, members, 77), 3);
        gw_share_remove(&share, &members[3]);
        assert_int_equal(share.online_count, 0);
        assert_int_equal(share.member_count, MEMBERS - 1);
        assert_null(gw_share_choose(&share, 1, 2));
    }
}

static void takes_turns(void **state)
{
    (void)state;
    struct gw_share share;
    struct gw_share_member members[MEMBERS];
    size_t counts[MEMBERS] = {0};

    fill(&share, GW_SHARE_ROUND_ROBIN, members);
    for (size_t i = 0; i < 3 * MEMBERS; i++)
        assert_int_equal(choose(&share, members, 0), i % MEMBERS);
    gw_share_set_online(&share, &members[2], false);
    for (size_t i = 0; i < 10 * (MEMBERS - 1); i++)
        counts[choose(&share, members, 0)]++;
    for (size_t i = 0; i < MEMBERS; i++)
        assert_int_equal(counts[i], i == 2 ? 0 : 10);
    gw_share_set_online(&share, &members[2], true);
    for (size_t i = 0; i < MEMBERS; i++)
        counts[choose(&share, members, 0)]++;
    for (size_t i = 0; i < MEMBERS; i++)
        assert_int_equal(counts[i], i == 2 ? 1 : 11);
}

static void prefers_the_least_loaded(void **state)
{
    (void)state;
    struct gw_share share;
    struct gw_share_member members[MEMBERS];

    fill(&share, GW_SHARE_LEAST_IN_FLIGHT, members);
    for (size_t i = 0; i < 10 * MEMBERS; i++)
        members[choose(&share, members, 0)].in_flight++;
    for (size_t i = 0; i < MEMBERS; i++)
        assert_int_equal(members[i].in_flight, 10);
    members[1].in_flight = 3;
    members[4].in_flight = 2;
    assert_int_equal(choose(&share, members, 0), 4);
    gw_share_set_online(&share, &members[4], false);
    assert_int_equal(choose(&share, members, 0), 1);
    for (size_t i = 0; i < MEMBERS; i++)
        members[i].in_flight = 0;
    gw_share_set_online(&share, &members[4], true);
    bool chosen[MEMBERS] = {false};
    for (size_t i = 0; i < MEMBERS; i++) /* idle members take turns */
        chosen[choose(&share, members, 0)] = true;
    for (size_t i = 0; i < MEMBERS; i++)
        assert_true(chosen[i]);
}

static void sticky_strategies_spread_and_stay(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    struct gw_share share;
    struct gw_share_member members[MEMBERS];
    static size_t before[KEYS];
    size_t counts[MEMBERS] = {0};
    size_t taken = 0;

    fill(&share, GW_SHARE_STICKY_CLIENT, members);
    for (size_t i = 0; i < KEYS; i++)
        counts[before[i] = choose(&share, members, i)]++;
    for (size_t i = 0; i < MEMBERS; i++)
        assert_in_range(counts[i], KEYS / MEMBERS * 8 / 10, KEYS / MEMBERS * 12 / 10);
    gw_share_set_online(&share, &members[2], false);
    for (size_t i = 0; i < KEYS; i++) {
        size_t now = choose(&share, members, i);
        if (before[i] != 2)
            assert_int_equal(now, before[i]);
    }
    gw_share_set_online(&share, &members[2], true);
    struct gw_share_member newcomer = {.key_hash = 0x123456789abcdef0u, .online = true};
    gw_share_add(&share, &newcomer);
    for (size_t i = 0; i < KEYS; i++) {
        struct gw_share_member *now = gw_share_choose(&share, i, 0);
        taken += now == &newcomer;
        if (now != &newcomer)
            assert_ptr_equal(now, &members[before[i]]);
    }
    assert_in_range(taken, KEYS / 6 * 8 / 10, KEYS / 6 * 12 / 10);
}

static void sticky_strategies_use_their_own_hash(void **state)
{
    (void)state;
    struct gw_share share;
    struct gw_share_member members[MEMBERS];
    size_t other = 0;

    fill(&share, GW_SHARE_STICKY_CLIENT, members);
    struct gw_share_member *by_client = gw_share_choose(&share, 1, 0);
    share.strategy = GW_SHARE_STICKY_TOPIC;
    struct gw_share_member *by_topic = gw_share_choose(&share, 0, 1);
    assert_ptr_equal(by_client, by_topic);
    for (uint64_t i = 0; i < 100; i++) {
        assert_ptr_equal(gw_share_choose(&share, i, 1), by_topic);
        other += gw_share_choose(&share, 1, i) != by_topic;
    }
    assert_true(other > 50);
}

static void names_strategies(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GW_SHARE_STRATEGY_COUNT; i++) {
        const char *name = gw_share_strategy_name((enum gw_share_strategy)i);
        assert_int_equal(gw_share_strategy_of(gw_span_str(name)), i);
    }
    assert_string_equal(gw_share_strategy_name(GW_SHARE_LEAST_IN_FLIGHT), "least_in_flight");
    assert_int_equal(gw_share_strategy_of(gw_span_str("robin")), GW_SHARE_STRATEGY_COUNT);
    assert_int_equal(gw_share_strategy_of(GW_SPAN_NONE), GW_SHARE_STRATEGY_COUNT);
    assert_string_equal(gw_share_strategy_name(GW_SHARE_STRATEGY_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_nobody_where_nobody_is_online),
        cmocka_unit_test(takes_turns),
        cmocka_unit_test(prefers_the_least_loaded),
        cmocka_unit_test(sticky_strategies_spread_and_stay),
        cmocka_unit_test(sticky_strategies_use_their_own_hash),
        cmocka_unit_test(names_strategies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
