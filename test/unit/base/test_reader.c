#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/reader.h"

static const uint8_t bytes[] = {0x01, 0x80, 0xFF, 0x7F, 0x00, 0xFE, 0x12, 0x34};

/* Reads a field of `width` bytes; *ret_value as the widest. */
static enum gw_status read_field(struct gw_reader *r, size_t width, uint32_t *ret_value)
{
    uint8_t byte = 0;
    uint16_t two = 0;
    enum gw_status status;
    if (width == 1) {
        status = gw_reader_u8(r, &byte);
        *ret_value = byte;
    } else if (width == 2) {
        status = gw_reader_u16(r, &two);
        *ret_value = two;
    } else {
        status = gw_reader_u32(r, ret_value);
    }
    return status;
}

static void reads_big_endian(void **state)
{
    (void)state;
    static const struct {
        size_t offset, width;
        uint32_t value;
    } rows[] = {
        {0, 1, 0x01},       {2, 1, 0xFF},       {4, 1, 0x00},       {0, 2, 0x0180},
        {1, 2, 0x80FF},     {2, 2, 0xFF7F},     {6, 2, 0x1234},     {0, 4, 0x0180FF7F},
        {2, 4, 0xFF7F00FE}, {1, 4, 0x80FF7F00}, {4, 4, 0x00FE1234},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_reader r = gw_reader_of(gw_span_from(gw_span_of(bytes, 8), rows[i].offset));
        uint32_t value = 0;
        assert_int_equal(read_field(&r, rows[i].width, &value), GW_OK);
        assert_int_equal(value, rows[i].value);
        assert_int_equal(gw_reader_left(&r), 8 - rows[i].offset - rows[i].width);
    }
}

static void a_cut_field_changes_nothing(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 2, 4};
    for (size_t i = 0; i < GW_COUNT_OF(widths); i++) {
        for (size_t size = 0; size < widths[i]; size++) {
            struct gw_reader r = gw_reader_of(gw_span_of(bytes, size));
            uint32_t value = 0;
            assert_int_equal(read_field(&r, widths[i], &value), GW_MALFORMED);
            assert_int_equal(gw_reader_left(&r), size);
            assert_ptr_equal(r.at, bytes);
        }
    }
}

static void hands_out_views(void **state)
{
    (void)state;
    struct gw_reader r = gw_reader_of(gw_span_of(bytes, 8));
    struct gw_span span = GW_SPAN_NONE;
    assert_int_equal(gw_reader_bytes(&r, 0, &span), GW_OK);
    assert_int_equal(span.size, 0);
    assert_int_equal(gw_reader_bytes(&r, 3, &span), GW_OK);
    assert_ptr_equal(span.data, bytes);
    assert_int_equal(span.size, 3);
    assert_int_equal(gw_reader_bytes(&r, 6, &span), GW_MALFORMED);
    assert_int_equal(gw_reader_bytes(&r, SIZE_MAX, &span), GW_MALFORMED);
    assert_int_equal(gw_reader_left(&r), 5);
    span = gw_reader_rest(&r);
    assert_ptr_equal(span.data, bytes + 3);
    assert_int_equal(span.size, 5);
    assert_int_equal(gw_reader_left(&r), 0);
    assert_int_equal(gw_reader_rest(&r).size, 0);
}

static void nothing_can_be_read(void **state)
{
    (void)state;
    struct gw_reader r = gw_reader_of(GW_SPAN_NONE);
    uint8_t byte;
    struct gw_span span;
    assert_int_equal(gw_reader_left(&r), 0);
    assert_int_equal(gw_reader_u8(&r, &byte), GW_MALFORMED);
    assert_int_equal(gw_reader_bytes(&r, 0, &span), GW_OK);
    assert_non_null(span.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian),
        cmocka_unit_test(a_cut_field_changes_nothing),
        cmocka_unit_test(hands_out_views),
        cmocka_unit_test(nothing_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
