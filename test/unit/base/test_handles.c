#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/handles.h"
#include "base/random.h"

#define OBJECTS 2000

static char objects[OBJECTS]; /* only their addresses matter */

static void a_handle_dies_with_its_object(void **state)
{
    (void)state;
    struct gw_handles handles;
    gw_handles_init(&handles, 7);
    uint64_t first, second;
    assert_int_equal(gw_handles_add(&handles, &objects[0], &first), GW_OK);
    assert_int_equal(gw_handles_owner(first), 7);
    assert_ptr_equal(gw_handles_get(&handles, first), &objects[0]);
    gw_handles_remove(&handles, first);
    assert_null(gw_handles_get(&handles, first));
    gw_handles_remove(&handles, first);

    assert_int_equal(gw_handles_add(&handles, &objects[1], &second), GW_OK);
    assert_true(second != first);
    gw_handles_remove(&handles, first); /* stale: must not hit who has the slot now */
    assert_null(gw_handles_get(&handles, first));
    assert_ptr_equal(gw_handles_get(&handles, second), &objects[1]);
    gw_handles_fini(&handles);
    assert_null(gw_handles_get(&handles, second));
}

static void strange_numbers_name_nothing(void **state)
{
    (void)state;
    struct gw_handles handles;
    uint64_t handle;
    gw_handles_init(&handles, 3);
    assert_null(gw_handles_get(&handles, 0));
    gw_handles_remove(&handles, 0);
    assert_int_equal(gw_handles_add(&handles, &objects[0], &handle), GW_OK);
    const uint64_t strange[] = {
        0,
        UINT64_MAX,
        handle + 1,                         /* a free slot */
        handle + 16,                        /* behind the table */
        handle | ((UINT64_C(1) << 28) - 1), /* far behind the table */
        handle + (UINT64_C(1) << 28),       /* the next generation */
        handle - (UINT64_C(1) << 28),       /* generation 0 */
        handle + (UINT64_C(1) << 52),       /* another owner's */
        handle & ((UINT64_C(1) << 52) - 1), /* owner 0's */
    };
    for (size_t i = 0; i < GW_COUNT_OF(strange); i++) {
        assert_null(gw_handles_get(&handles, strange[i]));
        gw_handles_remove(&handles, strange[i]);
    }
    assert_ptr_equal(gw_handles_get(&handles, handle), &objects[0]);
    gw_handles_fini(&handles);
}

static void owners_up_to_4095_fit(void **state)
{
    (void)state;
    static const uint32_t owners[] = {0, 1, 2048, 4095};
    for (size_t i = 0; i < GW_COUNT_OF(owners); i++) {
        struct gw_handles handles;
        uint64_t handle;
        gw_handles_init(&handles, owners[i]);
        assert_int_equal(gw_handles_add(&handles, &objects[0], &handle), GW_OK);
        assert_int_equal(gw_handles_owner(handle), owners[i]);
        assert_true(handle != 0);
        assert_ptr_equal(gw_handles_get(&handles, handle), &objects[0]);
        gw_handles_fini(&handles);
    }
}

/* A generation of 24 bits comes round; 0 is left out, or handle 0 would name something. */
static void generations_come_round_without_0(void **state)
{
    (void)state;
    struct gw_handles handles;
    uint64_t handle, before;
    gw_handles_init(&handles, 0);
    assert_int_equal(gw_handles_add(&handles, &objects[0], &before), GW_OK);
    gw_handles_remove(&handles, before);
    handles.slots[0].generation = (UINT32_C(1) << 24) - 1;
    assert_int_equal(gw_handles_add(&handles, &objects[1], &handle), GW_OK);
    assert_ptr_equal(gw_handles_get(&handles, handle), &objects[1]);
    gw_handles_remove(&handles, handle);
    assert_int_equal(gw_handles_add(&handles, &objects[2], &handle), GW_OK);
    assert_int_equal(handle, before); /* the stated limit: after 2^24 uses it repeats */
    gw_handles_fini(&handles);
}

static void agrees_with_an_array(void **state)
{
    (void)state;
    static uint64_t names[OBJECTS]; /* 0: not in */
    static uint64_t stale[OBJECTS];
    struct gw_handles handles;
    struct gw_random random;
    gw_random_init(&random, 11);
    gw_handles_init(&handles, 5);
    for (unsigned i = 0; i < 40000; i++) {
        size_t at = (size_t)gw_random_below(&random, i < 20000 ? OBJECTS : 50);
        if (names[at] != 0) {
            assert_ptr_equal(gw_handles_get(&handles, names[at]), &objects[at]);
            gw_handles_remove(&handles, names[at]);
            stale[at] = names[at];
            names[at] = 0;
        } else {
            assert_int_equal(gw_handles_add(&handles, &objects[at], &names[at]), GW_OK);
            assert_true(names[at] != stale[at]);
        }
        assert_null(gw_handles_get(&handles, stale[at]));
    }
    for (size_t at = 0; at < OBJECTS; at++)
        if (names[at] != 0)
            assert_ptr_equal(gw_handles_get(&handles, names[at]), &objects[at]);
    assert_true(handles.capacity < 2 * OBJECTS + 16); /* free slots are used again */
    gw_handles_fini(&handles);
}

/* The table never grows past what the slot bits of a handle can say. */
static void stops_at_its_limit(void **state)
{
    (void)state;
    struct gw_handles handles;
    uint64_t handle = 99;
    gw_handles_init(&handles, 1);
    handles.capacity = UINT32_C(1) << 28; /* as if so many were in use */
    assert_int_equal(gw_handles_add(&handles, &objects[0], &handle), GW_LIMIT);
    assert_int_equal(handle, 99);
    handles.capacity = 0;
    gw_handles_fini(&handles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_dies_with_its_object),
        cmocka_unit_test(strange_numbers_name_nothing),
        cmocka_unit_test(owners_up_to_4095_fit),
        cmocka_unit_test(generations_come_round_without_0),
        cmocka_unit_test(agrees_with_an_array),
        cmocka_unit_test(stops_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
