/* session/numset against a plain array of flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/random.h"
#include "session/numset.h"

static void has_what_was_added(void **unused)
{
    (void)unused;
    static const uint64_t numbers[] = {0,         1, 63, 64, 65, 4096, UINT32_MAX, UINT64_MAX - 1,
                                       UINT64_MAX};
    struct gw_numset set;
    gw_numset_init(&set);
    for (size_t i = 0; i < GW_COUNT_OF(numbers); i++) {
        for (size_t n = 0; n < GW_COUNT_OF(numbers); n++)
            assert_int_equal(gw_numset_has(&set, numbers[n]), n < i);
        assert_int_equal(gw_numset_add(&set, numbers[i]), GW_OK);
        assert_int_equal(gw_numset_add(&set, numbers[i]), GW_OK);
    }
    gw_numset_fini(&set);
    assert_false(gw_numset_has(&set, 0));
    assert_null(set.words);
}

static void random_numbers(void **unused)
{
    (void)unused;
    enum { RANGE = 20000 };
    static const uint64_t strides[] = {1, 64, 65536, UINT64_C(1) << 40};
    for (size_t s = 0; s < GW_COUNT_OF(strides); s++) {
        bool in[RANGE] = {false};
        struct gw_random random;
        struct gw_numset set;
        gw_numset_init(&set);
        gw_random_init(&random, s);
        for (int i = 0; i < 2000; i++) {
            uint64_t number = gw_random_below(&random, RANGE);
            in[number] = true;
            assert_int_equal(gw_numset_add(&set, number * strides[s]), GW_OK);
        }
        for (uint64_t number = 0; number < RANGE; number++)
            assert_int_equal(gw_numset_has(&set, number * strides[s]), in[number]);
        gw_numset_fini(&set);
    }
}

static void neighbours_share_a_word(void **unused)
{
    (void)unused;
    struct gw_numset set;
    gw_numset_init(&set);
    for (uint64_t number = 0; number < 64000; number++)
        assert_int_equal(gw_numset_add(&set, number), GW_OK);
    assert_int_equal(set.count, 1000);
    assert_true(set.capacity <= 2048);
    gw_numset_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_what_was_added),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(neighbours_share_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
