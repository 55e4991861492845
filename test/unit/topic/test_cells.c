#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <string.h>

#include "base/random.h"
#include "topic/cells.h"

static size_t chunks_of(const struct gw_cells *cells)
{
    size_t chunks = 0;
    for (uint32_t i = 0; i < cells->chunk_capacity; i++)
        chunks += cells->records[i] != NULL;
    return chunks;
}

static void gives_each_record_its_own_place(void **state)
{
    (void)state;
    enum { COUNT = 3 * GW_CELLS_CHUNK };
    static uint32_t numbers[COUNT];
    struct gw_cells cells;

    gw_cells_init(&cells, 24);
    for (size_t i = 0; i < COUNT; i++) {
        static const uint8_t zeros[24];
        numbers[i] = gw_cells_take(&cells);
        assert_int_not_equal(numbers[i], 0);
        assert_memory_equal(gw_cells_at(&cells, numbers[i]), zeros, 24);
        memset(gw_cells_at(&cells, numbers[i]), (int)(i % 251) + 1, 24);
    }
    assert_int_equal(cells.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const uint8_t *record = gw_cells_at(&cells, numbers[i]);
        assert_int_equal(record[0], i % 251 + 1);
        assert_int_equal(record[23], i % 251 + 1);
    }
    gw_cells_fini(&cells);
    assert_int_equal(cells.count, 0);
}

static void gives_empty_chunks_back(void **state)
{
    (void)state;
    enum { COUNT = 8 * GW_CELLS_CHUNK };
    static uint32_t numbers[COUNT];
    struct gw_cells cells;

    gw_cells_init(&cells, 8);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++)
            numbers[i] = gw_cells_take(&cells);
        assert_true(chunks_of(&cells) <= 9);
        for (size_t i = 0; i < COUNT; i++)
            gw_cells_give(&cells, numbers[round == 1 ? COUNT - 1 - i : i]);
        assert_int_equal(cells.count, 0);
        assert_true(chunks_of(&cells) <= 1);
    }
    gw_cells_fini(&cells);
}

static void uses_given_back_records_again(void **state)
{
    (void)state;
    enum { COUNT = 2000, STEPS = 40000 };
    static uint32_t numbers[COUNT];
    struct gw_random random;
    struct gw_cells cells;
    size_t live = 0;

    memset(numbers, 0, sizeof(numbers));
    gw_random_init(&random, 5);
    gw_cells_init(&cells, 16);
    for (size_t step = 0; step < STEPS; step++) {
        size_t i = gw_random_below(&random, COUNT);
        if (numbers[i] == 0) {
            numbers[i] = gw_cells_take(&cells);
            memcpy(gw_cells_at(&cells, numbers[i]), &i, sizeof(i));
            live++;
            continue;
        }
        size_t found;
        memcpy(&found, gw_cells_at(&cells, numbers[i]), sizeof(found));
        assert_int_equal(found, i);
        gw_cells_give(&cells, numbers[i]);
        numbers[i] = 0;
        live--;
        assert_int_equal(cells.count, live);
    }
    assert_true(chunks_of(&cells) <= COUNT / GW_CELLS_CHUNK + 2);
    gw_cells_fini(&cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_record_its_own_place),
        cmocka_unit_test(gives_empty_chunks_back),
        cmocka_unit_test(uses_given_back_records_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
