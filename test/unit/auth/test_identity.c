#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/identity.h"
#include "base/compiler.h"

static void a_group_is_known_by_its_whole_name(void **state)
{
    (void)state;
    static const struct {
        const char *groups, *group;
        bool in;
    } rows[] = {
        {"", "", false},           {"", "a", false},      {"a", "a", true},
        {"a", "", false},          {"ab,cd", "ab", true}, {"ab,cd", "cd", true},
        {"ab,cd", "a", false},     {"ab,cd", "d", false}, {"ab,cd", "b,c", false},
        {"ab,cd", "ab,cd", false}, {"ab,cd", ",", false}, {"ab,cd", "abc", false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_identity who = {.groups = gw_span_str(rows[i].groups)};
        assert_int_equal(gw_identity_in_group(&who, gw_span_str(rows[i].group)), rows[i].in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_known_by_its_whole_name),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
