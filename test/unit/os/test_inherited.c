#include "os/inherited.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static gw_socket open_one(const char *host, struct gw_address *ret_address)
{
    const struct gw_socket_ops *ops = gw_socket_system()->ops;
    gw_socket socket;
    int os_errno;
    assert_int_equal(gw_address_parse(gw_span_str(host), 0, ret_address), GW_OK);
    const struct gw_socket_place place = {.address = ret_address, .backlog = 1};
    assert_int_equal(ops->listen(NULL, &place, &socket, &os_errno), GW_OK);
    assert_int_equal(ops->local(NULL, socket, ret_address), GW_OK);
    return socket;
}

static void finds_by_address(void **state)
{
    (void)state;
    struct gw_inherited set = {0};
    struct gw_address one, other;
    gw_socket first = open_one("127.0.0.1", &one), second = open_one("127.0.0.1", &other);
    assert_int_equal(gw_inherited_add(&set, first), GW_OK);
    assert_int_equal(gw_inherited_add(&set, second), GW_OK);
    assert_int_equal(gw_inherited_take(&set, &other), second);
    assert_int_equal(gw_inherited_take(&set, &other), -1);
    gw_inherited_fini(&set);
    assert_int_equal(fcntl(first, F_GETFD), -1);
    assert_true(fcntl(second, F_GETFD) >= 0);
    close(second);
    assert_int_equal(gw_inherited_add(&set, 9999), GW_OS_ERROR);
}

static void set_numbers(const char *fds, long pid)
{
    char text[32];
    snprintf(text, sizeof text, "%ld", pid);
    assert_int_equal(setenv("LISTEN_FDS", fds, 1), 0);
    assert_int_equal(setenv("LISTEN_PID", text, 1), 0);
}

/* Only what is meant for this process, and only numbers, are believed; nobody gets them again. */
static void believes_only_what_is_meant_for_it(void **state)
{
    (void)state;
    static const char *const numbers[] = {"", "x", "1x", "-5", "0"};
    struct gw_inherited set = {0};
    for (size_t i = 0; i < GW_COUNT_OF(numbers); i++) {
        set_numbers(numbers[i], (long)getpid());
        gw_inherited_collect(&set);
        assert_int_equal(set.count, 0);
        assert_null(getenv("LISTEN_FDS"));
        assert_null(getenv("LISTEN_PID"));
    }
    set_numbers("100", (long)getpid() + 1);
    gw_inherited_collect(&set);
    assert_int_equal(set.count, 0);
    assert_null(getenv("LISTEN_FDS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_address),
        cmocka_unit_test(believes_only_what_is_meant_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
