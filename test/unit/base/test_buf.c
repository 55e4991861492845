#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends_and_consumes(void **state)
{
    (void)state;
    struct gw_buf buf;
    gw_buf_init(&buf, 1000);
    assert_null(buf.data);
    assert_int_equal(gw_buf_append(&buf, GW_SPAN_NONE), GW_OK);
    assert_int_equal(gw_buf_append(&buf, GW_SPAN_LIT("hello ")), GW_OK);
    assert_int_equal(gw_buf_append(&buf, GW_SPAN_LIT("world")), GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&buf), GW_SPAN_LIT("hello world")));
    gw_buf_consume(&buf, 0);
    gw_buf_consume(&buf, 6);
    assert_true(gw_span_equal(gw_buf_span(&buf), GW_SPAN_LIT("world")));
    gw_buf_consume(&buf, 5);
    assert_int_equal(buf.size, 0);
    gw_buf_clear(&buf);
    gw_buf_fini(&buf);
    assert_null(buf.data);
    assert_int_equal(gw_buf_append(&buf, GW_SPAN_LIT("again")), GW_OK);
    gw_buf_fini(&buf);
    gw_buf_fini(NULL);
}

static void holds_its_limit_exactly(void **state)
{
    (void)state;
    static const uint8_t bytes[101];
    for (size_t max = 0; max <= 100; max++) {
        struct gw_buf buf;
        gw_buf_init(&buf, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(gw_buf_append(&buf, gw_span_of(bytes, 1)), GW_OK);
        assert_int_equal(gw_buf_append(&buf, gw_span_of(bytes, 1)), GW_LIMIT);
        assert_int_equal(gw_buf_reserve(&buf, SIZE_MAX), GW_LIMIT);
        assert_int_equal(buf.size, max);
        assert_true(buf.capacity <= max);
        gw_buf_clear(&buf);
        assert_int_equal(gw_buf_append(&buf, gw_span_of(bytes, max)), GW_OK);
        assert_int_equal(gw_buf_append(&buf, gw_span_of(bytes, max + 1)), GW_LIMIT);
        gw_buf_fini(&buf);
    }
}

static void grows_in_few_steps(void **state)
{
    (void)state;
    struct gw_buf buf;
    gw_buf_init(&buf, SIZE_MAX);
    size_t steps = 0;
    size_t capacity = 0;
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)(i * 31);
        assert_int_equal(gw_buf_append(&buf, gw_span_of(&byte, 1)), GW_OK);
        steps += buf.capacity != capacity;
        capacity = buf.capacity;
    }
    assert_true(steps < 20);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], (uint8_t)(i * 31));
    assert_int_equal(gw_buf_reserve(&buf, SIZE_MAX), GW_LIMIT);
    assert_int_equal(gw_buf_reserve(&buf, (size_t)PTRDIFF_MAX), GW_NO_MEMORY);
    assert_int_equal(buf.size, 100000);
    gw_buf_fini(&buf);
}

static void printf_appends_up_to_its_bound(void **state)
{
    (void)state;
    struct gw_buf buf;
    gw_buf_init(&buf, 8);
    assert_int_equal(gw_buf_printf(&buf, "%d-%s", 12, "ab"), GW_OK);
    assert_int_equal(gw_buf_printf(&buf, "%s", "cde"), GW_LIMIT); /* its end mark does not fit */
    assert_true(gw_span_equal(gw_buf_span(&buf), GW_SPAN_LIT("12-ab")));
    assert_int_equal(gw_buf_printf(&buf, "%s", "cd"), GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&buf), GW_SPAN_LIT("12-abcd")));
    gw_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printf_appends_up_to_its_bound),
        cmocka_unit_test(appends_and_consumes),
        cmocka_unit_test(holds_its_limit_exactly),
        cmocka_unit_test(grows_in_few_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
