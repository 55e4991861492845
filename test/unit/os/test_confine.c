#include "os/confine.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Files of a directory made for the test: seen/a and hidden/a, and a link to the latter. */
struct room {
    char name[32];
    char seen[64], hidden[64], link[64], fresh[64];
};

static void make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void room_init(struct room *room)
{
    char path[64];
    snprintf(room->name, sizeof room->name, "/tmp/gw_confine_XXXXXX");
    assert_non_null(mkdtemp(room->name));
    snprintf(path, sizeof path, "%s/seen", room->name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/hidden", room->name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(room->seen, sizeof room->seen, "%s/seen/a", room->name);
    snprintf(room->hidden, sizeof room->hidden, "%s/hidden/a", room->name);
    snprintf(room->link, sizeof room->link, "%s/seen/link", room->name);
    snprintf(room->fresh, sizeof room->fresh, "%s/seen/fresh", room->name);
    make_file(room->seen);
    make_file(room->hidden);
    assert_int_equal(symlink(room->hidden, room->link), 0);
}

static void room_fini(struct room *room)
{
    char path[64];
    unlink(room->seen);
    unlink(room->hidden);
    unlink(room->link);
    unlink(room->fresh);
    snprintf(path, sizeof path, "%s/seen", room->name);
    rmdir(path);
    snprintf(path, sizeof path, "%s/hidden", room->name);
    rmdir(path);
    assert_int_equal(rmdir(room->name), 0);
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Runs in a process of its own, for nothing gives back what is gone. Bits of what went wrong; 99:
 * the kernel cannot. */
static int confined(const struct room *room, const char *around, bool write)
{
    struct gw_confine confine;
    char folder[64];
    snprintf(folder, sizeof folder, "%s/seen", room->name);
    if (gw_confine_begin(&confine) != GW_OK)
        return 99;
    bool allowed = around != NULL ? gw_confine_allow_around(&confine, around)
                                  : gw_confine_allow(&confine, folder, write);
    if (!allowed || gw_confine_allow(&confine, "/nonexistent", false) ||
        gw_confine_end(&confine) != GW_OK)
        return 1;
    bool sees_hidden = around == room->link;
    return (opens(room->seen, O_RDONLY) ? 0 : 2) |
           (opens(room->hidden, O_RDONLY) == sees_hidden ? 0 : 4) |
           (opens(room->link, O_RDONLY) == sees_hidden ? 0 : 8) |
           (opens(room->fresh, O_WRONLY | O_CREAT) == write ? 0 : 16) |
           (opens(room->seen, O_WRONLY) == write ? 0 : 32);
}

static void reaches_only_what_is_allowed(void **state)
{
    struct room room;
    (void)state;
    room_init(&room);
    for (int i = 0; i < 4; i++) {
        const char *around = i == 0 ? room.seen : i == 1 ? room.link : NULL;
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(confined(&room, around, i == 3));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 99) {
            room_fini(&room);
            skip();
        }
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    room_fini(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reaches_only_what_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
