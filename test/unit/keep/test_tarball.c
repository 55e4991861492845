#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keep/tarball.h"

static void reads_what_it_wrote(void **state)
{
    static const uint64_t sizes[] = {0, 1, 512, 16777216, UINT32_MAX, ((uint64_t)1 << 33) - 1};
    struct gw_tarball_member member;
    uint8_t block[GW_TARBALL_BLOCK];
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        gw_tarball_put(block, "folder/00000001.seg", sizes[i], 1700000000);
        assert_int_equal(gw_tarball_get(block, &member), GW_OK);
        assert_string_equal(member.name, "folder/00000001.seg");
        assert_true(member.size == sizes[i]);
        assert_true(member.regular);
    }
}

static void sees_every_flipped_bit(void **state)
{
    struct gw_tarball_member member;
    uint8_t block[GW_TARBALL_BLOCK];
    (void)state;
    gw_tarball_put(block, "a.seg", 4096, 1);
    for (size_t bit = 0; bit < GW_TARBALL_BLOCK * 8; bit++) {
        if (bit / 8 >= 148 && bit / 8 < 156)
            continue; /* the sum: a space stands for a zero there */
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (gw_tarball_get(block, &member) == GW_OK)
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void knows_the_end(void **state)
{
    struct gw_tarball_member member;
    uint8_t block[GW_TARBALL_BLOCK] = {0};
    (void)state;
    assert_int_equal(gw_tarball_get(block, &member), GW_END);
    memset(block, 'x', sizeof block);
    assert_int_equal(gw_tarball_get(block, &member), GW_MALFORMED);
    assert_true(gw_tarball_padded(0) == 0);
    assert_true(gw_tarball_padded(1) == 512);
    assert_true(gw_tarball_padded(512) == 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(sees_every_flipped_bit),
        cmocka_unit_test(knows_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
