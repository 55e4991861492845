#include "ledger.h"

#include <errno.h>

#define SEGMENT (16u * 1024u)

static unsigned segment_files(struct ledger *ledger)
{
    struct gw_store_figures figures;
    gw_store_get_figures(ledger->store, &figures);
    return (unsigned)figures.segments;
}

/* Fills about `count` segments. */
static void fill(struct ledger *ledger, unsigned count)
{
    uint32_t until = gw_position_segment(gw_store_end(ledger->store)) + count;
    while (gw_position_segment(gw_store_end(ledger->store)) < until) {
        ledger_put(ledger, 0, 2, 900);
        (void)gw_store_step(ledger->store);
    }
    ledger_settle(ledger);
}

static void recycles_behind_the_checkpoint(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    fill(&ledger, 10);
    assert_int_equal(segment_files(&ledger), 11);
    gw_position from = gw_store_end(ledger.store);
    gw_store_set_checkpoint(ledger.store, from);
    assert_int_equal(gw_store_checkpoint(ledger.store), from);
    ledger_settle(&ledger); /* nothing was submitted: a mark carries it */
    assert_int_equal(segment_files(&ledger), 1);
    struct gw_store_figures figures;
    gw_store_get_figures(ledger.store, &figures);
    assert_int_equal(figures.recycled, 10);
    assert_true(figures.since_checkpoint < 1000);
    /* What comes now needs no new files. */
    gw_simdisk_fail(ledger.disk, GW_SIMDISK_ALLOCATE | GW_SIMDISK_CREATE, 1, ENOSPC, true);
    fill(&ledger, 1);
    assert_int_equal(gw_simdisk_fired(ledger.disk), 0);
    gw_simdisk_heal(ledger.disk);
    ledger_close(&ledger);
    gw_simdisk_crash(ledger.disk, GW_SIMDISK_LOSE);
    ledger_open(&ledger);
    assert_true(ledger.report.records < ledger.count);
    assert_int_equal(gw_store_checkpoint(ledger.store), from);
    ledger_check_prefix(&ledger, from, ledger.count);
    ledger_fini(&ledger);
}

static void keeps_what_is_held(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    fill(&ledger, 6);
    size_t held = 0; /* a record of the third segment that can be read alone */
    while (gw_position_segment(ledger.entries[held].position) != 3 ||
           ledger.entries[held].offset % 2 == 0)
        held++;
    gw_position position = ledger.entries[held].position;
    gw_store_hold(ledger.store, position);
    gw_store_hold(ledger.store, position + 1);
    for (int life = 0; life < 2; life++) {
        gw_store_set_checkpoint(ledger.store, gw_store_end(ledger.store));
        ledger_settle(&ledger);
        assert_int_equal(segment_files(&ledger), 2);
        struct gw_blob *body = NULL;
        assert_int_equal(gw_store_read(ledger.store, position, &body), GW_OK);
        assert_true(ledger_is(&ledger.entries[held], gw_span_of(body->data, body->size)));
        gw_blob_unref(&body);
        if (life == 0) {
            ledger_close(&ledger);
            gw_simdisk_crash(ledger.disk, GW_SIMDISK_LOSE);
            ledger_open(&ledger);
            ledger_settle(&ledger);
            /* Before the first checkpoint of a run nothing goes: holds may still be coming. */
            fill(&ledger, 1);
            assert_true(segment_files(&ledger) > 3);
            gw_position other = ledger.entries[ledger.count - 1].position;
            gw_store_hold(ledger.store, other);
            gw_store_drop(ledger.store, other);
            ledger_settle(&ledger);
            gw_store_hold(ledger.store, position);
            gw_store_hold(ledger.store, position);
        }
    }
    gw_store_drop(ledger.store, position);
    ledger_settle(&ledger);
    struct gw_blob *body = NULL;
    assert_int_equal(gw_store_read(ledger.store, position, &body), GW_OK);
    gw_blob_unref(&body);
    gw_store_drop(ledger.store, position);
    ledger_settle(&ledger);
    assert_int_equal(gw_store_read(ledger.store, position, &body), GW_NOT_FOUND);
    ledger_fini(&ledger);
}

/* Who lets go of a record writes why: until that is synced a crash would bring him back. */
static void keeps_what_was_let_go_by_a_record_on_its_way(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    fill(&ledger, 3);
    size_t held = 0;
    while (gw_position_segment(ledger.entries[held].position) < 2 ||
           ledger.entries[held].offset % 2 == 0)
        held++;
    gw_position position = ledger.entries[held].position;
    gw_store_hold(ledger.store, position);
    gw_store_set_checkpoint(ledger.store, gw_store_end(ledger.store));
    ledger_settle(&ledger);
    /* Staged and not submitted, while another stream goes on. */
    assert_int_equal(ledger_append(&ledger, 0, 10), GW_OK);
    gw_store_drop(ledger.store, position);
    ledger_put(&ledger, 1, 1, 10);
    ledger_settle(&ledger);
    struct gw_blob *body = NULL;
    assert_int_equal(gw_store_read(ledger.store, position, &body), GW_OK);
    gw_blob_unref(&body);
    ledger_submit(&ledger, 0);
    ledger_settle(&ledger);
    ledger_put(&ledger, 1, 1, 10);
    ledger_settle(&ledger);
    assert_int_equal(gw_store_read(ledger.store, position, &body), GW_NOT_FOUND);
    ledger_fini(&ledger);
}

/* A segment that was about to begin when the power went. */
static void names_segments_that_stay_for_what_is_held(void **state)
{
    (void)state;
    struct ledger ledger;
    struct gw_store_held held[4];
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    fill(&ledger, 8);
    for (uint32_t number = 2; number <= 8; number += 2)
        gw_store_hold(ledger.store, gw_position_of(number, 4096));
    assert_int_equal(gw_store_held_segments(ledger.store, 0, 4, held), 0); /* no checkpoint yet */
    gw_store_set_checkpoint(ledger.store, gw_position_of(8, 5000));
    assert_int_equal(gw_store_held_segments(ledger.store, 0, 4, held), 3); /* 8 is not before it */
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(held[i].number, 2 * i + 2);
        assert_int_equal(held[i].size, SEGMENT);
    }
    assert_int_equal(gw_store_held_segments(ledger.store, 0, 2, held), 2);
    assert_int_equal(gw_store_held_segments(ledger.store, held[1].number + 1, 2, held), 1);
    assert_int_equal(held[0].number, 6);
    gw_store_drop(ledger.store, gw_position_of(4, 4096));
    assert_int_equal(gw_store_held_segments(ledger.store, 3, 4, held), 1);
    assert_int_equal(held[0].number, 6);
    ledger_fini(&ledger);
}

static void clears_away_what_never_began(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    ledger_put(&ledger, 0, 3, 100);
    ledger_settle(&ledger);
    ledger_close(&ledger);
    const struct gw_disk *disk = gw_simdisk_disk(ledger.disk);
    static const char path[] = "store/00000002.seg";
    gw_file_handle file;
    int error;
    assert_int_equal(disk->ops->open(disk->ctx, path, GW_DISK_CREATE, &file, &error), GW_OK);
    assert_int_equal(disk->ops->allocate(disk->ctx, file, SEGMENT, &error), GW_OK);
    disk->ops->close(disk->ctx, file);
    ledger_open(&ledger);
    ledger_check_prefix(&ledger, 0, 3);
    uint64_t size;
    assert_true(gw_simdisk_size(ledger.disk, path, &size)); /* the number is used up */
    assert_int_equal(gw_position_segment(ledger_put(&ledger, 0, 3, 100)), 3);
    ledger_settle(&ledger);
    assert_false(gw_simdisk_size(ledger.disk, path, &size));
    ledger_fini(&ledger);
}

static void a_checkpoint_waits_for_what_it_rests_on(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    fill(&ledger, 3);
    gw_position from = gw_store_end(ledger.store);
    gw_position old = gw_position_of(1, 4096);
    ledger_put(&ledger, 0, 1, 100); /* what makes the older records needless */
    gw_store_set_checkpoint(ledger.store, from);
    gw_simdisk_fail(ledger.disk, GW_SIMDISK_SYNC, 1, EIO, true);
    ledger_settle(&ledger);
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_FAILED);
    ledger_close(&ledger);
    gw_simdisk_kill(ledger.disk); /* whatever reached the file */
    gw_simdisk_heal(ledger.disk);
    ledger_open(&ledger);
    assert_int_equal(gw_store_checkpoint(ledger.store), old);
    ledger_fini(&ledger);
}

static void is_full_and_comes_back(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    fill(&ledger, 1);
    gw_simdisk_set_budget(ledger.disk, 3 * SEGMENT + 100);
    unsigned before = ledger.told;
    fill(&ledger, 1); /* the last spare is begun */
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_FULL);
    assert_int_equal(ledger.full, 1);
    assert_true(ledger.told > before);
    /* The rest of the segment still takes what must be. */
    ledger_put(&ledger, 1, 1, 100);
    ledger_settle(&ledger);
    assert_int_equal(ledger_synced(&ledger), ledger.count);
    /* What finds no room waits, in order, and nothing is said to be durable. */
    size_t durable = ledger.count;
    for (int i = 0; i < 10; i++) {
        size_t at = ledger.count;
        ledger_put(&ledger, (unsigned)i % 3, 1, 5000);
        ledger_settle(&ledger);
        if (durable == at && ledger_synced(&ledger) > at)
            durable = ledger.count;
    }
    assert_true(durable < ledger.count);
    assert_int_equal(ledger_synced(&ledger), durable);
    ledger.now += 2 * GW_NS_PER_S;
    ledger_settle(&ledger);
    assert_int_equal(ledger_synced(&ledger), durable);
    assert_int_equal(ledger.full, 1); /* said once */
    assert_true(gw_store_pressure(ledger.store) > 10000);
    /* Room comes back; within a second it goes on by itself. */
    gw_simdisk_set_budget(ledger.disk, UINT64_MAX);
    ledger.now += GW_NS_PER_S;
    ledger_settle(&ledger);
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_RUNNING);
    assert_int_equal(ledger.room, 1);
    assert_int_equal(ledger_synced(&ledger), ledger.count);
    assert_int_equal(gw_store_pressure(ledger.store), 0);
    ledger_close(&ledger);
    gw_simdisk_crash(ledger.disk, GW_SIMDISK_LOSE);
    ledger_open(&ledger);
    ledger_check_prefix(&ledger, 0, ledger.count);
    ledger_fini(&ledger);
}

static void is_full_a_hundred_times(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    for (unsigned i = 0; i < 100; i++) {
        gw_simdisk_set_budget(ledger.disk, 2 * SEGMENT);
        for (unsigned j = 0; j < 4; j++)
            ledger_put(&ledger, j % 3, 1, 5000);
        ledger.now += GW_NS_PER_S;
        ledger_settle(&ledger);
        assert_int_equal(gw_store_state(ledger.store), GW_STORE_FULL);
        gw_simdisk_set_budget(ledger.disk, UINT64_MAX);
        ledger.now += GW_NS_PER_S;
        ledger_settle(&ledger);
        assert_int_equal(gw_store_state(ledger.store), GW_STORE_RUNNING);
        assert_int_equal(ledger_synced(&ledger), ledger.count);
        gw_store_set_checkpoint(ledger.store, gw_store_end(ledger.store));
        ledger_settle(&ledger);
    }
    assert_int_equal(ledger.full, 100);
    assert_int_equal(ledger.room, 100);
    ledger_fini(&ledger);
}

static void a_checkpoint_makes_room(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    gw_simdisk_set_budget(ledger.disk, 4 * SEGMENT);
    ledger_open(&ledger);
    for (int i = 0; i < 13; i++)
        ledger_put(&ledger, 0, 1, 4000);
    ledger_settle(&ledger);
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_FULL);
    assert_true(ledger_synced(&ledger) < ledger.count);
    gw_store_set_checkpoint(ledger.store, ledger.entries[ledger_synced(&ledger)].chunk);
    ledger.now += GW_NS_PER_S;
    ledger_settle(&ledger);
    /* It rests on what found no room: still as it was. */
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_FULL);
    ledger_fini(&ledger);

    ledger_init(&ledger, SEGMENT, 1);
    gw_simdisk_set_budget(ledger.disk, 4 * SEGMENT);
    ledger_open(&ledger);
    for (int i = 0; i < 10; i++)
        ledger_put(&ledger, 0, 1, 4000);
    ledger_settle(&ledger);
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_FULL);
    assert_int_equal(ledger_synced(&ledger), ledger.count);
    gw_store_set_checkpoint(ledger.store, gw_store_end(ledger.store));
    ledger_settle(&ledger);
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_RUNNING);
    ledger_fini(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recycles_behind_the_checkpoint),
        cmocka_unit_test(keeps_what_is_held),
        cmocka_unit_test(keeps_what_was_let_go_by_a_record_on_its_way),
        cmocka_unit_test(names_segments_that_stay_for_what_is_held),
        cmocka_unit_test(clears_away_what_never_began),
        cmocka_unit_test(a_checkpoint_waits_for_what_it_rests_on),
        cmocka_unit_test(is_full_and_comes_back),
        cmocka_unit_test(is_full_a_hundred_times),
        cmocka_unit_test(a_checkpoint_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
