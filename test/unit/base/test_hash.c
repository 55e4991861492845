#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

static void depends_on_bytes_and_seed(void **state)
{
    (void)state;
    uint64_t a = gw_hash_bytes(GW_SPAN_LIT("client-1"), 1);
    assert_true(a == gw_hash_bytes(GW_SPAN_LIT("client-1"), 1));
    assert_true(a != gw_hash_bytes(GW_SPAN_LIT("client-2"), 1));
    assert_true(a != gw_hash_bytes(GW_SPAN_LIT("client-1"), 2));
    assert_true(gw_hash_bytes(GW_SPAN_NONE, 7) == gw_hash_bytes(GW_SPAN_LIT(""), 7));
}

/* The published values of XXH3-64: what one machine writes down, another must find again. */
static void is_the_same_everywhere(void **state)
{
    (void)state;
    assert_true(gw_hash_bytes(GW_SPAN_NONE, 0) == 0x2d06800538d394c2u);
    assert_true(gw_hash_bytes(GW_SPAN_LIT("a"), 0) == 0xe6c632b61e964e1fu);
}

static void mixes_every_bit(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t a = gw_hash_mix(12345, 0) ^ gw_hash_mix(12345, (uint64_t)1 << bit);
        uint64_t b = gw_hash_mix(0, 12345) ^ gw_hash_mix((uint64_t)1 << bit, 12345);
        assert_in_range(__builtin_popcountll(a), 10, 54);
        assert_in_range(__builtin_popcountll(b), 10, 54);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depends_on_bytes_and_seed),
        cmocka_unit_test(is_the_same_everywhere),
        cmocka_unit_test(mixes_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
