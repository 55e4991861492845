#include "os/console.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_write(void **state)
{
    int ends[2];
    char text[16] = "";

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(gw_console_write(ends[1], GW_SPAN_LIT("hello")), GW_OK);
    assert_int_equal(gw_console_write(ends[1], GW_SPAN_NONE), GW_OK);
    assert_int_equal(read(ends[0], text, sizeof text), 5);
    assert_string_equal(text, "hello");
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(gw_console_write(ends[1], GW_SPAN_LIT("hello")), GW_CLOSED);
    assert_int_equal(gw_console_try_write(ends[1], GW_SPAN_LIT("hello")), GW_CLOSED);
    close(ends[1]);
}

/* A pipe that nobody empties makes nobody wait. */
static void test_try_write(void **state)
{
    static const char page[4096] = "x";
    char drain[4096];
    int ends[2];
    int count = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    while (gw_console_try_write(ends[1], gw_span_of(page, sizeof page)) == GW_OK)
        assert_in_range(++count, 1, 1000);
    assert_int_equal(read(ends[0], drain, sizeof drain), sizeof drain);
    assert_int_equal(gw_console_try_write(ends[1], gw_span_of(page, sizeof page)), GW_OK);
    assert_int_equal(gw_console_try_write(ends[1], gw_span_of(page, sizeof page)), GW_AGAIN);
    close(ends[0]);
    close(ends[1]);
}

static void test_what_it_is(void **state)
{
    struct stat info;
    char stream[64];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_false(gw_console_is_terminal(ends[1]));
    assert_false(gw_console_has_colour(ends[1]));
    assert_int_equal(gw_console_width(ends[1]), 0);
    if (terminal >= 0) {
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
        assert_true(gw_console_is_terminal(terminal));
        assert_true(gw_console_has_colour(terminal));
        setenv("NO_COLOR", "", 1);
        assert_true(gw_console_has_colour(terminal));
        setenv("NO_COLOR", "1", 1);
        assert_false(gw_console_has_colour(terminal));
        unsetenv("NO_COLOR");
        setenv("TERM", "dumb", 1);
        assert_false(gw_console_has_colour(terminal));
        assert_int_equal(ioctl(terminal, TIOCSWINSZ, &(struct winsize){.ws_col = 97}), 0);
        assert_int_equal(gw_console_width(terminal), 97);
        close(terminal);
    }
    unsetenv("JOURNAL_STREAM");
    assert_false(gw_console_is_journal(ends[1]));
    setenv("JOURNAL_STREAM", "1:2", 1);
    assert_false(gw_console_is_journal(ends[1]));
    assert_int_equal(fstat(ends[1], &info), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_true(gw_console_is_journal(ends[1]));
    assert_non_null(gw_console_environment());
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_try_write),
        cmocka_unit_test(test_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
