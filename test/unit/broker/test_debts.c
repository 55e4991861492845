#include "broker/debts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void settles_each_once_in_any_order(void **state)
{
    (void)state;
    struct gw_debts debts;
    struct gw_blob *blob = gw_blob_new(1);
    uint32_t orders[100];
    gw_debts_init(&debts);
    for (unsigned i = 0; i < 100; i++)
        orders[i] = gw_debts_add(&debts, blob);
    for (unsigned i = 0; i < 100; i++) { /* 37 has no divisor in common with 100 */
        assert_true(gw_debts_settle(&debts, orders[i * 37 % 100]));
        assert_false(gw_debts_settle(&debts, orders[i * 37 % 100]));
    }
    assert_int_equal(debts.count, 0);
    assert_int_equal(gw_blob_refs(blob), 1);
    gw_debts_fini(&debts);
    gw_blob_unref(&blob);
}

/* A member that sits on one message while others take thousands. */
static void one_old_debt_does_not_keep_the_places_of_later_ones(void **state)
{
    (void)state;
    struct gw_debts debts;
    struct gw_blob *blob = gw_blob_new(1);
    gw_debts_init(&debts);
    uint32_t old = gw_debts_add(&debts, blob);
    uint32_t slow = 0;
    for (unsigned i = 0; i < 10000; i++) {
        uint32_t order = gw_debts_add(&debts, blob);
        if (i == 5000)
            slow = order;
        else
            assert_true(gw_debts_settle(&debts, order));
    }
    assert_true(debts.capacity <= 16);
    assert_int_equal(gw_blob_refs(blob), 3);
    assert_true(gw_debts_settle(&debts, slow));
    assert_true(gw_debts_settle(&debts, old));
    gw_debts_fini(&debts);
    gw_blob_unref(&blob);
}

static void goes_on_numbering_after_a_start(void **state)
{
    (void)state;
    struct gw_debts debts;
    struct gw_blob *blob = gw_blob_new(1);
    gw_debts_init(&debts);
    debts.next_order = 90;
    gw_debts_restore(&debts, blob, 7);
    gw_debts_restore(&debts, blob, 80);
    assert_int_equal(gw_debts_add(&debts, blob), 90);
    assert_true(gw_debts_settle(&debts, 7));
    assert_false(gw_debts_settle(&debts, 8));
    assert_true(gw_debts_settle(&debts, 80));
    gw_debts_fini(&debts);
    gw_blob_unref(&blob);
}

/* Parts of a snapshot go on by order, whatever was settled or cleared away in between. */
static void finds_where_to_go_on(void **state)
{
    (void)state;
    static const struct {
        uint32_t next, from, place;
    } rows[] = {{1, 0, 0}, {1, 1, 0}, {1, 3, 2}, {1, 6, 5}, {1, 99, 5}, {UINT32_MAX - 1, 1, 2}};
    struct gw_blob *blob = gw_blob_new(1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_debts debts;
        gw_debts_init(&debts);
        debts.next_order = rows[i].next;
        for (unsigned n = 0; n < 5; n++)
            (void)gw_debts_add(&debts, blob);
        assert_int_equal(gw_debts_seek(&debts, rows[i].from), rows[i].place);
        gw_debts_fini(&debts);
        assert_int_equal(gw_debts_seek(&debts, rows[i].from), 0);
    }
    gw_blob_unref(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settles_each_once_in_any_order),
        cmocka_unit_test(one_old_debt_does_not_keep_the_places_of_later_ones),
        cmocka_unit_test(goes_on_numbering_after_a_start),
        cmocka_unit_test(finds_where_to_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
