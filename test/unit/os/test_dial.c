/* Connecting by name, waiting on descriptors, and signals as a descriptor. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/dial.h"
#include "os/interrupt.h"
#include "os/pollset.h"

static gw_mono_ns now(void)
{
    return gw_clock_mono(gw_clock_system());
}

/* Listens on a free port of 127.0.0.1. */
static gw_socket listen_here(uint16_t *ret_port)
{
    const struct gw_sockets *sockets = gw_socket_system();
    struct gw_address address;
    gw_socket listener;
    int error;
    assert_int_equal(gw_address_parse(GW_SPAN_LIT("127.0.0.1"), 0, &address), GW_OK);
    assert_int_equal(sockets->ops->listen(
                         sockets->ctx, &(struct gw_socket_place){.address = &address, .backlog = 8},
                         &listener, &error),
                     GW_OK);
    assert_int_equal(sockets->ops->local(sockets->ctx, listener, &address), GW_OK);
    *ret_port = gw_address_port(&address);
    return listener;
}

static void test_tcp(void **state)
{
    static const struct {
        const char *host, *bind_host;
        enum gw_status status;
    } rows[] = {
        {"127.0.0.1", NULL, GW_OK},
        {"localhost", NULL, GW_OK}, /* ::1 may come first and is refused */
        {"127.0.0.1", "127.0.0.1", GW_OK},
        {"127.0.0.1", "192.0.2.1", GW_OS_ERROR}, /* not ours */
        {"name.invalid", NULL, GW_NOT_FOUND},
        {"127.0.0.1", "name.invalid", GW_NOT_FOUND},
    };
    const struct gw_sockets *sockets = gw_socket_system();
    uint16_t port;
    gw_socket listener = listen_here(&port);
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_dial_fault fault = {0};
        gw_socket socket = -1;
        enum gw_status status = gw_dial_tcp(rows[i].host, port, rows[i].bind_host, &socket, &fault);
        assert_int_equal(status, rows[i].status);
        if (status == GW_OK)
            sockets->ops->close(sockets->ctx, socket);
        else
            assert_non_null(fault.text);
    }
    sockets->ops->close(sockets->ctx, listener);
    struct gw_dial_fault fault;
    gw_socket socket;
    assert_int_equal(gw_dial_tcp("127.0.0.1", port, NULL, &socket, &fault), GW_OS_ERROR);
    assert_int_equal(fault.os_error, ECONNREFUSED);
}

static void test_unix(void **state)
{
    const struct gw_sockets *sockets = gw_socket_system();
    struct gw_dial_fault fault;
    struct gw_address address;
    gw_socket listener, socket;
    char directory[] = "/tmp/godwit-dial-XXXXXX";
    char path[64], long_path[200];
    int error;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
    assert_int_equal(gw_dial_unix(path, &socket, &fault), GW_OS_ERROR);
    assert_int_equal(fault.os_error, ENOENT);
    assert_int_equal(gw_address_unix(gw_span_str(path), &address), GW_OK);
    assert_int_equal(sockets->ops->listen(
                         sockets->ctx, &(struct gw_socket_place){.address = &address, .backlog = 8},
                         &listener, &error),
                     GW_OK);
    assert_int_equal(gw_dial_unix(path, &socket, &fault), GW_OK);
    sockets->ops->close(sockets->ctx, socket);
    sockets->ops->close(sockets->ctx, listener);
    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(gw_dial_unix(long_path, &socket, &fault), GW_LIMIT);
    unlink(path);
    rmdir(directory);
}

static void test_pollset(void **state)
{
    int pipes[2];
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    struct gw_pollset_item items[] = {
        {.descriptor = pipes[0], .want_read = true},
        {.descriptor = pipes[1]}, /* wants nothing */
        {.descriptor = -1, .want_read = true},
    };
    gw_mono_ns start = now();
    assert_int_equal(gw_pollset_wait(items, 3, start, start), GW_TIMEOUT);
    assert_int_equal(gw_pollset_wait(items, 3, start + 1, start), GW_TIMEOUT);
    assert_true(now() - start >= 1);
    assert_false(items[0].ready || items[1].ready || items[2].ready);
    items[1].want_write = true;
    assert_int_equal(gw_pollset_wait(items, 3, GW_NEVER, start), GW_OK);
    assert_true(items[1].ready && !items[0].ready);
    items[1].want_write = false;
    assert_int_equal(write(pipes[1], "x", 1), 1);
    assert_int_equal(gw_pollset_wait(items, 3, GW_NEVER, start), GW_OK);
    assert_true(items[0].ready && !items[1].ready);
    /* A hang-up counts only for who wants something. */
    close(pipes[0]);
    items[0].descriptor = -1;
    assert_int_equal(gw_pollset_wait(items, 3, start, start), GW_TIMEOUT);
    close(pipes[1]);
}

static void test_interrupt(void **state)
{
    int descriptor;
    (void)state;
    signal(SIGINT, SIG_IGN); /* as a shell starts background jobs */
    assert_int_equal(gw_interrupt_open(&descriptor), GW_OK);
    assert_int_equal(gw_interrupt_take(descriptor), 0);
    assert_int_equal(raise(SIGINT), 0);
    assert_int_equal(gw_interrupt_take(descriptor), 0);
    assert_int_equal(raise(SIGTERM), 0);
    struct gw_pollset_item item = {.descriptor = descriptor, .want_read = true};
    assert_int_equal(gw_pollset_wait(&item, 1, GW_NEVER, 0), GW_OK);
    assert_int_equal(gw_interrupt_take(descriptor), SIGTERM);
    assert_int_equal(gw_interrupt_take(descriptor), 0);
    gw_interrupt_close(descriptor);
    gw_interrupt_close(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_pollset),
        cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
