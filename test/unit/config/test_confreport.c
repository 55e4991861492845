#include "config/confreport.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_text(struct gw_confreport *report, const char *text)
{
    assert_int_equal(gw_buf_append(&report->text, gw_span_of("", 1)), GW_OK);
    assert_string_equal((char *)report->text.data, text);
    gw_confreport_fini(report);
}

static void test_layout(void **state)
{
    struct gw_confreport_place place = {"f.yaml", GW_SPAN_LIT("a: 1\n\n  b: \t2\r\n"), 3, 3, 1};
    struct gw_confreport_error error;
    struct gw_confreport report;

    (void)state;
    gw_confreport_init(&report);
    assert_int_equal(gw_confreport_set(&error, GW_CONFREPORT_VALUE, "bad %d", 7), GW_INVALID);
    gw_confreport_add(&report, &place, &error);
    place.column = 6;
    place.width = 4;
    gw_confreport_set_why(&error, "because %s", "so");
    gw_confreport_add(&report, &place, &error);
    gw_confreport_set_hint(&error, "do it");
    gw_confreport_add(&report, &place, &error);
    place.line = 0;
    gw_confreport_add(&report, &place, &error);
    assert_int_equal(report.error_count, 4);
    assert_text(
        &report,
        "f.yaml:3:3: bad 7\n"
        "   3 |   b:  2\n"
        "     |   ^                                                                [C107]\n"
        "f.yaml:3:6: bad 7\n"
        "   3 |   b:  2\n"
        "     |      ^~~~ because so                                               [C107]\n"
        "f.yaml:3:6: bad 7\n"
        "   3 |   b:  2\n"
        "     |      ^~~~ because so\n"
        "   hint: do it                                                            [C107]\n"
        "f.yaml: bad 7\n"
        "   because so\n"
        "   hint: do it                                                            [C107]\n");
}

/* A long line is shown around its mark; characters count, not bytes. */
static void test_long_lines(void **state)
{
    char text[600];
    struct gw_confreport_place place = {"f", gw_span_of(text, sizeof text), 1, 200, 500};
    struct gw_confreport_error error;
    struct gw_confreport report;

    (void)state;
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    memcpy(text + 398, "XY", 2); /* characters 200 and 201 */
    gw_confreport_init(&report);
    gw_confreport_set(&error, GW_CONFREPORT_VALUE, "bad");
    gw_confreport_add(&report, &place, &error);
    assert_text(&report,
                "f:1:200: bad\n"
                "   1 | "
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
                "XY"
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
                "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\n"
                "     |                                     ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ "
                "[C107]\n");
}

/* Nothing of a file steers a terminal. */
static void test_controls(void **state)
{
    struct gw_confreport_place place = {"f\x1B[1m", GW_SPAN_LIT("\x1B[31m\x7F\xC2\x9B \xC3\xA4"), 1,
                                        1, 1};
    struct gw_confreport_error error;
    struct gw_confreport report;

    (void)state;
    gw_confreport_init(&report);
    gw_confreport_set(&error, GW_CONFREPORT_VALUE, "\a");
    gw_confreport_add(&report, &place, &error);
    assert_text(
        &report,
        "f?[1m:1:1: ?\n"
        "   1 | ?[31m?? \xC3\xA4\n"
        "     | ^                                                                  [C107]\n");
}

static void test_many(void **state)
{
    struct gw_confreport_place place = {"f", GW_SPAN_NONE, 0, 1, 1};
    struct gw_confreport_error error;
    struct gw_confreport report;
    size_t lines = 0;

    (void)state;
    gw_confreport_init(&report);
    gw_confreport_set(&error, GW_CONFREPORT_VALUE, "bad");
    for (int i = 0; i < 100; i++)
        gw_confreport_add(&report, &place, &error);
    for (size_t i = 0; i < report.text.size; i++)
        lines += report.text.data[i] == '\n';
    assert_int_equal(report.error_count, 100);
    assert_int_equal(lines, GW_CONFREPORT_ERRORS_MAX + 1);
    gw_confreport_fini(&report);
    gw_confreport_add(NULL, &place, &error);
}

/* A place behind the end of the text, or of no text at all, breaks nothing. */
static void test_odd_places(void **state)
{
    static const uint32_t numbers[] = {1, 2, 3, 73, 74, 75, 1000000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(numbers); i++) {
        for (size_t j = 0; j < GW_COUNT_OF(numbers); j++) {
            struct gw_confreport_place place = {"f", GW_SPAN_LIT("\x80\x80"), numbers[i],
                                                numbers[j], numbers[j]};
            struct gw_confreport_error error;
            struct gw_confreport report;

            gw_confreport_init(&report);
            gw_confreport_set(&error, GW_CONFREPORT_VALUE, "bad");
            gw_confreport_add(&report, &place, &error);
            place.text = GW_SPAN_NONE;
            gw_confreport_add(&report, &place, &error);
            assert_in_range(report.text.size, 10, 1000);
            gw_confreport_fini(&report);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),     cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_controls),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_odd_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
