#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/compiler.h"
#include "base/random.h"
#include "proto/window.h"

#define IDS 65536u

static char *model[IDS]; /* item of each identifier in use */
static char items[IDS];

static gw_packet_id open_one(struct gw_window *window, char *item)
{
    gw_packet_id id = 0;
    assert_int_equal(gw_window_open(window, item, &id), GW_OK);
    assert_int_not_equal(id, 0);
    assert_null(model[id]); /* never one that is in use (MQTT-2.2.1-3) */
    model[id] = item;
    assert_ptr_equal(gw_window_get(window, id), item);
    return id;
}

static void close_one(struct gw_window *window, gw_packet_id id)
{
    assert_ptr_equal(gw_window_get(window, id), model[id]);
    gw_window_close(window, id);
    model[id] = NULL;
    assert_null(gw_window_get(window, id));
}

static void check_all(const struct gw_window *window)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < IDS; id++) {
        if (gw_window_get(window, (gw_packet_id)id) != model[id])
            fail_msg("identifier %u is wrong", id);
        count += model[id] != NULL;
    }
    assert_int_equal(window->count, count);
}

static void start(struct gw_window *window)
{
    memset(model, 0, sizeof(model));
    gw_window_init(window);
}

static void an_empty_window_knows_nothing(void **state)
{
    (void)state;
    struct gw_window window;
    start(&window);
    assert_null(gw_window_get(&window, 0));
    assert_null(gw_window_get(&window, 1));
    gw_window_fini(&window);
    gw_window_fini(&window);
}

static void counts_up_from_1_and_skips_0(void **state)
{
    (void)state;
    struct gw_window window;
    start(&window);
    for (uint32_t i = 1; i < IDS; i++) {
        gw_packet_id id = open_one(&window, &items[i]);
        assert_int_equal(id, i);
        close_one(&window, id);
    }
    assert_int_equal(open_one(&window, &items[0]), 1);
    check_all(&window);
    gw_window_fini(&window);
}

/* One message after the other, each settled before the next: no allocation for each of them. */
static void one_at_a_time_keeps_its_slots(void **state)
{
    (void)state;
    struct gw_window window;
    start(&window);
    close_one(&window, open_one(&window, &items[0]));
    const struct gw_window_slot *slots = window.slots;
    assert_non_null(slots);
    for (int i = 0; i < 100; i++) {
        close_one(&window, open_one(&window, &items[0]));
        assert_ptr_equal(window.slots, slots);
    }
    gw_window_fini(&window);
    assert_null(window.slots);
}

static void a_drained_window_gives_its_memory_back(void **state)
{
    (void)state;
    struct gw_window window;
    gw_packet_id ids[1000];
    start(&window);
    for (size_t i = 0; i < GW_COUNT_OF(ids); i++)
        ids[i] = open_one(&window, &items[i]);
    assert_true(window.capacity >= 1000 && window.capacity <= 4096);
    for (size_t i = 0; i < GW_COUNT_OF(ids); i++)
        close_one(&window, ids[i]);
    assert_true(window.capacity <= 4);
    assert_int_not_equal(open_one(&window, &items[0]), ids[999]); /* the count goes on */
    gw_window_fini(&window);
}

/* The peer settles in any order, one identifier stays open all the time. */
static void never_reuses_what_is_open(void **state)
{
    (void)state;
    static const uint32_t in_use[] = {1, 2, 5, 30, 1000};
    for (size_t round = 0; round < GW_COUNT_OF(in_use); round++) {
        struct gw_window window;
        struct gw_random random;
        static gw_packet_id ids[1000];
        gw_random_init(&random, round);
        start(&window);
        gw_packet_id stuck = open_one(&window, &items[65000]);
        for (uint32_t i = 0; i < in_use[round]; i++)
            ids[i] = open_one(&window, &items[i]);
        for (unsigned i = 0; i < 140000; i++) { /* twice round */
            uint32_t at = (uint32_t)gw_random_below(&random, in_use[round]);
            close_one(&window, ids[at]);
            ids[at] = open_one(&window, &items[at]);
        }
        assert_ptr_equal(gw_window_get(&window, stuck), &items[65000]);
        check_all(&window);
        gw_window_fini(&window);
    }
}

static void random_counts_agree_with_an_array(void **state)
{
    (void)state;
    struct gw_window window;
    struct gw_random random;
    static gw_packet_id open[3000];
    size_t count = 0;
    gw_random_init(&random, 42);
    start(&window);
    for (unsigned i = 0; i < 60000; i++) {
        bool grows = i / 5000 % 2 == 0;
        if (count < GW_COUNT_OF(open) && gw_random_below(&random, 10) < (grows ? 7u : 3u)) {
            open[count] = open_one(&window, &items[count]);
            count++;
        } else if (count > 0) {
            size_t at = (size_t)gw_random_below(&random, count);
            close_one(&window, open[at]);
            open[at] = open[--count];
        }
        assert_int_equal(window.count, count);
    }
    check_all(&window);
    gw_window_fini(&window);
}

static void all_65535_can_be_open(void **state)
{
    (void)state;
    struct gw_window window;
    gw_packet_id id = 4711;
    start(&window);
    for (uint32_t i = 0; i < 30000; i++) /* begin somewhere in the middle */
        close_one(&window, open_one(&window, &items[0]));
    for (uint32_t i = 0; i < GW_WINDOW_MAX; i++)
        open_one(&window, &items[i]);
    check_all(&window);
    assert_int_equal(gw_window_open(&window, &items[0], &id), GW_LIMIT);
    assert_int_equal(id, 4711);
    static const gw_packet_id some[] = {65535, 1, 32768, 4};
    for (size_t i = 0; i < GW_COUNT_OF(some); i++) {
        close_one(&window, some[i]);
        assert_int_equal(open_one(&window, &items[i]), some[i]); /* the only one that is free */
        assert_int_equal(gw_window_open(&window, &items[0], &id), GW_LIMIT);
    }
    for (uint32_t i = 1; i < IDS; i++)
        close_one(&window, (gw_packet_id)i);
    assert_int_equal(window.count, 0);
    gw_window_fini(&window);
}

/* -- quota -- */

enum step { SPEND, NO_SPEND, REFUND, RESTART };

static void the_quota_stays_between_0_and_its_start(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        uint16_t argument, quota; /* after it */
    } rows[] = {
        {NO_SPEND, 0, 0},                                   /* before the first connection */
        {REFUND, 0, 0},    {RESTART, 2, 2}, {REFUND, 0, 2}, /* never above the start */
        {SPEND, 0, 1},     {SPEND, 0, 0},   {NO_SPEND, 0, 0},        {REFUND, 0, 1},
        {SPEND, 0, 0},     {REFUND, 0, 1},  {REFUND, 0, 2},          {REFUND, 0, 2},
        {SPEND, 0, 1},     {RESTART, 3, 3}, /* not preserved across connections */
        {SPEND, 0, 2},     {RESTART, 1, 1}, {SPEND, 0, 0},           {NO_SPEND, 0, 0},
        {REFUND, 0, 1},    {REFUND, 0, 1},  {RESTART, 65535, 65535}, {REFUND, 0, 65535},
        {SPEND, 0, 65534},
    };
    struct gw_window window;
    start(&window);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        switch (rows[i].step) {
        case SPEND: assert_true(gw_window_spend(&window)); break;
        case NO_SPEND: assert_false(gw_window_spend(&window)); break;
        case REFUND: gw_window_refund(&window); break;
        case RESTART: gw_window_restart(&window, rows[i].argument); break;
        }
        assert_int_equal(window.quota, rows[i].quota);
    }
    gw_window_fini(&window);
}

/* Identifiers that are known from before: any, each once, and new ones do not collide. */
static void takes_identifiers_that_are_known(void **state)
{
    (void)state;
    static const struct {
        gw_packet_id id;
        enum gw_status status;
    } rows[] = {
        {0, GW_LIMIT},        {7, GW_OK},     {7, GW_LIMIT},      {7 + 4, GW_OK},
        {7 + 4096, GW_OK},    {1, GW_OK},     {7 + 32768, GW_OK}, {1, GW_LIMIT},
        {7 + 4096, GW_LIMIT}, {65535, GW_OK}, {3, GW_OK},
    };
    struct gw_window window;
    start(&window);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        gw_packet_id id = rows[i].id;
        assert_int_equal(gw_window_claim(&window, id, &items[i]), rows[i].status);
        if (rows[i].status == GW_OK)
            model[id] = &items[i];
        check_all(&window);
    }
    for (size_t i = 100; i < 1000; i++)
        open_one(&window, &items[i]);
    gw_window_replace(&window, 7, &items[50]);
    model[7] = &items[50];
    check_all(&window);
    close_one(&window, 7);
    assert_int_equal(gw_window_claim(&window, 7, &items[51]), GW_OK);
    gw_window_fini(&window);
}

/* Nothing stands in the way of an identifier at the largest table. */
static void takes_all_of_them(void **state)
{
    (void)state;
    struct gw_window window;
    gw_packet_id id;
    start(&window);
    for (uint32_t i = 65535; i > 0; i--) {
        model[i] = &items[i];
        assert_int_equal(gw_window_claim(&window, (gw_packet_id)i, &items[i]), GW_OK);
    }
    check_all(&window);
    assert_int_equal(gw_window_open(&window, &items[0], &id), GW_LIMIT);
    gw_window_fini(&window);
}

static void identifiers_and_quota_are_apart(void **state)
{
    (void)state;
    struct gw_window window;
    start(&window);
    gw_window_restart(&window, 1);
    gw_packet_id first = open_one(&window, &items[0]);
    gw_packet_id second = open_one(&window, &items[1]);
    assert_int_equal(window.quota, 1);
    gw_window_restart(&window, 5); /* the identifiers stay */
    assert_ptr_equal(gw_window_get(&window, first), &items[0]);
    close_one(&window, second);
    assert_int_equal(window.quota, 5);
    check_all(&window);
    gw_window_fini(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_window_knows_nothing),
        cmocka_unit_test(counts_up_from_1_and_skips_0),
        cmocka_unit_test(one_at_a_time_keeps_its_slots),
        cmocka_unit_test(a_drained_window_gives_its_memory_back),
        cmocka_unit_test(never_reuses_what_is_open),
        cmocka_unit_test(random_counts_agree_with_an_array),
        cmocka_unit_test(all_65535_can_be_open),
        cmocka_unit_test(the_quota_stays_between_0_and_its_start),
        cmocka_unit_test(takes_identifiers_that_are_known),
        cmocka_unit_test(takes_all_of_them),
        cmocka_unit_test(identifiers_and_quota_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
