#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "bench/witness.h"

static void a_mark_is_read_as_it_was_written(void **state)
{
    const struct gw_witness_mark mark = {0x01020304, 0xFFFFFFFE, 0x1122334455667788};
    struct gw_witness_mark back;
    uint8_t bytes[GW_WITNESS_SIZE];
    (void)state;
    gw_witness_write(bytes, &mark);
    assert_int_equal(gw_witness_read(gw_span_of(bytes, sizeof bytes), &back), GW_OK);
    assert_memory_equal(&mark, &back, sizeof mark);
    assert_int_equal(gw_witness_read(gw_span_of(bytes, sizeof bytes - 1), &back), GW_INVALID);
}

static void each_fault_is_counted_by_its_kind(void **state)
{
    static const struct {
        uint32_t counters[8]; /* UINT32_MAX ends it */
        uint64_t received, doubled, disordered;
    } rows[] = {
        {{0, 1, 2, 3, UINT32_MAX}, 4, 0, 0},
        {{0, 2, UINT32_MAX}, 2, 0, 0}, /* what is missing is not received */
        {{0, 2, 1, UINT32_MAX}, 3, 0, 1},
        {{0, 0, 1, 1, UINT32_MAX}, 2, 2, 0},
        {{5, 0, 5, UINT32_MAX}, 2, 1, 1},
        {{0, 1024, 1, UINT32_MAX}, 3, 0, 1},
        {{0, 1023, 0, UINT32_MAX}, 2, 1, 0},
        {{0, 1024, 0, UINT32_MAX}, 3, 0, 1}, /* too far behind to know */
        {{7, 9000, 8999, 9000, 100000, UINT32_MAX}, 4, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_witness witness;
        assert_int_equal(gw_witness_init(&witness, 3, 2), GW_OK);
        for (size_t k = 0; rows[i].counters[k] != UINT32_MAX; k++)
            (void)gw_witness_see(&witness, &(struct gw_witness_mark){4, rows[i].counters[k], 0});
        assert_int_equal(witness.received, rows[i].received);
        assert_int_equal(witness.doubled, rows[i].doubled);
        assert_int_equal(witness.disordered, rows[i].disordered);
        gw_witness_fini(&witness);
    }
}

static void publishers_do_not_mix(void **state)
{
    struct gw_witness witness;
    (void)state;
    assert_int_equal(gw_witness_init(&witness, 3, 2), GW_OK);
    assert_true(gw_witness_see(&witness, &(struct gw_witness_mark){3, 0, 0}));
    assert_true(gw_witness_see(&witness, &(struct gw_witness_mark){4, 0, 0}));
    assert_false(gw_witness_see(&witness, &(struct gw_witness_mark){3, 0, 0}));
    assert_false(gw_witness_see(&witness, &(struct gw_witness_mark){2, 0, 0}));
    assert_false(gw_witness_see(&witness, &(struct gw_witness_mark){5, 0, 0}));
    assert_int_equal(witness.foreign, 2);
    assert_int_equal(witness.received, 2);
    gw_witness_fini(&witness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_is_read_as_it_was_written),
        cmocka_unit_test(each_fault_is_counted_by_its_kind),
        cmocka_unit_test(publishers_do_not_mix),
    };
    return cmocka_run_group_tests_name("witness", tests, NULL, NULL);
}
