/* session/orders against arrays of flags: what was added and not settled is found, in order after
 * finish, and takes no more room than it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/random.h"
#include "session/orders.h"

struct item {
    uint32_t order;
    uint32_t value;
    uint64_t more;
};

#define RANGE 4000

enum fate { UNKNOWN, ADDED, SETTLED };

struct model {
    struct gw_orders orders;
    uint8_t fates[RANGE];
    uint32_t values[RANGE];
    uint32_t base; /* the order that is 0 in the model */
    uint32_t live;
};

static void model_init(struct model *model, uint32_t base)
{
    *model = (struct model){.base = base};
    gw_orders_init(&model->orders, sizeof(struct item));
}

static void add(struct model *model, uint32_t at, uint32_t value)
{
    void *found = NULL;
    enum gw_status status = gw_orders_add(&model->orders, model->base + at, &found);
    if (model->fates[at] == SETTLED) {
        assert_int_equal(status, GW_NOT_FOUND);
        return;
    }
    assert_int_equal(status, GW_OK);
    struct item *item = found;
    assert_int_equal(item->order, model->base + at);
    assert_int_equal(item->value, model->fates[at] == ADDED ? model->values[at] : 0);
    assert_true(item->more == 0);
    item->value = model->values[at] = value;
    model->live += model->fates[at] == UNKNOWN;
    model->fates[at] = ADDED;
}

static void settle(struct model *model, uint32_t at)
{
    enum gw_status status = gw_orders_settle(&model->orders, model->base + at);
    assert_int_equal(status, model->fates[at] == ADDED ? GW_OK : GW_NOT_FOUND);
    model->live -= model->fates[at] == ADDED;
    model->fates[at] = SETTLED;
}

static void check(const struct model *model)
{
    for (uint32_t at = 0; at < RANGE; at++) {
        const struct item *item = gw_orders_find(&model->orders, model->base + at);
        assert_int_equal(item != NULL, model->fates[at] == ADDED);
        if (item)
            assert_int_equal(item->value, model->values[at]);
    }
    assert_int_equal(model->orders.count - model->orders.gone, model->live);
}

static void finish(struct model *model)
{
    assert_int_equal(gw_orders_finish(&model->orders), GW_OK);
    const struct item *items = (const void *)model->orders.items;
    uint32_t count = 0;
    for (uint32_t at = 0; at < RANGE; at++) {
        if (model->fates[at] != ADDED)
            continue;
        assert_true(count < model->orders.count);
        assert_int_equal(items[count].order, model->base + at);
        assert_int_equal(items[count].value, model->values[at]);
        count++;
    }
    assert_int_equal(count, model->orders.count);
    gw_orders_fini(&model->orders);
}

/* Bases around which the orders go round, at 2^32 and at 2^31. */
static const uint32_t bases[] = {0, 100, UINT32_MAX - RANGE / 2, (UINT32_C(1) << 31) - RANGE / 2};

static void random_work(void **unused)
{
    (void)unused;
    static struct model model;
    for (unsigned round = 0; round < 24; round++) {
        struct gw_random random;
        uint32_t range = round % 3 == 0 ? 12 : round % 3 == 1 ? 300 : RANGE;
        model_init(&model, bases[round % GW_COUNT_OF(bases)]);
        gw_random_init(&random, round);
        for (uint32_t i = 0; i < range * 2; i++) {
            uint32_t at = (uint32_t)gw_random_below(&random, range);
            if (gw_random_below(&random, 5) < 3)
                add(&model, at, i);
            else
                settle(&model, at);
        }
        check(&model);
        finish(&model);
    }
}

/* As sessions do: new ones at the end, the oldest goes; then a slice of all, older than the newest.
 */
static void a_queue(void **unused)
{
    (void)unused;
    static struct model model;
    for (uint32_t depth = 1; depth < 200; depth = depth * 3 + 1) {
        model_init(&model, bases[depth % GW_COUNT_OF(bases)]);
        for (uint32_t at = 0; at < RANGE; at++) {
            add(&model, at, at);
            if (at >= depth)
                settle(&model, at - depth);
            assert_true(model.orders.capacity <= depth + depth / 2 + 64);
        }
        for (uint32_t at = RANGE - depth; at < RANGE; at++)
            add(&model, at, at + 1);
        check(&model);
        finish(&model);
    }
}

static void runs_are_merged(void **unused)
{
    (void)unused;
    static struct model model;
    for (uint32_t run = 1; run < RANGE; run = run * 2 + 1) {
        model_init(&model, bases[run % GW_COUNT_OF(bases)]);
        for (uint32_t first = 0; first < run; first++) {
            for (uint32_t at = first; at < RANGE; at += run)
                add(&model, RANGE - 1 - at, at);
        }
        check(&model);
        finish(&model);
    }
}

static void the_next_one_is_behind_all(void **unused)
{
    (void)unused;
    struct gw_orders orders;
    void *item;
    gw_orders_init(&orders, sizeof(struct item));
    assert_int_equal(gw_orders_next(&orders), 0);
    gw_orders_see(&orders, UINT32_MAX - 1);
    assert_int_equal(gw_orders_next(&orders), UINT32_MAX);
    assert_int_equal(gw_orders_add(&orders, UINT32_MAX, &item), GW_OK);
    assert_int_equal(gw_orders_next(&orders), 0);
    assert_int_equal(gw_orders_settle(&orders, 3), GW_NOT_FOUND);
    assert_int_equal(gw_orders_next(&orders), 4);
    gw_orders_see(&orders, UINT32_MAX - 7);
    assert_int_equal(gw_orders_next(&orders), 4);
    gw_orders_fini(&orders);
}

static void many_take_little_room(void **unused)
{
    (void)unused;
    struct gw_orders orders;
    void *item;
    gw_orders_init(&orders, 48);
    for (uint32_t order = 0; order < 200000; order++) {
        assert_int_equal(gw_orders_add(&orders, order, &item), GW_OK);
        if (order < 1000)
            continue;
        size_t bytes = (size_t)orders.capacity * 48 + orders.slot_count * sizeof(*orders.slots);
        assert_true(bytes <= (size_t)64 * orders.count);
    }
    for (uint32_t order = 0; order < 200000; order++)
        assert_int_equal(gw_orders_settle(&orders, order), GW_OK);
    assert_int_equal(orders.count, 0);
    gw_orders_fini(&orders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work),           cmocka_unit_test(a_queue),
        cmocka_unit_test(runs_are_merged),       cmocka_unit_test(the_next_one_is_behind_all),
        cmocka_unit_test(many_take_little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
