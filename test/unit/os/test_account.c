#include "os/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void finds_users_both_ways(void **state)
{
    struct gw_account root, again;

    (void)state;
    assert_int_equal(gw_account_of(0, &root), GW_OK);
    assert_string_equal(root.name, "root");
    assert_int_equal(gw_account_find("root", &again), GW_OK);
    assert_true(again.uid == 0 && again.gid == root.gid);
}

static void knows_nobody_else(void **state)
{
    struct gw_account account;

    (void)state;
    assert_int_equal(gw_account_of(UINT32_MAX - 1, &account), GW_NOT_FOUND);
    assert_int_equal(gw_account_find("no such user here", &account), GW_NOT_FOUND);
    assert_int_equal(gw_account_find("", &account), GW_NOT_FOUND);
    /* Whoever it is, he is from another name space: the entry of its own that it often has says
     * nothing about him. */
    assert_int_equal(gw_account_of(65534, &account), GW_NOT_FOUND);
}

static void finds_groups(void **state)
{
    static const struct {
        const char *name;
        enum gw_status status;
        uint32_t gid;
    } rows[] = {
        {"root", GW_OK, 0},
        {"0", GW_OK, 0},
        {"4294967294", GW_OK, 4294967294},
        {"4294967295", GW_NOT_FOUND, 0},
        {"99999999999999999999999", GW_NOT_FOUND, 0},
        {"no such group", GW_NOT_FOUND, 0},
        {"", GW_NOT_FOUND, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t gid = 7;

        assert_int_equal(gw_account_group(rows[i].name, &gid), rows[i].status);
        if (rows[i].status == GW_OK)
            assert_int_equal(gid, rows[i].gid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_users_both_ways),
        cmocka_unit_test(knows_nobody_else),
        cmocka_unit_test(finds_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
