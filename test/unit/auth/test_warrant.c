#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/warrant.h"

static bool has(const struct gw_warrant *warrant, const char *name, const char *value)
{
    return gw_warrant_has_attribute(gw_buf_span(&warrant->attributes), gw_span_str(name),
                                    gw_span_str(value));
}

static enum gw_status add(struct gw_warrant *warrant, const char *name, const char *value)
{
    return gw_warrant_add_attribute(warrant, gw_span_str(name), gw_span_str(value));
}

static void groups_are_listed(void **state)
{
    struct gw_warrant warrant;
    (void)state;
    gw_warrant_init(&warrant);
    assert_int_equal(gw_warrant_add_group(&warrant, GW_SPAN_LIT("a")), GW_OK);
    assert_int_equal(gw_warrant_add_group(&warrant, GW_SPAN_LIT("b c")), GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&warrant.groups), GW_SPAN_LIT("a,b c")));
    assert_int_equal(gw_warrant_add_group(&warrant, GW_SPAN_LIT("")), GW_INVALID);
    assert_int_equal(gw_warrant_add_group(&warrant, GW_SPAN_LIT("d,e")), GW_INVALID);
    assert_int_equal(gw_warrant_add_group(&warrant, GW_SPAN_LIT("d\0e")), GW_INVALID);
    gw_warrant_fini(&warrant);
    assert_int_equal(warrant.groups.size, 0);
}

static void attributes_are_found_by_name_and_value(void **state)
{
    struct gw_warrant warrant;
    (void)state;
    gw_warrant_init(&warrant);
    assert_false(has(&warrant, "claim.role", "x"));
    assert_int_equal(add(&warrant, "claim.role", "operator"), GW_OK);
    assert_int_equal(add(&warrant, "claim.role", "reader"), GW_OK);
    assert_int_equal(add(&warrant, "cert.o", ""), GW_OK);
    assert_true(has(&warrant, "claim.role", "operator"));
    assert_true(has(&warrant, "claim.role", "reader"));
    assert_true(has(&warrant, "cert.o", ""));
    assert_false(has(&warrant, "claim.role", "oper"));
    assert_false(has(&warrant, "operator", "claim.role")); /* a value is no name */
    assert_false(has(&warrant, "cert.o", "reader"));
    gw_warrant_fini(&warrant);
}

static void what_could_be_misread_is_refused(void **state)
{
    struct gw_warrant warrant;
    (void)state;
    gw_warrant_init(&warrant);
    assert_int_equal(add(&warrant, "", "x"), GW_INVALID);
    assert_int_equal(gw_warrant_add_attribute(&warrant, GW_SPAN_LIT("a"),
                                              GW_SPAN_LIT("x\0claim.role\0operator")),
                     GW_INVALID);
    assert_int_equal(gw_warrant_add_attribute(&warrant, GW_SPAN_LIT("a\0b"), GW_SPAN_LIT("x")),
                     GW_INVALID);
    assert_int_equal(warrant.attributes.size, 0);
    gw_warrant_fini(&warrant);
}

static void texts_are_bounded(void **state)
{
    static char large[GW_WARRANT_TEXT_MAX];
    struct gw_warrant warrant;
    (void)state;
    memset(large, 'x', sizeof(large));
    gw_warrant_init(&warrant);
    assert_int_equal(
        gw_warrant_add_attribute(&warrant, GW_SPAN_LIT("a"), gw_span_of(large, sizeof(large) - 2)),
        GW_LIMIT);
    assert_int_equal(
        gw_warrant_add_attribute(&warrant, GW_SPAN_LIT("a"), gw_span_of(large, sizeof(large) - 3)),
        GW_OK);
    assert_int_equal(add(&warrant, "b", ""), GW_LIMIT);
    gw_warrant_fini(&warrant);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_listed),
        cmocka_unit_test(attributes_are_found_by_name_and_value),
        cmocka_unit_test(what_could_be_misread_is_refused),
        cmocka_unit_test(texts_are_bounded),
    };
    return cmocka_run_group_tests_name("warrant", tests, NULL, NULL);
}
