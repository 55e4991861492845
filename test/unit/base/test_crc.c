#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/crc.h"
#include "base/random.h"

typedef uint32_t crc_fn(uint32_t crc, struct gw_span bytes);

static crc_fn *const ways[] = {gw_crc32c, gw_crc32c_by_table};

/* Bit by bit, straight from the polynomial. */
static uint32_t slow(uint32_t crc, struct gw_span bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* The check value of the polynomial, and the examples of RFC 3720, B.4. */
static void known_sums(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    for (size_t i = 0; i < sizeof up; i++) {
        ones[i] = 0xff;
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    const struct {
        struct gw_span bytes;
        uint32_t crc;
    } rows[] = {
        {GW_SPAN_NONE, 0},
        {GW_SPAN_LIT("a"), 0xc1d04330},
        {GW_SPAN_LIT("123456789"), 0xe3069283},
        {gw_span_of(zeros, sizeof zeros), 0x8a9136aa},
        {gw_span_of(ones, sizeof ones), 0x62a8ab43},
        {gw_span_of(up, sizeof up), 0x46dd794e},
        {gw_span_of(down, sizeof down), 0x113fdb5c},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        assert_int_equal(slow(0, rows[i].bytes), rows[i].crc);
        for (size_t way = 0; way < GW_COUNT_OF(ways); way++)
            assert_int_equal(ways[way](0, rows[i].bytes), rows[i].crc);
    }
}

/* Every entry of the table is used: each byte value at each place of a step. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++)
        for (size_t place = 0; place < 9; place++) {
            uint8_t bytes[9] = {0};
            bytes[place] = (uint8_t)value;
            struct gw_span span = gw_span_of(bytes, sizeof bytes);
            uint32_t crc = slow(value, span);
            for (size_t way = 0; way < GW_COUNT_OF(ways); way++)
                assert_int_equal(ways[way](value, span), crc);
        }
}

/* Any length at any alignment, in one piece and in two. */
static void ways_agree(void **state)
{
    (void)state;
    struct gw_random random;
    uint8_t bytes[600];
    gw_random_init(&random, 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)gw_random_next(&random);
    for (int round = 0; round < 2000; round++) {
        size_t from = (size_t)gw_random_below(&random, 64);
        size_t size = (size_t)gw_random_below(&random, sizeof bytes - from + 1);
        size_t cut = (size_t)gw_random_below(&random, size + 1);
        struct gw_span all = gw_span_of(bytes + from, size);
        uint32_t crc = slow(0, all);
        for (size_t way = 0; way < GW_COUNT_OF(ways); way++) {
            assert_int_equal(ways[way](0, all), crc);
            uint32_t begun = ways[way](0, gw_span_of(all.data, cut));
            assert_int_equal(ways[way](begun, gw_span_from(all, cut)), crc);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(ways_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
