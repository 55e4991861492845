#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/utf8.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

struct row {
    const uint8_t *bytes;
    size_t size;
    enum gw_utf8_fault fault;
};

static const struct row rows[] = {
    {BYTES(0x01), GW_UTF8_VALID},
    {BYTES(0x7f), GW_UTF8_VALID},
    {BYTES(0x00), GW_UTF8_NUL},
    {BYTES('a', 0x00, 0xff), GW_UTF8_NUL},
    {BYTES(0x80), GW_UTF8_ILL_FORMED},
    {BYTES(0xbf), GW_UTF8_ILL_FORMED},
    {BYTES(0xc0, 0x80), GW_UTF8_ILL_FORMED},
    {BYTES(0xc1, 0xbf), GW_UTF8_ILL_FORMED},
    {BYTES(0xc2, 0x80), GW_UTF8_VALID},
    {BYTES(0xc2), GW_UTF8_ILL_FORMED},
    {BYTES(0xc2, 0x7f), GW_UTF8_ILL_FORMED},
    {BYTES(0xc2, 0xc0), GW_UTF8_ILL_FORMED},
    {BYTES(0xdf, 0xbf), GW_UTF8_VALID},
    {BYTES(0xe0, 0x9f, 0xbf), GW_UTF8_ILL_FORMED},
    {BYTES(0xe0, 0xa0, 0x80), GW_UTF8_VALID},
    {BYTES(0xe0, 0xa0), GW_UTF8_ILL_FORMED},
    {BYTES(0xe0, 0xa0, 0x7f), GW_UTF8_ILL_FORMED},
    {BYTES(0xec, 0xbf, 0xbf), GW_UTF8_VALID},
    {BYTES(0xed, 0x9f, 0xbf), GW_UTF8_VALID},
    {BYTES(0xed, 0xa0, 0x80), GW_UTF8_SURROGATE},
    {BYTES(0xed, 0xbf, 0xbf), GW_UTF8_SURROGATE},
    {BYTES(0xed, 0xa0), GW_UTF8_ILL_FORMED},
    {BYTES(0xee, 0x80, 0x80), GW_UTF8_VALID},
    {BYTES(0xef, 0xbb, 0xbf), GW_UTF8_VALID},
    {BYTES(0xef, 0xbf, 0xbf), GW_UTF8_VALID},
    {BYTES(0xf0, 0x8f, 0xbf, 0xbf), GW_UTF8_ILL_FORMED},
    {BYTES(0xf0, 0x90, 0x80, 0x80), GW_UTF8_VALID},
    {BYTES(0xf0, 0x90, 0x80), GW_UTF8_ILL_FORMED},
    {BYTES(0xf0, 0x90, 0x80, 0xc0), GW_UTF8_ILL_FORMED},
    {BYTES(0xf4, 0x8f, 0xbf, 0xbf), GW_UTF8_VALID},
    {BYTES(0xf4, 0x90, 0x80, 0x80), GW_UTF8_ILL_FORMED},
    {BYTES(0xf5, 0x80, 0x80, 0x80), GW_UTF8_ILL_FORMED},
    {BYTES(0xff), GW_UTF8_ILL_FORMED},
};

/* Each row alone and at every place around the word-wise part, with text before and behind. */
static void finds_each_fault_at_each_offset(void **state)
{
    (void)state;
    assert_int_equal(gw_utf8_check(GW_SPAN_NONE), GW_UTF8_VALID);
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        for (size_t before = 0; before < 20; before++) {
            for (size_t behind = 0; behind < 20; behind++) {
                uint8_t text[64];
                memset(text, 'x', sizeof(text));
                memcpy(text + before, rows[i].bytes, rows[i].size);
                struct gw_span span = gw_span_of(text, before + rows[i].size + behind);
                assert_int_equal(gw_utf8_check(span), rows[i].fault);
                bool payload = rows[i].fault == GW_UTF8_VALID ||
                               (rows[i].fault == GW_UTF8_NUL && rows[i].size == 1);
                assert_int_equal(gw_utf8_payload_valid(span), payload);
            }
        }
    }
}

static size_t encode(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)(leads[size] | code);
    return size;
}

static void judges_every_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x200000; code++) {
        uint8_t text[4];
        size_t size = encode(code, text);
        enum gw_utf8_fault expect = GW_UTF8_VALID;
        if (code == 0)
            expect = GW_UTF8_NUL;
        else if (code >= 0xd800 && code <= 0xdfff)
            expect = GW_UTF8_SURROGATE;
        else if (code > 0x10ffff)
            expect = GW_UTF8_ILL_FORMED;
        if (gw_utf8_check(gw_span_of(text, size)) != expect)
            fail_msg("U+%04X is judged wrongly", (unsigned)code);
        for (size_t cut = 1; cut < size; cut++)
            if (gw_utf8_check(gw_span_of(text, cut)) != GW_UTF8_ILL_FORMED)
                fail_msg("U+%04X cut to %zu bytes passes", (unsigned)code, cut);
    }
}

static void judges_every_pair_of_bytes(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        uint8_t text[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        bool ascii = text[0] < 0x80 && text[1] < 0x80;
        bool two = text[0] >= 0xc2 && text[0] <= 0xdf && (text[1] & 0xc0) == 0x80;
        assert_int_equal(gw_utf8_payload_valid(gw_span_of(text, 2)), ascii || two);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_fault_at_each_offset),
        cmocka_unit_test(judges_every_code_point),
        cmocka_unit_test(judges_every_pair_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
