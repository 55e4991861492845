#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/deposit.h"
#include "os/file.h"
#include "os/folder.h"

static int make_directory(void **state)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/godwit-deposit-XXXXXX");
    assert_non_null(mkdtemp(path));
    assert_int_equal(chdir(path), 0);
    *state = path;
    return 0;
}

static int remove_directory(void **state)
{
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(*state), 0);
    return 0;
}

static enum gw_status put(const char *path, const char *text, unsigned mode, bool replace)
{
    struct gw_deposit deposit = {path, gw_span_str(text), mode,
                                 replace ? GW_DEPOSIT_REPLACE : GW_DEPOSIT_NEW};
    int os_errno;
    return gw_deposit_write(&deposit, &os_errno);
}

static void holds(const char *path, const char *text, unsigned mode)
{
    struct gw_buf buf;
    struct stat facts;
    int os_errno;
    gw_buf_init(&buf, 100);
    assert_int_equal(gw_file_read(path, &buf, &os_errno), GW_OK);
    assert_true(gw_span_equal(gw_buf_span(&buf), gw_span_str(text)));
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, mode);
    gw_buf_fini(&buf);
}

static void a_file_has_its_mode_and_is_not_replaced_unasked(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    assert_int_equal(put("a", "one", 0600, false), GW_OK);
    umask(077);
    holds("a", "one", 0600);
    assert_int_equal(put("a", "two", 0644, false), GW_EXISTS);
    holds("a", "one", 0600);
    assert_int_equal(put("a", "two", 0644, true), GW_OK);
    holds("a", "two", 0644);
    umask(mask);
    unlink("a");
}

static void a_link_is_not_written_through(void **state)
{
    (void)state;
    assert_int_equal(put("a", "one", 0600, false), GW_OK);
    assert_int_equal(symlink("a", "b"), 0);
    assert_int_equal(symlink("nowhere", "c"), 0);
    assert_int_equal(put("b", "two", 0600, false), GW_EXISTS);
    assert_int_equal(put("c", "two", 0600, false), GW_EXISTS);
    assert_int_equal(put("b", "two", 0600, true), GW_OK);
    holds("a", "one", 0600);
    holds("b", "two", 0600);
    unlink("a");
    unlink("b");
    unlink("c");
}

static void failures_name_their_reason_and_leave_nothing(void **state)
{
    (void)state;
    static char far[GW_DEPOSIT_PATH_MAX + 1];
    memset(far, 'x', sizeof far - 1);
    const struct {
        const char *path;
        int os_errno;
    } rows[] = {
        {"", ENOENT},
        {"none/a", ENOENT},
        {"a/", ENOENT},
        {far, ENAMETOOLONG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gw_deposit deposit = {rows[i].path, GW_SPAN_LIT("x"), 0600, GW_DEPOSIT_NEW};
        int os_errno = 0;
        assert_int_equal(gw_deposit_write(&deposit, &os_errno), GW_OS_ERROR);
        if (strcmp(rows[i].path, "a/") != 0)
            assert_int_equal(os_errno, rows[i].os_errno);
    }
    struct gw_deposit over = {"d", GW_SPAN_LIT("x"), 0600, GW_DEPOSIT_REPLACE};
    int os_errno;
    assert_int_equal(gw_deposit_directory("d", 0700, &os_errno), GW_OK);
    assert_int_equal(gw_deposit_write(&over, &os_errno), GW_OS_ERROR);
    assert_int_equal(os_errno, EISDIR);
    enum gw_folder_kind kind;
    assert_int_equal(rmdir("d"), 0);
    assert_int_equal(gw_folder_look(".", &kind, &os_errno), GW_OK);
    assert_int_equal(kind, GW_FOLDER_EMPTY);
}

static void directories_are_made_as_far_as_they_are_missing(void **state)
{
    (void)state;
    struct stat facts;
    int os_errno;
    assert_int_equal(gw_deposit_directory("a", 0711, &os_errno), GW_OK);
    assert_int_equal(gw_deposit_directory("a", 0700, &os_errno), GW_EXISTS);
    assert_int_equal(gw_deposit_directories("a/b/c", 0700, &os_errno), GW_OK);
    assert_int_equal(gw_deposit_directories("a/b/c", 0700, &os_errno), GW_OK);
    assert_int_equal(stat("a", &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0711);
    assert_int_equal(stat("a/b", &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0700);
    assert_int_equal(put("a/b/f", "x", 0600, false), GW_OK);
    assert_int_equal(gw_deposit_directory("a/b/f", 0700, &os_errno), GW_OS_ERROR);
    assert_int_equal(gw_deposit_directories("a/b/f/g", 0700, &os_errno), GW_OS_ERROR);
    assert_int_equal(gw_deposit_remove("a/b/f", &os_errno), GW_OK);
    assert_int_equal(gw_deposit_remove("a/b/f", &os_errno), GW_NOT_FOUND);
    rmdir("a/b/c");
    rmdir("a/b");
    rmdir("a");
}

static enum gw_status renew(const char *path, const char *text, int *ret_errno)
{
    struct gw_deposit deposit = {path, gw_span_str(text), 0600, GW_DEPOSIT_RENEW};
    return gw_deposit_write(&deposit, ret_errno);
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    char directory[] = "/tmp/gw_test_file_XXXXXX";
    char path[64], other[64];
    struct gw_file_stamp none, first, second;
    struct stat facts;
    int os_errno;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/f", directory);
    snprintf(other, sizeof(other), "%s/link", directory);
    gw_file_stamp_take(path, &none);
    assert_int_equal(none.node, 0);
    assert_int_equal(renew(path, "one", &os_errno), GW_OK);
    gw_file_stamp_take(path, &first);
    assert_false(gw_file_stamp_equal(&none, &first));
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(symlink("f", other), 0); /* the file is replaced, not the link to it */
    assert_int_equal(renew(other, "other", &os_errno), GW_OK);
    assert_int_equal(lstat(other, &facts), 0);
    assert_true(S_ISLNK(facts.st_mode));
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0644);
    assert_int_equal(facts.st_size, 5);
    gw_file_stamp_take(path, &second);
    assert_false(gw_file_stamp_equal(&first, &second));
    assert_int_equal(unlink(other), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0); /* nothing else was left behind */
    assert_int_equal(renew("/tmp/gw_test_file/none", "", &os_errno), GW_OS_ERROR);
    assert_int_equal(os_errno, ENOENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        CASE(a_file_has_its_mode_and_is_not_replaced_unasked),
        CASE(a_link_is_not_written_through),
        CASE(failures_name_their_reason_and_leave_nothing),
        CASE(directories_are_made_as_far_as_they_are_missing),
        CASE(a_file_is_replaced_whole),
    };
#undef CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
