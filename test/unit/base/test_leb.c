/* base/leb: what is written is read back, in as few bytes as it needs; what is cut or too large is
 * not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/leb.h"

static const struct {
    uint64_t value;
    const char *bytes;
    size_t size;
} rows[] = {
    {0, "\x00", 1},
    {1, "\x01", 1},
    {127, "\x7F", 1},
    {128, "\x80\x01", 2},
    {300, "\xAC\x02", 2},
    {16383, "\xFF\x7F", 2},
    {16384, "\x80\x80\x01", 3},
    {UINT32_MAX, "\xFF\xFF\xFF\xFF\x0F", 5},
    {UINT64_C(1) << 63, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10},
    {UINT64_MAX, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10},
};

static void values_come_back(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        uint8_t memory[GW_LEB_MAX];
        struct gw_writer w = gw_writer_of(memory, sizeof(memory));
        gw_leb_write(&w, rows[i].value);
        assert_false(w.overflow);
        assert_int_equal(gw_writer_size(&w), rows[i].size);
        assert_int_equal(gw_leb_size(rows[i].value), rows[i].size);
        assert_memory_equal(memory, rows[i].bytes, rows[i].size);
        struct gw_reader r = gw_reader_of(gw_span_of(memory, rows[i].size));
        uint64_t value = 77;
        assert_int_equal(gw_leb_read(&r, &value), GW_OK);
        assert_true(value == rows[i].value);
        assert_int_equal(gw_reader_left(&r), 0);
    }
}

static void what_is_cut_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        for (size_t size = 0; size < rows[i].size; size++) {
            uint8_t memory[GW_LEB_MAX];
            uint64_t value = 77;
            struct gw_reader r = gw_reader_of(gw_span_of(rows[i].bytes, size));
            assert_int_equal(gw_leb_read(&r, &value), GW_MALFORMED);
            assert_int_equal(gw_reader_left(&r), size);
            assert_int_equal(value, 77);
            struct gw_writer w = gw_writer_of(memory, size);
            gw_leb_write(&w, rows[i].value);
            assert_true(w.overflow);
            assert_int_equal(gw_writer_size(&w), 0);
        }
    }
}

static void what_is_longer_than_it_has_to_be_is_fine(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        size_t size;
        enum gw_status status;
        uint64_t value;
    } cases[] = {
        {"\x80\x00", 2, GW_OK, 0},
        {"\x81\x80\x80\x00", 4, GW_OK, 1},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10, GW_OK, 0},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 10, GW_MALFORMED, 0}, /* 2^64 */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, GW_MALFORMED, 0},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 10, GW_MALFORMED, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        uint64_t value = 0;
        struct gw_reader r = gw_reader_of(gw_span_of(cases[i].bytes, cases[i].size));
        assert_int_equal(gw_leb_read(&r, &value), cases[i].status);
        assert_true(value == cases[i].value);
    }
}

static void more_than_the_most_is_refused(void **unused)
{
    (void)unused;
    uint64_t value = 77;
    struct gw_reader r = gw_reader_of(GW_SPAN_LIT("\xAC\x02"));
    assert_int_equal(gw_leb_read_max(&r, 299, &value), GW_MALFORMED);
    assert_int_equal(gw_reader_left(&r), 2);
    assert_int_equal(value, 77);
    assert_int_equal(gw_leb_read_max(&r, 300, &value), GW_OK);
    assert_int_equal(value, 300);
    assert_int_equal(gw_reader_left(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(what_is_longer_than_it_has_to_be_is_fine),
        cmocka_unit_test(more_than_the_most_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
