#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/thread.h"
#include "sim/simdisk.h"

#define SEEDS 300

/* Calls that are to succeed. */

static gw_file_handle open_as(struct gw_simdisk *disk, const char *path, enum gw_disk_open how)
{
    gw_file_handle file;
    int os_errno = 0;
    const struct gw_disk *d = gw_simdisk_disk(disk);
    assert_int_equal(d->ops->open(d->ctx, path, how, &file, &os_errno), GW_OK);
    return file;
}

static void close_file(struct gw_simdisk *disk, gw_file_handle file)
{
    const struct gw_disk *d = gw_simdisk_disk(disk);
    d->ops->close(d->ctx, file);
}

static enum gw_status write_at(struct gw_simdisk *disk, gw_file_handle file, uint64_t offset,
                               const void *bytes, size_t size)
{
    int os_errno = 0;
    uint8_t copy[8192];
    const struct gw_disk *d = gw_simdisk_disk(disk);
    memcpy(copy, bytes, size);
    size_t half = size / 2;
    struct iovec parts[] = {{copy, half}, {NULL, 0}, {copy + half, size - half}};
    enum gw_status status = d->ops->write(d->ctx, file, offset, parts, 3, &os_errno);
    assert_true((status == GW_OK) == (os_errno == 0));
    return status;
}

static enum gw_status sync_file(struct gw_simdisk *disk, gw_file_handle file)
{
    int os_errno = 0;
    const struct gw_disk *d = gw_simdisk_disk(disk);
    return d->ops->sync(d->ctx, file, &os_errno);
}

static enum gw_status sync_names(struct gw_simdisk *disk, const char *path)
{
    int os_errno = 0;
    const struct gw_disk *d = gw_simdisk_disk(disk);
    return d->ops->sync_directory(d->ctx, path, &os_errno);
}

static enum gw_status rename_file(struct gw_simdisk *disk, const char *from, const char *to)
{
    int os_errno = 0;
    const struct gw_disk *d = gw_simdisk_disk(disk);
    return d->ops->rename(d->ctx, from, to, &os_errno);
}

static enum gw_status remove_file(struct gw_simdisk *disk, const char *path)
{
    int os_errno = 0;
    const struct gw_disk *d = gw_simdisk_disk(disk);
    return d->ops->remove(d->ctx, path, &os_errno);
}

static bool is_there(struct gw_simdisk *disk, const char *path)
{
    uint64_t size;
    return gw_simdisk_size(disk, path, &size);
}

/* The content of a file; the size is returned. */
static size_t content(struct gw_simdisk *disk, const char *path, void *memory, size_t size)
{
    size_t got = 0;
    int os_errno = 0;
    const struct gw_disk *d = gw_simdisk_disk(disk);
    gw_file_handle file = open_as(disk, path, GW_DISK_READ);
    assert_int_equal(d->ops->read(d->ctx, file, 0, (struct iovec){memory, size}, &got, &os_errno),
                     GW_OK);
    close_file(disk, file);
    return got;
}

/* A disk with the synced file "a" that says "old". */
static struct gw_simdisk *with_old(uint64_t seed, gw_file_handle *ret_file)
{
    struct gw_simdisk *disk = gw_simdisk_new(seed);
    *ret_file = open_as(disk, "a", GW_DISK_CREATE);
    assert_int_equal(write_at(disk, *ret_file, 0, "old", 3), GW_OK);
    assert_int_equal(sync_file(disk, *ret_file), GW_OK);
    assert_int_equal(sync_names(disk, "."), GW_OK);
    assert_int_equal(gw_simdisk_dirty_count(disk), 0);
    return disk;
}

static void reads_see_what_was_written(void **state)
{
    (void)state;
    char back[16];
    gw_file_handle a;
    struct gw_simdisk *disk = with_old(1, &a);
    assert_int_equal(write_at(disk, a, 5, "new", 3), GW_OK);
    assert_int_equal(content(disk, "./a", back, sizeof back), 8);
    assert_memory_equal(back, "old\0\0new", 8);
    assert_int_equal(gw_simdisk_dirty_count(disk), 1);
    close_file(disk, a);
    assert_int_equal(gw_simdisk_open_count(disk), 0);
    gw_simdisk_free(disk);
}

/* A removed file is there for who has it open; one handle at a time has the lock. */
static void handles(void **state)
{
    (void)state;
    char back[3];
    size_t got = 0;
    int os_errno = 0;
    gw_file_handle a;
    struct gw_simdisk *disk = with_old(1, &a);
    const struct gw_disk *d = gw_simdisk_disk(disk);
    gw_file_handle b = open_as(disk, "a", GW_DISK_READ);
    assert_int_equal(write_at(disk, b, 0, "new", 3), GW_OS_ERROR); /* to read only */
    assert_int_equal(d->ops->lock(d->ctx, a, &os_errno), GW_OK);
    assert_int_equal(d->ops->lock(d->ctx, a, &os_errno), GW_OK);
    assert_int_equal(d->ops->lock(d->ctx, b, &os_errno), GW_LIMIT);
    close_file(disk, a);
    assert_int_equal(d->ops->lock(d->ctx, b, &os_errno), GW_OK);
    assert_int_equal(remove_file(disk, "a"), GW_OK);
    assert_int_equal(remove_file(disk, "a"), GW_NOT_FOUND);
    assert_int_equal(sync_names(disk, "."), GW_OK);
    close_file(disk, open_as(disk, "b", GW_DISK_CREATE));
    struct iovec into = {back, sizeof back};
    assert_int_equal(d->ops->read(d->ctx, b, 0, into, &got, &os_errno), GW_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(back, "old", 3);
    gw_simdisk_free(disk);
}

/* What is left of an unsynced write, by how the process ended. */
static void ends_of_a_process(void **state)
{
    (void)state;
    static const struct {
        bool kill, synced;
        enum gw_simdisk_crash how;
        const char *left;
    } rows[] = {
        {false, false, GW_SIMDISK_LOSE, "old"}, {false, false, GW_SIMDISK_KEEP, "new"},
        {false, true, GW_SIMDISK_LOSE, "new"},  {false, true, GW_SIMDISK_TEAR, "new"},
        {true, false, GW_SIMDISK_LOSE, "new"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        char back[3];
        gw_file_handle a;
        struct gw_simdisk *disk = with_old(i, &a);
        const struct gw_disk *d = gw_simdisk_disk(disk);
        int os_errno = 0;
        assert_int_equal(d->ops->lock(d->ctx, a, &os_errno), GW_OK);
        assert_int_equal(write_at(disk, a, 0, "new", 3), GW_OK);
        if (rows[i].synced)
            assert_int_equal(sync_file(disk, a), GW_OK);
        if (rows[i].kill)
            gw_simdisk_kill(disk);
        else
            gw_simdisk_crash(disk, rows[i].how);
        assert_int_equal(content(disk, "a", back, 3), 3);
        assert_memory_equal(back, rows[i].left, 3);
        assert_int_equal(write_at(disk, a, 0, "bad", 3), GW_OS_ERROR); /* an old handle */
        close_file(disk, a);
        gw_file_handle b = open_as(disk, "a", GW_DISK_WRITE);
        assert_int_equal(d->ops->lock(d->ctx, b, &os_errno), GW_OK); /* the old lock is gone */
        gw_simdisk_crash(disk, GW_SIMDISK_LOSE); /* only a kill had left unsynced bytes */
        assert_int_equal(content(disk, "a", back, 3), 3);
        assert_memory_equal(back, rows[i].kill ? "old" : rows[i].left, 3);
        gw_simdisk_free(disk);
    }
}

/* How the sectors of a torn write of 8 were seen to look: bit n is the n-th sector, kept. */
static void tears_by_sector(void **state)
{
    (void)state;
    bool seen[256] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        static uint8_t bytes[8 * SIMFILE_SECTOR], back[sizeof bytes];
        gw_file_handle a;
        struct gw_simdisk *disk = with_old(seed, &a);
        memset(bytes, 1, sizeof bytes);
        memset(back, 0, sizeof back);
        assert_int_equal(write_at(disk, a, 0, bytes, sizeof bytes), GW_OK);
        gw_simdisk_crash(disk, GW_SIMDISK_TEAR);
        size_t got = content(disk, "a", back, sizeof back);
        unsigned kept = 0;
        for (size_t i = 0; i < 8; i++) {
            const uint8_t *sector = back + i * SIMFILE_SECTOR;
            kept |= (sector[5] == 1 ? 1u : 0u) << i;
            for (size_t b = 5; b < SIMFILE_SECTOR; b++) /* whole or not at all */
                assert_int_equal(sector[b], sector[5]);
        }
        assert_true(got >= 3 && memcmp(back, (kept & 1) != 0 ? "\1\1\1" : "old", 3) == 0);
        seen[kept] = true;
        gw_simdisk_free(disk);
    }
    unsigned kinds = 0;
    for (size_t i = 0; i < 256; i++)
        kinds += seen[i];
    assert_true(seen[0] && seen[255]); /* lost, kept */
    assert_true(seen[1] && seen[127]); /* a beginning */
    assert_true(seen[128] && seen[254]);
    assert_true(kinds > 25); /* scattered */
}

/* The edges of a write at odd offsets stay what they were. */
static void tears_inside_the_write_only(void **state)
{
    (void)state;
    bool seen[2] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        static uint8_t old[4096], new[1500], back[4096];
        struct gw_simdisk *disk = gw_simdisk_new(seed);
        gw_file_handle a = open_as(disk, "a", GW_DISK_CREATE);
        memset(old, 1, sizeof old);
        memset(new, 2, sizeof new);
        assert_int_equal(write_at(disk, a, 0, old, sizeof old), GW_OK);
        assert_int_equal(sync_file(disk, a), GW_OK);
        assert_int_equal(sync_names(disk, "/"), GW_OK);
        assert_int_equal(write_at(disk, a, 700, new, sizeof new), GW_OK);
        gw_simdisk_crash(disk, GW_SIMDISK_TEAR);
        assert_int_equal(content(disk, "a", back, sizeof back), sizeof back);
        for (size_t i = 0; i < sizeof back; i++) {
            assert_true(back[i] == 1 || (back[i] == 2 && i >= 700 && i < 2200));
            if (i > 700 && back[i] != back[i - 1])
                assert_true(i == 2200 || i % SIMFILE_SECTOR == 0);
        }
        seen[0] |= back[700] == 1 && back[2199] == 2;
        seen[1] |= back[700] == 2 && back[2199] == 1;
        gw_simdisk_free(disk);
    }
    assert_true(seen[0] && seen[1]);
}

/* Of several writes any may be lost; of allocate and truncate too. */
static void loses_any_of_several(void **state)
{
    (void)state;
    bool seen[4] = {false}, sizes[2] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        char back[1025];
        uint64_t size;
        int os_errno = 0;
        gw_file_handle a;
        struct gw_simdisk *disk = with_old(seed, &a);
        const struct gw_disk *d = gw_simdisk_disk(disk);
        assert_int_equal(d->ops->allocate(d->ctx, a, 4096, &os_errno), GW_OK);
        assert_int_equal(write_at(disk, a, 0, "1", 1), GW_OK);
        assert_int_equal(write_at(disk, a, 1024, "2", 1), GW_OK);
        gw_simdisk_crash(disk, GW_SIMDISK_TEAR);
        assert_true(gw_simdisk_size(disk, "a", &size));
        memset(back, 0, sizeof back);
        (void)content(disk, "a", back, sizeof back);
        seen[(back[0] == '1') + 2 * (back[1024] == '2')] = true;
        sizes[size == 4096] = true;
        assert_true(size == 4096 || size == 3 || size == 1025);
        gw_simdisk_free(disk);
    }
    assert_true(seen[0] && seen[1] && seen[2] && seen[3] && sizes[0] && sizes[1]);
}

/* A recycled segment: the old name, the new name, never both, never none. */
static void renames_are_kept_or_undone(void **state)
{
    (void)state;
    bool seen[2] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        gw_file_handle a;
        struct gw_simdisk *disk = with_old(seed, &a);
        assert_int_equal(rename_file(disk, "a", "b"), GW_OK);
        assert_int_equal(write_at(disk, a, 0, "new", 3), GW_OK);
        assert_int_equal(sync_file(disk, a), GW_OK);
        gw_simdisk_crash(disk, GW_SIMDISK_TEAR);
        bool renamed = is_there(disk, "b");
        char back[3];
        assert_true(is_there(disk, "a") != renamed);
        assert_int_equal(content(disk, renamed ? "b" : "a", back, 3), 3);
        assert_memory_equal(back, "new", 3);
        seen[renamed] = true;
        gw_simdisk_free(disk);
    }
    assert_true(seen[0] && seen[1]);
}

/* A chain of steps: whatever is undone, a file that was not removed keeps one name. */
static void no_file_is_lost_by_names(void **state)
{
    (void)state;
    bool made[2] = {false}, removed[2] = {false}, second[2] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        gw_file_handle a;
        struct gw_simdisk *disk = with_old(seed, &a);
        gw_file_handle x = open_as(disk, "x", GW_DISK_CREATE);
        close_file(disk, x);
        assert_int_equal(sync_names(disk, ""), GW_OK);
        assert_int_equal(rename_file(disk, "a", "b"), GW_OK);
        x = open_as(disk, "a", GW_DISK_CREATE); /* another file under the old name */
        close_file(disk, x);
        assert_int_equal(rename_file(disk, "b", "c"), GW_OK);
        assert_int_equal(remove_file(disk, "x"), GW_OK);
        if (seed % 2 == 1) /* with the rename undone this must not take the first one */
            assert_int_equal(remove_file(disk, "a"), GW_OK);
        gw_simdisk_crash(disk, GW_SIMDISK_TEAR);
        int old = 0;
        for (const char *name = "abc"; *name; name++) {
            char path[2] = {*name, 0}, back[3] = {0};
            old += is_there(disk, path) && content(disk, path, back, 3) == 3;
        }
        assert_int_equal(old, 1);
        uint64_t size;
        made[gw_simdisk_size(disk, "a", &size) && size == 0] = true;
        second[is_there(disk, "c")] = true;
        removed[is_there(disk, "x")] = true;
        gw_simdisk_free(disk);
    }
    assert_true(made[0] && made[1] && removed[0] && removed[1] && second[0] && second[1]);
}

/* A directory whose own name was never synced goes with everything in it. */
static void directories(void **state)
{
    (void)state;
    struct gw_simdisk *disk = gw_simdisk_new(1);
    const struct gw_disk *d = gw_simdisk_disk(disk);
    gw_file_handle file;
    int os_errno = 0;
    assert_int_equal(d->ops->make_directory(d->ctx, "store", &os_errno), GW_OK);
    assert_int_equal(d->ops->make_directory(d->ctx, "/store/", &os_errno), GW_EXISTS);
    assert_int_equal(d->ops->make_directory(d->ctx, "/", &os_errno), GW_EXISTS);
    assert_int_equal(d->ops->make_directory(d->ctx, "no/sub", &os_errno), GW_NOT_FOUND);
    file = open_as(disk, "store/a", GW_DISK_CREATE);
    assert_int_equal(write_at(disk, file, 0, "a", 1), GW_OK);
    assert_int_equal(sync_file(disk, file), GW_OK);
    assert_int_equal(sync_names(disk, "store"), GW_OK);
    assert_int_equal(sync_names(disk, "store/a"), GW_OS_ERROR);
    assert_int_equal(d->ops->open(d->ctx, "store", GW_DISK_READ, &file, &os_errno), GW_OS_ERROR);
    assert_int_equal(os_errno, EISDIR);
    assert_int_equal(rename_file(disk, "store/a", "a"), GW_OS_ERROR);
    struct gw_simdisk *copy = gw_simdisk_copy(disk, 1);
    gw_simdisk_crash(disk, GW_SIMDISK_LOSE);
    assert_false(is_there(disk, "store/a"));
    assert_int_equal(sync_names(disk, "store"), GW_NOT_FOUND);
    assert_int_equal(sync_names(copy, "."), GW_OK);
    gw_simdisk_crash(copy, GW_SIMDISK_LOSE);
    assert_true(is_there(copy, "store/a"));
    gw_simdisk_free(copy);
    gw_simdisk_free(disk);
}

static void on_name(void *user, const char *name)
{
    struct gw_simdisk *disk = user;
    char path[100];
    snprintf(path, sizeof path, "/%s", name);
    assert_int_equal(remove_file(disk, path), GW_OK); /* a list may be worked on while it is read */
}

static void lists_names(void **state)
{
    (void)state;
    struct gw_simdisk *disk = gw_simdisk_new(1);
    const struct gw_disk *d = gw_simdisk_disk(disk);
    int os_errno = 0;
    for (const char *name = "abc"; *name; name++)
        close_file(disk, open_as(disk, (char[]){*name, 0}, GW_DISK_CREATE));
    assert_int_equal(d->ops->list(d->ctx, ".", on_name, disk, &os_errno), GW_OK);
    assert_int_equal(gw_simdisk_count(disk, GW_SIMDISK_REMOVE), 3);
    assert_false(is_there(disk, "a") || is_there(disk, "b") || is_there(disk, "c"));
    assert_int_equal(d->ops->list(d->ctx, "no", on_name, disk, &os_errno), GW_NOT_FOUND);
    gw_simdisk_free(disk);
}

/* The n-th call of a kind fails, once or from then on. */
static void fails_as_told(void **state)
{
    (void)state;
    gw_file_handle a;
    struct gw_simdisk *disk = with_old(1, &a);
    uint64_t before = gw_simdisk_count(disk, GW_SIMDISK_WRITE | GW_SIMDISK_SYNC);
    gw_simdisk_fail(disk, GW_SIMDISK_WRITE, 2, EIO, false);
    gw_simdisk_fail(disk, GW_SIMDISK_RENAME | GW_SIMDISK_REMOVE, 1, ENOSPC, true);
    gw_simdisk_fail(disk, GW_SIMDISK_SYNC, 1, ENOSPC, false);
    assert_int_equal(write_at(disk, a, 0, "1", 1), GW_OK);
    assert_int_equal(write_at(disk, a, 0, "2", 1), GW_OS_ERROR);
    assert_int_equal(write_at(disk, a, 0, "3", 1), GW_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rename_file(disk, "a", "b"), GW_NO_SPACE);
        assert_int_equal(remove_file(disk, "a"), GW_NO_SPACE);
    }
    assert_int_equal(sync_file(disk, a), GW_OS_ERROR);
    assert_int_equal(sync_file(disk, a), GW_OK);
    assert_int_equal(gw_simdisk_fired(disk), 8);
    assert_int_equal(gw_simdisk_count(disk, GW_SIMDISK_WRITE | GW_SIMDISK_SYNC), before + 5);
    gw_simdisk_heal(disk);
    assert_int_equal(rename_file(disk, "a", "b"), GW_OK);
    gw_simdisk_free(disk);
}

/* After a failed sync a second one that says nothing proves nothing. */
static void failed_sync_loses_for_good(void **state)
{
    (void)state;
    bool lost = false, kept = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        char back[3];
        gw_file_handle a;
        struct gw_simdisk *disk = with_old(seed, &a);
        gw_simdisk_fail(disk, GW_SIMDISK_SYNC, 1, EIO, false);
        assert_int_equal(write_at(disk, a, 0, "new", 3), GW_OK);
        assert_int_equal(sync_file(disk, a), GW_OS_ERROR);
        assert_int_equal(content(disk, "a", back, 3), 3);
        assert_memory_equal(back, "new", 3);
        assert_int_equal(sync_file(disk, a), GW_OK);
        gw_simdisk_crash(disk, GW_SIMDISK_KEEP);
        assert_int_equal(content(disk, "a", back, 3), 3);
        lost |= memcmp(back, "old", 3) == 0;
        kept |= memcmp(back, "new", 3) == 0;
        gw_simdisk_free(disk);
    }
    assert_true(lost && kept);
}

static void failed_write_is_done_in_part(void **state)
{
    (void)state;
    bool seen[7] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        char back[6];
        gw_file_handle a;
        struct gw_simdisk *disk = with_old(seed, &a);
        gw_simdisk_cut_at(disk, 1);
        assert_int_equal(write_at(disk, a, 0, "123456", 6), GW_OS_ERROR);
        assert_true(gw_simdisk_stopped(disk));
        assert_int_equal(write_at(disk, a, 0, "X", 1), GW_OS_ERROR);
        gw_simdisk_kill(disk);
        assert_false(gw_simdisk_stopped(disk));
        size_t got = content(disk, "a", back, 6), done = 0;
        while (done < got && back[done] == "123456"[done])
            done++;
        assert_true(got == (done < 3 ? 3 : done));
        seen[done] = true;
        gw_simdisk_free(disk);
    }
    for (size_t i = 0; i < GW_COUNT_OF(seen); i++)
        assert_true(seen[i]);
}

/* Only changes count towards the cut; nothing works behind it. */
static void stands_still_behind_the_cut(void **state)
{
    (void)state;
    gw_file_handle a, b;
    char back[3];
    int os_errno = 0;
    struct gw_simdisk *disk = with_old(1, &a);
    const struct gw_disk *d = gw_simdisk_disk(disk);
    gw_simdisk_cut_at(disk, 3);
    assert_int_equal(content(disk, "a", back, 3), 3);
    assert_int_equal(write_at(disk, a, 0, "1", 1), GW_OK);
    assert_int_equal(sync_file(disk, a), GW_OK);
    assert_int_equal(write_at(disk, a, 0, "", 0), GW_OS_ERROR);
    assert_int_equal(sync_file(disk, a), GW_OS_ERROR);
    assert_int_equal(remove_file(disk, "a"), GW_OS_ERROR);
    assert_int_equal(d->ops->open(d->ctx, "b", GW_DISK_CREATE, &b, &os_errno), GW_OS_ERROR);
    gw_simdisk_crash(disk, GW_SIMDISK_LOSE);
    assert_int_equal(content(disk, "a", back, 3), 3);
    assert_memory_equal(back, "1ld", 3);
    gw_simdisk_stop(disk);
    assert_int_equal(remove_file(disk, "a"), GW_OS_ERROR);
    gw_simdisk_free(disk);
}

static void budget(void **state)
{
    (void)state;
    gw_file_handle a;
    uint64_t room = 0, size;
    int os_errno = 0;
    char back[16];
    struct gw_simdisk *disk = with_old(1, &a);
    const struct gw_disk *d = gw_simdisk_disk(disk);
    gw_simdisk_set_budget(disk, 8);
    assert_int_equal(d->ops->room(d->ctx, "a", &room, &os_errno), GW_OK);
    assert_int_equal(room, 5);
    assert_int_equal(d->ops->allocate(d->ctx, a, 9, &os_errno), GW_NO_SPACE);
    assert_int_equal(write_at(disk, a, 0, "new", 3), GW_OK); /* in its place: takes no room */
    assert_int_equal(write_at(disk, a, 3, "0123456789", 10), GW_NO_SPACE);
    assert_int_equal(content(disk, "a", back, sizeof back), 8);
    assert_memory_equal(back, "new01234", 8);
    gw_simdisk_set_budget(disk, 20);
    assert_int_equal(d->ops->allocate(d->ctx, a, 20, &os_errno), GW_OK);
    gw_file_handle b = open_as(disk, "b", GW_DISK_CREATE);
    assert_int_equal(write_at(disk, b, 0, "x", 1), GW_NO_SPACE);
    assert_int_equal(remove_file(disk, "a"), GW_OK);
    assert_int_equal(write_at(disk, b, 0, "x", 1), GW_NO_SPACE); /* it is still open */
    close_file(disk, a);
    assert_int_equal(write_at(disk, b, 0, "x", 1), GW_OK);
    assert_true(gw_simdisk_size(disk, "b", &size) && size == 1);
    gw_simdisk_free(disk);
}

static void damage_stays(void **state)
{
    (void)state;
    gw_file_handle a;
    char back[8];
    struct gw_simdisk *disk = with_old(1, &a);
    assert_true(gw_simdisk_flip(disk, "a", 1, 0));
    assert_false(gw_simdisk_flip(disk, "a", 3, 0));
    assert_false(gw_simdisk_flip(disk, "b", 0, 0));
    gw_simdisk_crash(disk, GW_SIMDISK_LOSE);
    assert_int_equal(content(disk, "a", back, sizeof back), 3);
    assert_memory_equal(back, "omd", 3);
    assert_true(gw_simdisk_truncate(disk, "a", 1));
    assert_false(gw_simdisk_truncate(disk, "a", 2));
    gw_simdisk_crash(disk, GW_SIMDISK_KEEP);
    assert_int_equal(content(disk, "a", back, sizeof back), 1);
    gw_simdisk_free(disk);
}

/* A copy has the unsynced changes too, and the same seed ends the same way. */
static void copies_repeat(void **state)
{
    (void)state;
    bool differ = false;
    gw_file_handle a;
    struct gw_simdisk *disk = with_old(1, &a);
    char first[4096];
    for (unsigned i = 0; i < 8; i++) {
        char bytes[700];
        memset(bytes, (char)('0' + i), sizeof bytes);
        assert_int_equal(write_at(disk, a, i * 400, bytes, sizeof bytes), GW_OK);
    }
    assert_int_equal(rename_file(disk, "a", "b"), GW_OK);
    size_t first_size = 0;
    for (uint64_t round = 0; round < 20; round++) {
        char back[sizeof first] = {0};
        struct gw_simdisk *copy = gw_simdisk_copy(disk, round / 2);
        assert_int_equal(gw_simdisk_open_count(copy), 0);
        gw_simdisk_crash(copy, GW_SIMDISK_TEAR);
        size_t size = content(copy, is_there(copy, "a") ? "a" : "b", back, sizeof back);
        if (round % 2 == 1)
            assert_true(size == first_size && memcmp(first, back, sizeof back) == 0);
        else if (round > 0)
            differ |= memcmp(first, back, sizeof back) != 0;
        memcpy(first, back, sizeof back);
        first_size = size;
        gw_simdisk_free(copy);
    }
    assert_true(differ && gw_simdisk_open_count(disk) == 1);
    gw_simdisk_free(disk);
}

static void *busy(void *user)
{
    struct gw_simdisk *disk = user;
    gw_file_handle file = open_as(disk, "a", GW_DISK_WRITE);
    for (uint64_t i = 0; i < 200; i++) {
        assert_int_equal(write_at(disk, file, i * 8, "12345678", 8), GW_OK);
        assert_int_equal(sync_file(disk, file), GW_OK);
    }
    close_file(disk, file);
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    gw_file_handle a;
    struct gw_thread helper;
    struct gw_simdisk *disk = with_old(1, &a);
    assert_int_equal(gw_thread_start(&helper, "busy", busy, disk), GW_OK);
    (void)busy(disk);
    gw_thread_join(&helper);
    assert_int_equal(gw_simdisk_count(disk, GW_SIMDISK_WRITE), 401);
    gw_simdisk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_see_what_was_written),
        cmocka_unit_test(handles),
        cmocka_unit_test(ends_of_a_process),
        cmocka_unit_test(tears_by_sector),
        cmocka_unit_test(tears_inside_the_write_only),
        cmocka_unit_test(loses_any_of_several),
        cmocka_unit_test(renames_are_kept_or_undone),
        cmocka_unit_test(no_file_is_lost_by_names),
        cmocka_unit_test(directories),
        cmocka_unit_test(lists_names),
        cmocka_unit_test(fails_as_told),
        cmocka_unit_test(failed_sync_loses_for_good),
        cmocka_unit_test(failed_write_is_done_in_part),
        cmocka_unit_test(stands_still_behind_the_cut),
        cmocka_unit_test(budget),
        cmocka_unit_test(damage_stays),
        cmocka_unit_test(copies_repeat),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
