#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "os/netnames.h"

static void a_name_ends_and_addresses_are_those_others_use(void **state)
{
    (void)state;
    char host[GW_NETNAMES_HOST_MAX];
    struct gw_address addresses[GW_NETNAMES_ADDRESSES_MAX];
    assert_true(strlen(gw_netnames_host(host)) < sizeof host);
    size_t count = gw_netnames_addresses(addresses);
    assert_true(count <= GW_NETNAMES_ADDRESSES_MAX);
    for (size_t i = 0; i < count; i++) {
        char text[GW_ADDRESS_TEXT_MAX];
        assert_false(gw_address_is_loopback(&addresses[i]));
        gw_address_text(&addresses[i], text);
        assert_int_not_equal(strncmp(text, "[fe80:", 6), 0);
        assert_int_not_equal(strncmp(text, "169.254.", 8), 0);
        assert_string_equal(strrchr(text, ':'), ":0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_ends_and_addresses_are_those_others_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
