#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <string.h>

#include "base/random.h"
#include "topic/slots.h"

static size_t count_under(const struct gw_slots *table, uint32_t hash, uint32_t number)
{
    struct gw_slots_probe probe = gw_slots_find(table, hash);
    size_t count = 0;
    uint32_t found;
    while ((found = gw_slots_next(&probe)) != 0)
        count += found == number;
    return count;
}

/* Each member i has the number i + 1; hashes repeat, crowd at both ends, and spread. */
static uint32_t hash_of(size_t i)
{
    switch (i % 4) {
    case 0: return UINT32_MAX - (uint32_t)(i % 64);
    case 1: return (uint32_t)(i % 64);
    default: return (uint32_t)i * 2654435761u;
    }
}

static void random_steps(uint64_t seed, size_t members)
{
    struct gw_slots table;
    struct gw_random random;
    bool *in = calloc(members, sizeof(*in));
    uint32_t live = 0;

    assert_non_null(in);
    gw_slots_init(&table);
    gw_random_init(&random, seed);
    for (size_t step = 0; step < 20 * members; step++) {
        size_t i = gw_random_below(&random, members);
        bool growing = step / (4 * members) % 2 == 0; /* fill and drain in turns */
        if (!in[i] && (growing || step % 8 == 0)) {
            assert_int_equal(gw_slots_insert(&table, hash_of(i), (uint32_t)i + 1), GW_OK);
            in[i] = true;
            live++;
        } else if (in[i] && (!growing || step % 8 == 0)) {
            gw_slots_remove(&table, hash_of(i), (uint32_t)i + 1);
            in[i] = false;
            live--;
        }
        size_t other = gw_random_below(&random, members);
        assert_int_equal(count_under(&table, hash_of(i), (uint32_t)i + 1), in[i]);
        assert_int_equal(count_under(&table, hash_of(other), (uint32_t)other + 1), in[other]);
        assert_int_equal(table.count, live);
    }
    size_t at = 0;
    uint32_t walked = 0;
    uint32_t number;
    while ((number = gw_slots_walk(&table, &at)) != 0) {
        assert_true(in[number - 1]);
        in[number - 1] = false;
        walked++;
    }
    assert_int_equal(walked, live);
    gw_slots_fini(&table);
    free(in);
}

static void agrees_with_a_set_at_random(void **state)
{
    (void)state;
    random_steps(1, 20);
    random_steps(2, 300);
    random_steps(3, 2000);
}

static void finds_everything_while_it_moves(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct gw_slots table;
    size_t moving = 0;

    gw_slots_init(&table);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(gw_slots_insert(&table, hash_of(4 * i + 2), i + 1), GW_OK);
        moving += table.old.slots != NULL;
        for (uint32_t j = i % 7; j <= i; j += 97)
            assert_int_equal(count_under(&table, hash_of(4 * j + 2), j + 1), 1);
        assert_true((uint64_t)table.count * 5 <= (uint64_t)table.now.capacity * 4);
    }
    assert_true(moving > 100);
    for (uint32_t i = 0; i < COUNT; i++)
        gw_slots_remove(&table, hash_of(4 * i + 2), i + 1);
    assert_int_equal(table.count, 0);
    assert_true(table.now.capacity < 200);
    gw_slots_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_set_at_random),
        cmocka_unit_test(finds_everything_while_it_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
