#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/authority.h"
#include "base/compiler.h"

static void the_system_tree_is_the_brokers_own(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        enum gw_authority_verdict verdict;
    } rows[] = {
        {"$SYS", GW_AUTHORITY_NO},
        {"$SYS/", GW_AUTHORITY_NO},
        {"$SYS/broker/uptime", GW_AUTHORITY_NO},
        {"$SYSTEM", GW_AUTHORITY_YES},
        {"$SY", GW_AUTHORITY_YES},
        {"$", GW_AUTHORITY_YES},
        {"$sys/x", GW_AUTHORITY_YES},
        {"/$SYS", GW_AUTHORITY_YES},
        {"a/$SYS", GW_AUTHORITY_YES},
        {"a", GW_AUTHORITY_YES},
        {"$other/x", GW_AUTHORITY_YES},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        assert_int_equal(gw_authority_publish(gw_span_str(rows[i].topic)), rows[i].verdict);
        assert_int_equal(gw_authority_subscribe(gw_span_str(rows[i].topic)), GW_AUTHORITY_YES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_tree_is_the_brokers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
