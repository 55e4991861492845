#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/compiler.h"
#include "base/writer.h"

/* Fields of 1, 2, 4 and 3 bytes, one after the other. */
static void write_field(struct gw_writer *w, int which)
{
    switch (which) {
    case 0: gw_writer_u8(w, 0xA1); break;
    case 1: gw_writer_u16(w, 0xB1B2); break;
    case 2: gw_writer_u32(w, 0xC1C2C3C4); break;
    default: gw_writer_bytes(w, GW_SPAN_LIT("xyz")); break;
    }
}

static const uint8_t all[] = {0xA1, 0xB1, 0xB2, 0xC1, 0xC2, 0xC3, 0xC4, 'x', 'y', 'z'};

static void writes_big_endian(void **state)
{
    (void)state;
    uint8_t memory[sizeof(all)];
    struct gw_writer w = gw_writer_of(memory, sizeof(memory));
    static const size_t sizes[] = {1, 3, 7, 10};
    for (int i = 0; i < 4; i++) {
        write_field(&w, i);
        assert_int_equal(gw_writer_size(&w), sizes[i]);
    }
    assert_false(w.overflow);
    assert_memory_equal(memory, all, sizeof(all));
    gw_writer_bytes(&w, GW_SPAN_NONE); /* nothing fits everywhere */
    assert_false(w.overflow);
    gw_writer_u8(&w, 1);
    assert_true(w.overflow);
}

/* In a room of any size: a prefix is written, nothing behind the end, and from the first field that
 * did not fit nothing more, though a smaller one would. */
static void the_first_overflow_is_final(void **state)
{
    (void)state;
    for (size_t room = 0; room < sizeof(all); room++) {
        uint8_t memory[sizeof(all) + 4];
        memset(memory, 0xEE, sizeof(memory));
        struct gw_writer w = gw_writer_of(memory, room);
        for (int i = 0; i < 4; i++)
            write_field(&w, i);
        size_t size = gw_writer_size(&w);
        assert_true(w.overflow);
        assert_true(size <= room);
        assert_memory_equal(memory, all, size);
        write_field(&w, 0);
        assert_int_equal(gw_writer_size(&w), size);
        for (size_t i = room; i < sizeof(memory); i++)
            assert_int_equal(memory[i], 0xEE);
    }
}

static void no_memory_is_a_room_of_0(void **state)
{
    (void)state;
    struct gw_writer w = gw_writer_of(NULL, 0);
    assert_int_equal(gw_writer_size(&w), 0);
    assert_true(gw_writer_fits(&w, 0));
    assert_false(gw_writer_fits(&w, 1));
    assert_true(w.overflow);
    assert_false(gw_writer_fits(&w, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_big_endian),
        cmocka_unit_test(the_first_overflow_is_final),
        cmocka_unit_test(no_memory_is_a_room_of_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
