#include "ledger.h"

#include <errno.h>

#include "store/layout.h"

#define SEGMENT (16u * 1024u)

/* -- every point at which the power may go -- */

/* Two checkpoints, segments that begin and are recycled, one of its own size. */
static void work(struct ledger *ledger, unsigned rounds)
{
    gw_position before = 0;
    for (unsigned round = 0; round < rounds; round++) {
        ledger_put(ledger, round % LEDGER_STREAMS, 1 + round % 3, 40 + 700 * (round % 5));
        if (round % 11 == 7)
            ledger_put(ledger, 0, 1, 20000);
        if (round % 2)
            (void)gw_store_step(ledger->store);
        if (round % 9 == 8 && before)
            gw_store_set_checkpoint(ledger->store, before);
        if (round % 9 == 8)
            before = gw_store_end(ledger->store);
    }
    ledger_settle(ledger);
}

/* What recovery gave is a beginning of what was submitted, and has all that was synced. */
static void check(struct ledger *ledger, gw_position checkpoint, size_t synced)
{
    gw_position from = gw_store_checkpoint(ledger->store);
    if (ledger->count > 0 && synced > 0)
        assert_true(from <= checkpoint || checkpoint == 0);
    ledger_check_prefix(ledger, from, synced);
    assert_int_equal(ledger->report.damaged, 0);
    assert_int_equal(ledger->damaged, 0);
    /* What is behind the checkpoint can be read by position too. */
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->entries[i];
        struct gw_blob *body = NULL;
        if (entry->position < from || entry->offset % 2 == 0)
            continue;
        assert_int_equal(gw_store_read(ledger->store, entry->position, &body), GW_OK);
        assert_true(ledger_is(entry, gw_span_of(body->data, body->size)));
        gw_blob_unref(&body);
    }
}

static size_t crash_and_open(struct ledger *ledger, enum gw_simdisk_crash how)
{
    gw_position checkpoint = ledger->store ? gw_store_checkpoint(ledger->store) : 0;
    size_t synced = ledger->store ? ledger_synced(ledger) : 0;
    ledger_close(ledger);
    gw_simdisk_crash(ledger->disk, how);
    ledger_open(ledger);
    check(ledger, checkpoint, synced);
    return synced;
}

/* First the process alone dies, then the power goes: what was handed over in between is on stable
 * storage then, since it may have been acted on. `synced` is what was before. */
static void kill_and_crash(struct ledger *ledger, enum gw_simdisk_crash how, size_t synced)
{
    gw_position checkpoint = ledger->store ? gw_store_checkpoint(ledger->store) : 0;
    ledger_close(ledger);
    gw_simdisk_kill(ledger->disk);
    ledger_open(ledger);
    check(ledger, checkpoint, synced);
    size_t kept = ledger->count;
    ledger_close(ledger);
    gw_simdisk_crash(ledger->disk, how);
    ledger_open(ledger);
    check(ledger, checkpoint, kept);
}

/* True if the power went. */
static bool one_crash(uint64_t nth, enum gw_simdisk_crash how, bool by_signal)
{
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, nth * 3 + how);
    gw_simdisk_cut_at(ledger.disk, nth);
    if (ledger_try_open(&ledger) == GW_OK)
        work(&ledger, 26);
    bool cut = gw_simdisk_stopped(ledger.disk);
    if (by_signal)
        kill_and_crash(&ledger, how, ledger.store ? ledger_synced(&ledger) : 0);
    else
        crash_and_open(&ledger, how);
    /* It goes on, and nothing that was cut comes back. */
    for (int again = 0; again < 2; again++) {
        work(&ledger, 5);
        crash_and_open(&ledger, how);
    }
    ledger_fini(&ledger);
    return cut;
}

static void survives_a_crash_anywhere(void **state)
{
    static const enum gw_simdisk_crash hows[] = {GW_SIMDISK_LOSE, GW_SIMDISK_KEEP, GW_SIMDISK_TEAR};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        uint64_t nth = 1;
        while (one_crash(nth, hows[i % 3], i >= 3))
            nth++;
        assert_true(nth > 50);
    }
}

/* A write that tore while the next segment was begun, many seeds. */
static void survives_torn_writes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 150; seed++) {
        struct ledger ledger;
        ledger_init(&ledger, SEGMENT, seed);
        ledger_open(&ledger);
        work(&ledger, (unsigned)(seed % 17));
        for (int life = 0; life < 3; life++) {
            gw_simdisk_cut_at(ledger.disk, 1 + seed % 5);
            work(&ledger, 20);
            crash_and_open(&ledger, GW_SIMDISK_TEAR);
        }
        ledger_fini(&ledger);
    }
}

/* -- failures that are not a crash -- */

static void a_failed_sync_is_final(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 20; nth++) {
        struct ledger ledger;
        ledger_init(&ledger, SEGMENT, nth);
        ledger_open(&ledger);
        gw_simdisk_fail(ledger.disk, GW_SIMDISK_SYNC, nth, EIO, false);
        work(&ledger, 40);
        assert_int_equal(gw_store_state(ledger.store), GW_STORE_FAILED);
        assert_int_equal(ledger.failed, 1);
        size_t synced = ledger_synced(&ledger);
        assert_true(synced < ledger.count);
        ledger_put(&ledger, 0, 1, 10);
        ledger_settle(&ledger);
        assert_int_equal(ledger_synced(&ledger), synced); /* nothing moves any more */
        assert_int_equal(gw_store_pressure(ledger.store), 0);
        if (nth % 2) /* the next process sees bytes that no sync will bring to the disk */
            kill_and_crash(&ledger, GW_SIMDISK_LOSE, synced);
        else
            crash_and_open(&ledger, GW_SIMDISK_TEAR);
        assert_int_equal(gw_store_state(ledger.store), GW_STORE_RUNNING);
        ledger_fini(&ledger);
    }
}

/* Each kind of call fails once, at every place. */
static void survives_any_failed_call(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct ledger ledger;
        ledger_init(&ledger, SEGMENT, nth);
        gw_simdisk_fail(ledger.disk, GW_SIMDISK_ALL & ~(unsigned)GW_SIMDISK_READ, nth, EIO, false);
        bool fired = false;
        if (ledger_try_open(&ledger) == GW_OK) {
            work(&ledger, 40);
            ledger.now += 2 * GW_NS_PER_S;
            ledger_settle(&ledger);
            if (gw_store_state(ledger.store) == GW_STORE_RUNNING)
                assert_int_equal(ledger_synced(&ledger), ledger.count);
        } else {
            assert_true(ledger.error.what != NULL && ledger.error.path[0] != 0);
        }
        fired = gw_simdisk_fired(ledger.disk) > 0;
        gw_simdisk_heal(ledger.disk);
        crash_and_open(&ledger, GW_SIMDISK_TEAR);
        ledger_fini(&ledger);
        if (!fired)
            break;
    }
}

/* -- damage -- */

static void write_small(struct ledger *ledger, uint64_t seed, uint64_t segment)
{
    ledger_init(ledger, segment, seed);
    ledger_open(ledger);
    for (unsigned round = 0; round < 12; round++) {
        ledger_put(ledger, round % LEDGER_STREAMS, 2, 30 + 300 * (round % 3));
        ledger_settle(ledger);
    }
    gw_store_stop(ledger->store); /* with a mark, so that damage is known as such */
    ledger_close(ledger);
}

/* Everything but what was in one chunk came back, in order, nothing else; or the open said why. */
static void check_damaged(struct ledger *ledger, bool in_data)
{
    enum gw_status status = ledger_try_open(ledger);
    if (status != GW_OK) {
        assert_non_null(ledger->error.what);
        return;
    }
    assert_int_equal(ledger->unknown, 0);
    gw_position lost = 0;
    for (size_t i = 0; i < ledger->count; i++) {
        if (ledger->entries[i].seen)
            continue;
        assert_true(lost == 0 || lost == ledger->entries[i].chunk);
        lost = ledger->entries[i].chunk;
    }
    if (lost) {
        assert_true(in_data);
        assert_int_equal(ledger->report.damaged, 1);
        assert_int_equal(ledger->damaged, 1);
        assert_true(ledger->report.side_file[0] != 0);
        uint64_t size = 0;
        assert_true(gw_simdisk_size(ledger->disk, ledger->report.side_file, &size));
        assert_int_equal(size, ledger->report.damaged_bytes);
    }
    /* It goes on behind the damage. */
    size_t before = ledger->count;
    ledger_put(ledger, 0, 1, 10);
    ledger_settle(ledger);
    assert_int_equal(ledger_synced(ledger), before + 1);
    ledger_close(ledger);
}

static void survives_every_flipped_byte(void **state)
{
    (void)state;
    struct ledger ledger;
    write_small(&ledger, 1, 8192);
    struct gw_simdisk *original = ledger.disk;
    size_t count = ledger.count;
    for (unsigned number = 1; number <= 3; number++) {
        char path[64];
        uint64_t size = 0;
        snprintf(path, sizeof path, "store/%08x.seg", number);
        if (!gw_simdisk_size(original, path, &size))
            break;
        for (uint64_t offset = 0; offset < size; offset++) {
            /* Of the head all, of the rest of its area some. */
            if (offset < 4096 && offset % 2048 >= 64 && offset % 97 != 0)
                continue;
            ledger.disk = gw_simdisk_copy(original, offset);
            assert_true(gw_simdisk_flip(ledger.disk, path, offset, (unsigned)(offset % 8)));
            ledger.count = count;
            ledger.damaged = 0;
            check_damaged(&ledger, offset >= 4096);
            gw_simdisk_free(ledger.disk);
        }
        assert_true(number > 1 || size == 8192);
    }
    ledger.disk = original;
    ledger_fini(&ledger);
}

/* -- parts that the disk does not give back -- */

static struct hole {
    const struct gw_disk_ops *below;
    const char *path;
    gw_file_handle file;
    uint64_t from, end;
    unsigned met;
} hole;

static enum gw_status open_holed(void *ctx, const char *path, enum gw_disk_open how,
                                 gw_file_handle *ret_file, int *ret_errno)
{
    enum gw_status status = hole.below->open(ctx, path, how, ret_file, ret_errno);
    if (status == GW_OK && strcmp(path, hole.path) == 0)
        hole.file = *ret_file;
    else if (status == GW_OK && hole.file == *ret_file)
        hole.file = -1; /* that number is another file's now */
    return status;
}

static enum gw_status read_holed(void *ctx, gw_file_handle file, uint64_t offset, struct iovec into,
                                 size_t *ret_size, int *ret_errno)
{
    if (file == hole.file && offset < hole.end && offset + into.iov_len > hole.from) {
        hole.met++;
        *ret_errno = EIO;
        return GW_OS_ERROR;
    }
    return hole.below->read(ctx, file, offset, into, ret_size, ret_errno);
}

/* Everything that is not in the hole came back, and what was lost was told. */
static void check_holed(struct ledger *ledger, uint32_t number)
{
    size_t lost = 0;
    assert_int_equal(ledger->unknown, 0);
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->entries[i];
        if (entry->seen)
            continue;
        lost++;
        assert_int_equal(gw_position_segment(entry->position), number);
        uint32_t end = gw_position_offset(entry->position) + entry->size + 2048; /* its chunk */
        assert_true(hole.from == 0 ||
                    (end > hole.from && gw_position_offset(entry->chunk) < hole.end));
    }
    assert_true(lost == 0 || ledger->report.damaged > 0);
    assert_int_equal(ledger->damaged, ledger->report.damaged);
    hole.file = -1;
    hole.path = "";
    size_t before = ledger->count;
    ledger_put(ledger, 0, 1, 10);
    ledger_settle(ledger);
    assert_int_equal(ledger_synced(ledger), before + 1);
}

static void starts_without_what_cannot_be_read(void **state)
{
    (void)state;
    struct ledger ledger;
    write_small(&ledger, 1, 8192);
    struct gw_simdisk *original = ledger.disk;
    size_t count = ledger.count;
    unsigned met = 0;
    struct gw_disk_ops ops = *gw_simdisk_disk(original)->ops;
    ops.open = open_holed;
    ops.read = read_holed;
    for (uint32_t number = 1;; number++) {
        char path[64];
        uint64_t size = 0;
        snprintf(path, sizeof path, "store/%08x.seg", number);
        if (!gw_simdisk_size(original, path, &size))
            break;
        for (uint64_t page = 0; page < size; page += 4096) {
            ledger.disk = gw_simdisk_copy(original, page);
            const struct gw_disk *below = gw_simdisk_disk(ledger.disk);
            struct gw_disk over = {&ops, below->ctx};
            hole = (struct hole){below->ops, path, -1, page, page + 4096, 0};
            ledger.over = &over;
            ledger.count = count;
            ledger.damaged = 0;
            ledger_open(&ledger);
            check_holed(&ledger, number);
            met += hole.met;
            ledger_close(&ledger);
            ledger.over = NULL;
            gw_simdisk_free(ledger.disk);
        }
    }
    assert_true(met > 4);
    ledger.disk = original;
    ledger_fini(&ledger);
}

/* An empty broker would be worse than none: clients would think that their sessions are gone. */
static void a_log_that_cannot_be_read_at_all_is_not_an_empty_one(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    ledger_put(&ledger, 0, 2, 30);
    ledger_settle(&ledger);
    ledger_close(&ledger);
    gw_simdisk_fail(ledger.disk, GW_SIMDISK_READ, 1, EIO, true);
    assert_int_equal(ledger_try_open(&ledger), GW_OS_ERROR);
    assert_string_equal(ledger.error.what, "cannot read");
    assert_int_equal(ledger.error.os_errno, EIO);
    gw_simdisk_heal(ledger.disk);
    ledger_open(&ledger);
    assert_int_equal(ledger.report.records, 2);
    ledger_fini(&ledger);
}

/* It has nothing to do with what happened to the first one. */
static void check_second_segment(const struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++) {
        if (gw_position_segment(ledger->entries[i].position) == 2)
            assert_true(ledger->entries[i].seen);
    }
}

static void survives_every_truncation(void **state)
{
    (void)state;
    struct ledger ledger;
    write_small(&ledger, 1, 8192);
    struct gw_simdisk *original = ledger.disk;
    size_t count = ledger.count;
    for (unsigned number = 1; number <= 2; number++) {
        char path[64];
        snprintf(path, sizeof path, "store/%08x.seg", number);
        for (uint64_t size = 0; size < 8192; size += 5) {
            ledger.disk = gw_simdisk_copy(original, size);
            assert_true(gw_simdisk_truncate(ledger.disk, path, size));
            ledger.count = count;
            if (ledger_try_open(&ledger) == GW_OK) {
                assert_int_equal(ledger.unknown, 0);
                if (number == 1)
                    check_second_segment(&ledger);
                ledger_close(&ledger);
            }
            gw_simdisk_free(ledger.disk);
        }
    }
    ledger.disk = original;
    ledger_fini(&ledger);
}

/* A whole segment is gone: its file, or both copies of its head. */
static void survives_a_lost_segment(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= 3; number++) {
        for (int removed = 0; removed < 2; removed++) {
            struct ledger ledger;
            ledger_init(&ledger, SEGMENT, number);
            ledger_open(&ledger);
            for (unsigned i = 0; i < 60; i++)
                ledger_put(&ledger, i % LEDGER_STREAMS, 1, 900);
            ledger_settle(&ledger);
            assert_true(gw_position_segment(gw_store_end(ledger.store)) > 3);
            ledger_close(&ledger);
            char path[64];
            snprintf(path, sizeof path, "store/%08x.seg", number);
            const struct gw_disk *disk = gw_simdisk_disk(ledger.disk);
            int error;
            if (removed)
                assert_int_equal(disk->ops->remove(disk->ctx, path, &error), GW_OK);
            else
                assert_true(gw_simdisk_flip(ledger.disk, path, 50, 1) &&
                            gw_simdisk_flip(ledger.disk, path, 2048 + 9, 2));
            ledger_open(&ledger);
            for (size_t i = 0; i < ledger.count; i++)
                assert_true(ledger.entries[i].seen ==
                            (gw_position_segment(ledger.entries[i].position) != number));
            assert_int_equal(ledger.unknown, 0);
            assert_int_equal(ledger.report.damaged, 1);
            assert_int_equal(ledger.report.damaged_bytes, removed ? 0 : SEGMENT);
            ledger_fini(&ledger);
        }
    }
}

static void says_what_was_torn(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    ledger_put(&ledger, 0, 1, 100);
    ledger_settle(&ledger);
    gw_position good = gw_store_end(ledger.store);
    ledger_put(&ledger, 0, 1, 500);
    size_t synced = ledger_synced(&ledger);
    gw_simdisk_fail(ledger.disk, GW_SIMDISK_SYNC, 1, EIO, false);
    ledger_settle(&ledger);
    ledger_close(&ledger);
    gw_simdisk_kill(ledger.disk); /* all of it is in the file: one byte of it is wrong */
    assert_true(
        gw_simdisk_flip(ledger.disk, "store/00000001.seg", gw_position_offset(good) + 60, 1));
    ledger_open(&ledger);
    ledger_check_prefix(&ledger, 0, synced);
    assert_int_equal(ledger.report.torn_at, good);
    assert_true(ledger.report.torn_bytes > 500);
    assert_int_equal(ledger.torn, 1);
    assert_int_equal(ledger.damaged, 0);
    ledger_fini(&ledger);
}

static void refuses_a_newer_version(void **state)
{
    (void)state;
    struct ledger ledger;
    write_small(&ledger, 1, 8192);
    /* A head of version 2 with a good sum, as that version would write it. */
    uint8_t area[GW_LAYOUT_SEGMENT_AREA];
    struct gw_layout_segment head = {.version = 2, .number = 9, .size = 8192};
    gw_layout_put_segment(area, &head);
    const struct gw_disk *disk = gw_simdisk_disk(ledger.disk);
    gw_file_handle file;
    int error;
    struct iovec part = {area, sizeof area};
    assert_int_equal(
        disk->ops->open(disk->ctx, "store/00000009.seg", GW_DISK_CREATE, &file, &error), GW_OK);
    assert_int_equal(disk->ops->write(disk->ctx, file, 0, &part, 1, &error), GW_OK);
    disk->ops->close(disk->ctx, file);
    assert_int_equal(ledger_try_open(&ledger), GW_INVALID);
    assert_string_equal(ledger.error.what, "a newer version made it");
    assert_string_equal(ledger.error.path, "store/00000009.seg");
    ledger_fini(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_a_crash_anywhere),
        cmocka_unit_test(survives_torn_writes),
        cmocka_unit_test(a_failed_sync_is_final),
        cmocka_unit_test(survives_any_failed_call),
        cmocka_unit_test(survives_every_flipped_byte),
        cmocka_unit_test(starts_without_what_cannot_be_read),
        cmocka_unit_test(a_log_that_cannot_be_read_at_all_is_not_an_empty_one),
        cmocka_unit_test(survives_every_truncation),
        cmocka_unit_test(survives_a_lost_segment),
        cmocka_unit_test(says_what_was_torn),
        cmocka_unit_test(refuses_a_newer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
