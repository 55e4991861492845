#include "os/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_signals_are_events(void **state)
{
    static const struct {
        int number;
        enum gw_process_signal event;
    } rows[] = {{SIGHUP, GW_PROCESS_RELOAD}, {SIGTERM, GW_PROCESS_END}, {SIGINT, GW_PROCESS_END}};
    int descriptor;
    int number = 0;

    (void)state;
    assert_int_equal(gw_process_open_signals(&descriptor), GW_OK);
    assert_int_equal(gw_process_wait_signal(descriptor, 0, &number), GW_PROCESS_NOTHING);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(raise(rows[i].number), 0);
        assert_int_equal(gw_process_wait_signal(descriptor, 1000, &number), rows[i].event);
        assert_int_equal(number, rows[i].number);
    }
    assert_int_equal(gw_process_wait_signal(descriptor, 0, NULL), GW_PROCESS_NOTHING);
    assert_int_equal(raise(SIGPIPE), 0); /* ignored */
    gw_process_release_signals(descriptor);
}

/* After the release a signal ends the program at once, but SIGHUP does not. */
static void test_release(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        int descriptor;

        if (gw_process_open_signals(&descriptor) != GW_OK)
            _exit(2);
        raise(SIGTERM);
        if (gw_process_wait_signal(descriptor, 1000, NULL) != GW_PROCESS_END)
            _exit(3);
        gw_process_release_signals(descriptor);
        raise(SIGHUP);
        raise(SIGTERM);
        _exit(4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void test_descriptors(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(gw_process_raise_descriptors(10), 64);
    assert_int_equal(gw_process_raise_descriptors(100),
                     limit.rlim_max < 100 ? limit.rlim_max : 100);
    assert_int_equal(gw_process_raise_descriptors(UINT64_MAX), limit.rlim_max);
}

static void test_names(void **state)
{
    char user[64];
    char name[] = "no-such-program-here";
    char *argv[] = {name, NULL};

    (void)state;
    assert_true(strlen(gw_process_user(user, sizeof user)) > 0);
    assert_int_equal(gw_process_id(), getpid());
    gw_process_become(name, argv); /* comes back */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_are_events),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
