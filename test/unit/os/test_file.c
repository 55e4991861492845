#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "os/file.h"

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8));
}

/* Makes a file of `size` bytes and returns its path in the template. */
static void make_file(char *template, size_t size)
{
    int fd = mkstemp(template);
    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = pattern(i);
        assert_int_equal(write(fd, &byte, 1), 1);
    }
    close(fd);
}

static void reads_up_to_the_limit(void **state)
{
    (void)state;
    static const struct {
        size_t size, size_max;
        enum gw_status status;
    } rows[] = {
        {0, 0, GW_OK},         {0, 10, GW_OK},        {9, 10, GW_OK},
        {10, 10, GW_OK},       {11, 10, GW_LIMIT},    {1, 0, GW_LIMIT},
        {16384, 20000, GW_OK}, {20000, 20000, GW_OK}, {20001, 20000, GW_LIMIT},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        char path[] = "/tmp/gw_test_file_XXXXXX";
        struct gw_buf buf;
        int os_errno;
        make_file(path, rows[i].size);
        gw_buf_init(&buf, rows[i].size_max);
        assert_int_equal(gw_file_read(path, &buf, &os_errno), rows[i].status);
        if (rows[i].status == GW_OK) {
            assert_int_equal(buf.size, rows[i].size);
            for (size_t b = 0; b < buf.size; b++)
                assert_int_equal(buf.data[b], pattern(b));
        }
        gw_buf_fini(&buf);
        assert_int_equal(unlink(path), 0);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int os_errno;
    } rows[] = {{"/tmp/gw_no_such_file", ENOENT}, {"/tmp", EISDIR}, {"/dev/null/x", ENOTDIR}};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_buf buf;
        int os_errno = 0;
        gw_buf_init(&buf, 100);
        assert_int_equal(gw_file_read(rows[i].path, &buf, &os_errno), GW_OS_ERROR);
        assert_int_equal(os_errno, rows[i].os_errno);
        gw_buf_fini(&buf);
    }
}

/* Standard input is replaced by a pipe for the test. */
static void reads_standard_input(void **state)
{
    (void)state;
    int ends[2];
    int kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "piped", 5), 5);
    close(ends[1]);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    struct gw_buf buf;
    int os_errno;
    gw_buf_init(&buf, 100);
    assert_int_equal(gw_buf_append(&buf, GW_SPAN_LIT("before ")), GW_OK);
    assert_int_equal(gw_file_read("-", &buf, &os_errno), GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&buf), GW_SPAN_LIT("before piped")));
    gw_buf_fini(&buf);
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
}

static void judges_directories(void **state)
{
    (void)state;
    char directory[] = "/tmp/gw_test_file_XXXXXX";
    char file[] = "/tmp/gw_test_file_XXXXXX";
    int os_errno;
    assert_non_null(mkdtemp(directory));
    make_file(file, 1);
    assert_int_equal(gw_file_judge_directory(directory, &os_errno), GW_OK);
    assert_int_equal(gw_file_judge_directory("/tmp/gw_test_file/none", &os_errno), GW_OS_ERROR);
    assert_int_equal(os_errno, ENOENT);
    assert_int_equal(chmod(file, 0700), 0);
    assert_int_equal(gw_file_judge_directory(file, &os_errno), GW_OS_ERROR);
    assert_int_equal(os_errno, ENOTDIR);
    if (geteuid() != 0) { /* root may write everywhere */
        assert_int_equal(chmod(directory, 0500), 0);
        assert_int_equal(gw_file_judge_directory(directory, &os_errno), GW_OS_ERROR);
        assert_int_equal(os_errno, EACCES);
    }
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_up_to_the_limit),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(reads_standard_input),
        cmocka_unit_test(judges_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
