#include "os/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "os/file.h"

static void make_directory(char *path)
{
    assert_non_null(mkdtemp(path));
}

/* What a child prints is added to a file, in the order of the children. */
static void test_output(void **state)
{
    char directory[] = "/tmp/godwit-child-XXXXXX";
    char path[64];
    struct gw_buf text;
    int error = 0;

    (void)state;
    make_directory(directory);
    snprintf(path, sizeof path, "%s/log", directory);
    for (int i = 0; i < 2; i++) {
        const char *const words[] = {"/bin/sh", "-c", "echo out; echo err >&2; cat", NULL};
        struct gw_child child;
        assert_int_equal(gw_child_start(&child, words, path, &error), GW_OK);
        while (gw_child_running(&child))
            usleep(1000);
        assert_int_equal(child.pid, 0);
        gw_child_kill(&child); /* of none: nothing */
    }
    gw_buf_init(&text, 1000);
    assert_int_equal(gw_file_read(path, &text, &error), GW_OK);
    assert_int_equal(text.size, 16);
    assert_memory_equal(text.data, "out\nerr\nout\nerr\n", 16);
    gw_buf_fini(&text);
    assert_int_equal(gw_child_clear(directory), GW_OK);
    assert_false(gw_child_path_exists(directory));
}

static void test_kill(void **state)
{
    const char *const words[] = {"/bin/sleep", "1000", NULL};
    struct gw_child child;
    int error = 0;

    (void)state;
    assert_int_equal(gw_child_start(&child, words, "/dev/null", &error), GW_OK);
    assert_true(gw_child_running(&child));
    gw_child_kill(&child);
    assert_int_equal(child.pid, 0);
    assert_false(gw_child_running(&child));
}

static void test_what_cannot_be_started(void **state)
{
    const char *const words[] = {"/nonexistent/program", NULL};
    struct gw_child child;
    int error = 0;

    (void)state;
    assert_int_equal(gw_child_start(&child, words, "/dev/null", &error), GW_OK);
    while (gw_child_running(&child)) /* ends at once */
        usleep(1000);
    assert_int_equal(gw_child_start(&child, words, "/nonexistent/log", &error), GW_OS_ERROR);
    assert_int_not_equal(error, 0);
    assert_int_equal(child.pid, 0);
}

static void test_clear(void **state)
{
    char directory[] = "/tmp/godwit-child-XXXXXX";
    char path[64];

    (void)state;
    make_directory(directory);
    snprintf(path, sizeof path, "%s/inner", directory);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/inner/link", directory);
    assert_int_equal(symlink("/", path), 0); /* is removed, not followed */
    assert_true(gw_child_path_exists(path));
    assert_int_equal(gw_child_clear(directory), GW_OK);
    assert_false(gw_child_path_exists(directory));
    assert_int_equal(gw_child_clear(directory), GW_OS_ERROR);
}

static void test_self(void **state)
{
    char path[GW_CHILD_PATH_MAX];

    (void)state;
    assert_int_equal(gw_child_self(path, sizeof path), GW_OK);
    assert_non_null(strstr(path, "test_child"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_what_cannot_be_started),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_self),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
