#include "ledger.h"

#define SEGMENT (64u * 1024u)

static void begins_empty(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    assert_int_equal(ledger.report.records, 0);
    assert_int_equal(ledger.report.torn_at, 0);
    assert_int_equal(gw_store_state(ledger.store), GW_STORE_RUNNING);
    struct gw_store_stream *stream = gw_store_stream(ledger.store, 0);
    assert_int_equal(gw_store_submit(stream), 0);
    assert_int_equal(gw_store_next(stream), 1);
    assert_int_equal(gw_store_synced(stream), 0);
    ledger_settle(&ledger);
    ledger_close(&ledger);
    ledger_open(&ledger);
    assert_int_equal(ledger.report.records, 0);
    ledger_fini(&ledger);
}

static void moves_tickets(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    struct gw_store_stream *stream = gw_store_stream(ledger.store, 1);
    assert_int_equal(ledger_append(&ledger, 1, 100), GW_OK);
    assert_true(gw_store_staged(stream) > 100);
    assert_int_equal(gw_store_next(stream), 1);
    gw_position first = ledger_submit(&ledger, 1);
    assert_true(first > 0);
    assert_int_equal(gw_store_staged(stream), 0);
    assert_int_equal(gw_store_next(stream), 2);
    assert_int_equal(gw_store_written(stream), 0);
    assert_true(gw_store_pressure(ledger.store) > 100);
    gw_position second = ledger_put(&ledger, 1, 3, 10);
    assert_true(second > first);
    assert_int_equal(gw_store_end(ledger.store) > second, 1);
    unsigned told = ledger.told;
    assert_true(gw_store_step(ledger.store));
    assert_int_equal(gw_store_written(stream), 2);
    assert_int_equal(gw_store_written_end(ledger.store), gw_store_end(ledger.store));
    assert_int_equal(gw_store_synced(stream), 2);
    assert_int_equal(gw_store_pressure(ledger.store), 0);
    assert_int_equal(ledger.told, told + 1); /* only the stream that moved */
    struct gw_store_figures figures;
    gw_store_get_figures(ledger.store, &figures);
    assert_int_equal(figures.commits, 1);
    assert_int_equal(figures.syncs, 1);
    assert_int_equal(figures.chunks, 2);
    assert_false(gw_store_step(ledger.store));
    /* In a hurry it hears of the write too, even if the sync fails then. */
    told = ledger.told;
    gw_store_hurry(stream, true);
    ledger_put(&ledger, 1, 1, 10);
    ledger_put(&ledger, 0, 1, 10);
    ledger_settle(&ledger);
    assert_int_equal(ledger.told, told + 3);
    gw_simdisk_fail(ledger.disk, GW_SIMDISK_SYNC, 1, 5, false);
    ledger_put(&ledger, 1, 1, 10);
    ledger_settle(&ledger);
    assert_int_equal(gw_store_written(stream), 4);
    assert_int_equal(gw_store_synced(stream), 3);
    ledger_fini(&ledger);
}

static void brings_everything_back(void **state)
{
    static const struct {
        unsigned rounds, count;
        uint32_t size;
    } cases[] = {
        {1, 1, 0},
        {1, 1, 1},
        {1, 100, 127},
        {300, 3, 100},
        {50, 2, 6000} /* by reference */,
        {3, 1, 150000},
        {40, 1, 61000},
        {2000, 1, 20},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct ledger ledger;
        ledger_init(&ledger, SEGMENT, i);
        ledger_open(&ledger);
        for (unsigned round = 0; round < cases[i].rounds; round++) {
            ledger_put(&ledger, round % LEDGER_STREAMS, cases[i].count, cases[i].size);
            if (round % 3 == 2)
                ledger_settle(&ledger);
        }
        ledger_settle(&ledger);
        assert_int_equal(ledger_synced(&ledger), ledger.count);
        for (int again = 0; again < 3; again++) {
            ledger_close(&ledger);
            gw_simdisk_crash(ledger.disk, GW_SIMDISK_LOSE);
            ledger_open(&ledger);
            assert_int_equal(ledger.report.records, ledger.count);
            assert_int_equal(ledger.report.damaged, 0);
            assert_int_equal(ledger.torn, 0);
            ledger_check_prefix(&ledger, 0, ledger.count);
            ledger_put(&ledger, 0, 2, 50); /* what was there stays behind what comes */
            ledger_settle(&ledger);
        }
        ledger_fini(&ledger);
    }
}

static void reads_alone(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    for (unsigned round = 0; round < 60; round++)
        ledger_put(&ledger, round % LEDGER_STREAMS, 4, round * 300);
    struct gw_blob *body = NULL;
    assert_int_equal(gw_store_read(ledger.store, ledger.entries[1].position, &body), GW_AGAIN);
    assert_int_equal(gw_store_read(ledger.store, gw_store_end(ledger.store), &body), GW_NOT_FOUND);
    assert_int_equal(gw_store_read(ledger.store, 0, &body), GW_NOT_FOUND);
    ledger_settle(&ledger);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < ledger.count; i++) {
            const struct ledger_entry *entry = &ledger.entries[i];
            enum gw_status status = gw_store_read(ledger.store, entry->position, &body);
            assert_int_equal(status, entry->offset % 2 ? GW_OK : GW_MALFORMED);
            if (status != GW_OK)
                continue;
            assert_true(ledger_is(entry, gw_span_of(body->data, body->size)));
            gw_blob_unref(&body);
        }
        ledger_close(&ledger);
        ledger_open(&ledger);
    }
    ledger_fini(&ledger);
}

static void refuses_what_is_too_large(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    struct gw_store_stream *stream = gw_store_stream(ledger.store, 0);
    static const uint8_t byte[1];
    struct gw_store_part parts[] = {{gw_span_of(byte, GW_STORE_RECORD_MAX), NULL},
                                    {gw_span_of(byte, 1), NULL}};
    assert_int_equal(gw_store_append(stream, 1, parts, 2, NULL), GW_LIMIT);
    assert_int_equal(gw_store_submit(stream), 0);
    ledger_fini(&ledger);
}

static void lets_one_process_in(void **state)
{
    (void)state;
    struct ledger ledger;
    struct gw_store *first;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    ledger_put(&ledger, 0, 3, 10);
    ledger_settle(&ledger);
    first = ledger.store;
    assert_int_equal(ledger_try_open(&ledger), GW_LIMIT);
    assert_string_equal(ledger.error.what, "is in use by another process");
    ledger.read_only = true; /* takes no lock, changes nothing */
    ledger_open(&ledger);
    assert_int_equal(ledger.report.records, 3);
    ledger_close(&ledger);
    gw_store_close(first);
    ledger_fini(&ledger);
}

static void tells_what_is_no_store(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger.read_only = true;
    assert_int_equal(ledger_try_open(&ledger), GW_OS_ERROR); /* nothing is there */
    assert_string_equal(ledger.error.what, "cannot list");
    const struct gw_disk *disk = gw_simdisk_disk(ledger.disk);
    int error;
    assert_int_equal(disk->ops->make_directory(disk->ctx, LEDGER_PATH, &error), GW_OK);
    assert_int_equal(ledger_try_open(&ledger), GW_INVALID);
    assert_string_equal(ledger.error.what, "is no store");
    assert_string_equal(ledger.error.path, LEDGER_PATH);
    ledger.read_only = false;
    ledger_open(&ledger); /* an empty directory becomes one */
    ledger_close(&ledger);
    ledger.read_only = true;
    ledger_open(&ledger);
    ledger_fini(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_no_store),
        cmocka_unit_test(begins_empty),
        cmocka_unit_test(moves_tickets),
        cmocka_unit_test(brings_everything_back),
        cmocka_unit_test(reads_alone),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(lets_one_process_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
