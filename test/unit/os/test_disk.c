#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/disk.h"

#define PARTS     200
#define PART_SIZE 33

/* A directory of its own for each test. */
struct fixture {
    const struct gw_disk_ops *ops;
    char directory[40];
    char paths[4][64];
    int next;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ops = gw_disk_system()->ops;
    strcpy(f->directory, "/tmp/gw_test_disk_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < f->next; i++)
        (void)unlink(f->paths[i]);
    assert_int_equal(rmdir(f->directory), 0);
    free(f);
    return 0;
}

static const char *path_of(struct fixture *f, const char *name)
{
    char *path = f->paths[f->next++];
    snprintf(path, sizeof f->paths[0], "%s/%s", f->directory, name);
    return path;
}

static gw_file_handle open_as(const struct fixture *f, const char *path, enum gw_disk_open how)
{
    gw_file_handle file = -1;
    int os_errno = 0;
    assert_int_equal(f->ops->open(NULL, path, how, &file, &os_errno), GW_OK);
    assert_true(file >= 0);
    return file;
}

static void opens_what_is_there(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "a");
    gw_file_handle file;
    int os_errno = 0;
    assert_int_equal(f->ops->open(NULL, path, GW_DISK_READ, &file, &os_errno), GW_NOT_FOUND);
    assert_int_equal(f->ops->open(NULL, path, GW_DISK_WRITE, &file, &os_errno), GW_NOT_FOUND);
    assert_int_equal(os_errno, ENOENT);
    f->ops->close(NULL, open_as(f, path, GW_DISK_CREATE));
    assert_int_equal(f->ops->open(NULL, path, GW_DISK_CREATE, &file, &os_errno), GW_EXISTS);
    assert_int_equal(f->ops->open(NULL, "/dev/null/a", GW_DISK_READ, &file, &os_errno),
                     GW_OS_ERROR);
    assert_int_equal(os_errno, ENOTDIR);
    file = open_as(f, path, GW_DISK_READ);
    struct iovec part = {(char[]){"x"}, 1};
    assert_int_equal(f->ops->write(NULL, file, 0, &part, 1, &os_errno), GW_OS_ERROR);
    assert_int_equal(os_errno, EBADF);
    f->ops->close(NULL, file);
}

/* More parts than go into one call, empty ones among them, in front and at the end. */
static void writes_all_parts(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[PARTS * PART_SIZE], back[sizeof bytes + 10];
    struct iovec parts[PARTS + 3] = {0};
    gw_file_handle file = open_as(f, path_of(f, "a"), GW_DISK_CREATE);
    uint64_t size = 0;
    size_t got;
    int os_errno = 0, at = 1;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    for (size_t i = 0; i < PARTS; i++) {
        parts[at++] = (struct iovec){bytes + i * PART_SIZE, PART_SIZE};
        at += i == PARTS / 2; /* an empty one */
    }
    assert_int_equal(f->ops->write(NULL, file, 5, parts, PARTS + 3, &os_errno), GW_OK);
    assert_int_equal(f->ops->size(NULL, file, &size, &os_errno), GW_OK);
    assert_int_equal(size, sizeof bytes + 5);
    assert_int_equal(
        f->ops->read(NULL, file, 5, (struct iovec){back, sizeof back}, &got, &os_errno), GW_OK);
    assert_int_equal(got, sizeof bytes);
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_int_equal(f->ops->read(NULL, file, 0, (struct iovec){back, 5}, &got, &os_errno), GW_OK);
    assert_memory_equal(back, "\0\0\0\0\0", 5);
    assert_int_equal(f->ops->read(NULL, file, size, (struct iovec){back, 5}, &got, &os_errno),
                     GW_OK);
    assert_int_equal(got, 0);
    assert_int_equal(f->ops->write(NULL, file, 0, parts, 1, &os_errno), GW_OK);
    assert_int_equal(f->ops->sync(NULL, file, &os_errno), GW_OK);
    f->ops->close(NULL, file);
}

static void full_disk_is_told_apart(void **state)
{
    struct fixture *f = *state;
    struct iovec part = {(char[]){"x"}, 1};
    int os_errno = 0;
    gw_file_handle file = open_as(f, "/dev/full", GW_DISK_WRITE);
    assert_int_equal(f->ops->write(NULL, file, 0, &part, 1, &os_errno), GW_NO_SPACE);
    assert_int_equal(os_errno, ENOSPC);
    f->ops->close(NULL, file);
}

static void sizes(void **state)
{
    struct fixture *f = *state;
    gw_file_handle file = open_as(f, path_of(f, "a"), GW_DISK_CREATE);
    uint64_t size = 1, room = 0;
    int os_errno = 0;
    assert_int_equal(f->ops->allocate(NULL, file, 0, &os_errno), GW_OK);
    assert_int_equal(f->ops->size(NULL, file, &size, &os_errno), GW_OK);
    assert_int_equal(size, 0);
    assert_int_equal(f->ops->allocate(NULL, file, 100000, &os_errno), GW_OK);
    assert_int_equal(f->ops->size(NULL, file, &size, &os_errno), GW_OK);
    assert_int_equal(size, 100000);
    assert_int_equal(f->ops->truncate(NULL, file, 10, &os_errno), GW_OK);
    assert_int_equal(f->ops->size(NULL, file, &size, &os_errno), GW_OK);
    assert_int_equal(size, 10);
    f->ops->close(NULL, file);
    assert_int_equal(f->ops->room(NULL, f->directory, &room, &os_errno), GW_OK);
    assert_true(room > 0);
    assert_int_equal(f->ops->room(NULL, "/tmp/gw_no_such_file", &room, &os_errno), GW_NOT_FOUND);
}

static void one_holds_the_lock(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "lock");
    int os_errno = 0;
    gw_file_handle first = open_as(f, path, GW_DISK_CREATE);
    gw_file_handle second = open_as(f, path, GW_DISK_WRITE);
    assert_int_equal(f->ops->lock(NULL, first, &os_errno), GW_OK);
    assert_int_equal(f->ops->lock(NULL, first, &os_errno), GW_OK);
    assert_int_equal(f->ops->lock(NULL, second, &os_errno), GW_LIMIT);
    f->ops->close(NULL, first);
    assert_int_equal(f->ops->lock(NULL, second, &os_errno), GW_OK);
    f->ops->close(NULL, second);
}

struct names {
    int count;
    bool seen[2]; /* "b", "sub" */
};

static void on_name(void *user, const char *name)
{
    struct names *names = user;
    names->count++;
    names->seen[0] |= strcmp(name, "b") == 0;
    names->seen[1] |= strcmp(name, "sub") == 0;
}

static void names(void **state)
{
    struct fixture *f = *state;
    const char *a = path_of(f, "a"), *b = path_of(f, "b"), *sub = path_of(f, "sub");
    struct names seen = {0};
    int os_errno = 0;
    f->ops->close(NULL, open_as(f, a, GW_DISK_CREATE));
    assert_int_equal(f->ops->make_directory(NULL, sub, &os_errno), GW_OK);
    assert_int_equal(f->ops->make_directory(NULL, sub, &os_errno), GW_EXISTS);
    assert_int_equal(f->ops->rename(NULL, a, b, &os_errno), GW_OK);
    assert_int_equal(f->ops->rename(NULL, a, b, &os_errno), GW_NOT_FOUND);
    assert_int_equal(f->ops->remove(NULL, a, &os_errno), GW_NOT_FOUND);
    assert_int_equal(f->ops->sync_directory(NULL, f->directory, &os_errno), GW_OK);
    assert_int_equal(f->ops->sync_directory(NULL, a, &os_errno), GW_NOT_FOUND);
    assert_int_equal(f->ops->list(NULL, f->directory, on_name, &seen, &os_errno), GW_OK);
    assert_true(seen.count == 2 && seen.seen[0] && seen.seen[1]);
    assert_int_equal(f->ops->list(NULL, a, on_name, &seen, &os_errno), GW_NOT_FOUND);
    f->ops->close(NULL, open_as(f, a, GW_DISK_CREATE));
    assert_int_equal(f->ops->rename(NULL, a, b, &os_errno), GW_OK); /* over what is there */
    assert_int_equal(f->ops->remove(NULL, b, &os_errno), GW_OK);
    assert_int_equal(rmdir(sub), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_all_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_is_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(one_holds_the_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
