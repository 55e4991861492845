#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/compiler.h"
#include "base/random.h"
#include "proto/idset.h"

#define IDS 65536u

static bool model[IDS];

static void check_all(const struct gw_idset *set)
{
    uint32_t count = 0;
    for (uint32_t id = 1; id < IDS; id++) {
        if (gw_idset_has(set, (gw_packet_id)id) != model[id])
            fail_msg("identifier %u is wrong", id);
        count += model[id];
    }
    assert_int_equal(set->count, count);
}

static void an_empty_set_holds_nothing(void **state)
{
    (void)state;
    struct gw_idset set;
    gw_idset_init(&set);
    assert_false(gw_idset_has(&set, 1));
    assert_int_equal(gw_idset_remove(&set, 1), GW_NOT_FOUND);
    assert_int_equal(gw_idset_add(&set, 1), GW_OK);
    assert_int_equal(gw_idset_add(&set, 1), GW_EXISTS);
    assert_true(gw_idset_has(&set, 1));
    assert_int_equal(gw_idset_remove(&set, 1), GW_OK);
    assert_int_equal(gw_idset_remove(&set, 1), GW_NOT_FOUND);
    assert_null(set.slots);
    assert_int_equal(set.capacity, 0);
    gw_idset_fini(&set);
    gw_idset_fini(&set);
}

/* Random adds and removes; in some rounds over few identifiers, over neighbours, over strides. */
static void agrees_with_a_bitmap(void **state)
{
    (void)state;
    static const struct {
        uint32_t range, stride;
    } rounds[] = {{65535, 1}, {30, 1}, {300, 1}, {255, 256}, {15, 4096}, {1000, 64}};
    for (size_t round = 0; round < GW_COUNT_OF(rounds); round++) {
        struct gw_random random;
        struct gw_idset set;
        gw_random_init(&random, round);
        gw_idset_init(&set);
        memset(model, 0, sizeof(model));
        for (unsigned i = 0; i < 20000; i++) {
            uint32_t pick = 1 + (uint32_t)gw_random_below(&random, rounds[round].range);
            gw_packet_id id = (gw_packet_id)(pick * rounds[round].stride);
            assert_int_equal(gw_idset_has(&set, id), model[id]);
            if (gw_random_below(&random, 2) != 0) {
                assert_int_equal(gw_idset_add(&set, id), model[id] ? GW_EXISTS : GW_OK);
                model[id] = true;
            } else {
                assert_int_equal(gw_idset_remove(&set, id), model[id] ? GW_OK : GW_NOT_FOUND);
                model[id] = false;
            }
        }
        check_all(&set);
        gw_idset_fini(&set);
    }
}

static void holds_all_65535(void **state)
{
    (void)state;
    struct gw_idset set;
    gw_idset_init(&set);
    memset(model, 0, sizeof(model));
    for (uint32_t i = 0; i < IDS; i++) {
        uint32_t id = i * 40503u % IDS; /* an odd factor visits each once */
        if (id == 0)
            continue;
        assert_int_equal(gw_idset_add(&set, (gw_packet_id)id), GW_OK);
        model[id] = true;
    }
    assert_int_equal(set.count, 65535);
    check_all(&set);
    for (uint32_t id = 1; id < IDS; id++)
        assert_int_equal(gw_idset_add(&set, (gw_packet_id)id), GW_EXISTS);
    for (uint32_t id = 1; id < IDS; id += 2) {
        assert_int_equal(gw_idset_remove(&set, (gw_packet_id)id), GW_OK);
        model[id] = false;
    }
    check_all(&set);
    for (uint32_t id = 2; id < IDS; id += 2)
        assert_int_equal(gw_idset_remove(&set, (gw_packet_id)id), GW_OK);
    assert_null(set.slots);
    gw_idset_fini(&set);
}

/* A sequence, as clients send it, must not pile up: memory stays near the number held. */
static void memory_follows_the_count(void **state)
{
    (void)state;
    struct gw_idset set;
    gw_idset_init(&set);
    for (uint32_t id = 1; id < IDS; id++) {
        assert_int_equal(gw_idset_add(&set, (gw_packet_id)id), GW_OK);
        if (id > 20)
            assert_int_equal(gw_idset_remove(&set, (gw_packet_id)(id - 20)), GW_OK);
        assert_true(set.capacity <= 64);
    }
    gw_idset_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_holds_nothing),
        cmocka_unit_test(agrees_with_a_bitmap),
        cmocka_unit_test(holds_all_65535),
        cmocka_unit_test(memory_follows_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
