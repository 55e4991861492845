#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/compiler.h"
#include "store/holds.h"

static void counts_each_segment(void **state)
{
    static const uint32_t numbers[] = {1, 2, 1023, 1024, 1025, 1u << 20, (1u << 31) - 1030};
    static struct gw_holds holds;
    (void)state;
    gw_holds_init(&holds);
    assert_false(gw_holds_any(&holds, 77777));
    gw_holds_add(&holds, 77777); /* what no segment stands for is not counted */
    gw_holds_drop(&holds, 77777);
    gw_holds_drop(&holds, 77777);
    assert_false(gw_holds_any(&holds, 77777));
    for (size_t i = 0; i < GW_COUNT_OF(numbers); i++) {
        assert_int_equal(gw_holds_reserve(&holds, numbers[i]), GW_OK);
        assert_false(gw_holds_any(&holds, numbers[i]));
        gw_holds_add(&holds, numbers[i]);
        gw_holds_add(&holds, numbers[i]);
    }
    assert_false(gw_holds_take_freed(&holds));
    for (size_t i = 0; i < GW_COUNT_OF(numbers); i++) {
        gw_holds_drop(&holds, numbers[i]);
        assert_true(gw_holds_any(&holds, numbers[i]));
        assert_false(gw_holds_take_freed(&holds));
        gw_holds_drop(&holds, numbers[i]);
        assert_false(gw_holds_any(&holds, numbers[i]));
        assert_true(gw_holds_take_freed(&holds));
    }
    gw_holds_fini(&holds);
}

static void *use(void *user)
{
    struct gw_holds *holds = user;
    for (uint32_t number = 1; number < 5000; number++) {
        assert_int_equal(gw_holds_reserve(holds, number), GW_OK);
        gw_holds_add(holds, number);
    }
    for (uint32_t number = 1; number < 5000; number++) {
        assert_true(gw_holds_any(holds, number));
        gw_holds_drop(holds, number);
    }
    return NULL;
}

static void serves_several_threads(void **state)
{
    static struct gw_holds holds;
    (void)state;
    gw_holds_init(&holds);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, &holds), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (uint32_t number = 1; number < 5000; number++)
        assert_false(gw_holds_any(&holds, number));
    gw_holds_fini(&holds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_each_segment),
        cmocka_unit_test(serves_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
