#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/random.h"

static void stops_at_its_limit(void **state)
{
    (void)state;
    struct gw_pool pool;
    gw_pool_init(&pool, 100, 3);
    assert_int_equal(pool.object_size % _Alignof(max_align_t), 0);
    void *objects[3];
    for (int i = 0; i < 3; i++)
        assert_non_null(objects[i] = gw_pool_take(&pool));
    assert_null(gw_pool_take(&pool));
    gw_pool_give(&pool, objects[1]);
    assert_ptr_equal(gw_pool_take(&pool), objects[1]);
    assert_null(gw_pool_take(&pool));
    for (int i = 0; i < 3; i++)
        gw_pool_give(&pool, objects[i]);
    gw_pool_give(&pool, NULL);
    gw_pool_fini(&pool);
    gw_pool_init(&pool, 1, 0);
    assert_null(gw_pool_take(&pool));
    gw_pool_fini(&pool);
    gw_pool_fini(NULL);
}

#define OBJECTS 3000

static void check(const size_t sizes[], const uint8_t *object, uint8_t mark, size_t which)
{
    for (size_t i = 0; i < sizes[which]; i++)
        assert_int_equal(object[i], mark);
}

static void keeps_objects_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 24, 48, 1000, 5000};
    for (size_t which = 0; which < GW_COUNT_OF(sizes); which++) {
        struct gw_random random;
        gw_random_init(&random, which);
        struct gw_pool pool;
        gw_pool_init(&pool, sizes[which], OBJECTS);
        static uint8_t *objects[OBJECTS];
        memset(objects, 0, sizeof(objects));
        size_t live = 0;
        for (int i = 0; i < 12000; i++) {
            size_t at = (size_t)gw_random_below(&random, i < 6000 ? OBJECTS : 100);
            if (objects[at] != NULL) {
                check(sizes, objects[at], (uint8_t)at, which);
                gw_pool_give(&pool, objects[at]);
                objects[at] = NULL;
                live--;
            } else {
                assert_non_null(objects[at] = gw_pool_take(&pool));
                assert_int_equal((uintptr_t)objects[at] % _Alignof(max_align_t), 0);
                memset(objects[at], (uint8_t)at, sizes[which]);
                live++;
            }
            assert_int_equal(pool.live, live);
        }
        for (size_t at = 0; at < OBJECTS; at++)
            gw_pool_give(&pool, objects[at]);
        assert_int_equal(pool.live, 0);
        gw_pool_fini(&pool);
    }
}

static void gives_back_free_slabs_but_one(void **state)
{
    (void)state;
    struct gw_pool pool;
    gw_pool_init(&pool, 64, 100000);
    size_t count = pool.objects_per_slab * 5;
    void **objects = malloc(count * sizeof(void *));
    assert_non_null(objects);
    for (size_t i = 0; i < count; i++)
        assert_non_null(objects[i] = gw_pool_take(&pool));
    assert_int_equal(pool.slab_count, 5);
    for (size_t i = 0; i < count; i++)
        gw_pool_give(&pool, objects[i]);
    assert_int_equal(pool.slab_count, 1);
    assert_non_null(objects[0] = gw_pool_take(&pool));
    assert_int_equal(pool.slab_count, 1);
    gw_pool_give(&pool, objects[0]);
    free(objects);
    gw_pool_fini(&pool);
    assert_int_equal(pool.slab_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_at_its_limit),
        cmocka_unit_test(keeps_objects_apart),
        cmocka_unit_test(gives_back_free_slabs_but_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
