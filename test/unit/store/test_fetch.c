#include "ledger.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "os/thread.h"

#define SEGMENT (64u * 1024u)
#define COUNT   50u

struct order {
    struct gw_store_fetch fetch;
    gw_position positions[COUNT];
    struct gw_blob *bodies[COUNT];
    enum gw_status statuses[COUNT];
    size_t entries[COUNT];
};

/* Asks for records that can be read alone, from some entry on, every `step`th. */
static void ask(struct ledger *ledger, struct order *order, unsigned stream, size_t from,
                size_t step)
{
    *order = (struct order){0};
    size_t at = from;
    for (size_t i = 0; i < COUNT; i++, at += step) {
        while (ledger->entries[at % ledger->count].offset % 2 == 0)
            at++;
        order->entries[i] = at % ledger->count;
        order->positions[i] = ledger->entries[at % ledger->count].position;
    }
    order->fetch = (struct gw_store_fetch){
        .positions = order->positions,
        .bodies = order->bodies,
        .statuses = order->statuses,
        .count = COUNT,
    };
    gw_store_fetch(gw_store_stream(ledger->store, stream), &order->fetch);
}

static void check(struct ledger *ledger, struct order *order, unsigned stream)
{
    struct gw_store_fetch *done = gw_store_fetched(gw_store_stream(ledger->store, stream));
    assert_ptr_equal(done, &order->fetch);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(order->statuses[i], GW_OK);
        assert_true(ledger_is(&ledger->entries[order->entries[i]],
                              gw_span_of(order->bodies[i]->data, order->bodies[i]->size)));
        gw_blob_unref(&order->bodies[i]);
    }
}

static void brings_what_was_asked_for(void **state)
{
    static struct order orders[4];
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    for (unsigned i = 0; i < 100; i++)
        ledger_put(&ledger, i % LEDGER_STREAMS, 6, i % 10 == 0 ? 9000 : 120);
    ask(&ledger, &orders[0], 0, 0, 1);
    ask(&ledger, &orders[1], 1, 100, 7);
    ask(&ledger, &orders[2], 0, 300, 31);
    ask(&ledger, &orders[3], 0, 17, 113);
    assert_null(gw_store_fetched(gw_store_stream(ledger.store, 0)));
    unsigned told = ledger.told;
    ledger_settle(&ledger); /* writes, then reads: they wait for what was not written */
    assert_true(ledger.told >= told + 4);
    check(&ledger, &orders[0], 0);
    check(&ledger, &orders[2], 0);
    check(&ledger, &orders[3], 0);
    check(&ledger, &orders[1], 1);
    assert_null(gw_store_fetched(gw_store_stream(ledger.store, 0)));
    assert_null(gw_store_fetched(gw_store_stream(ledger.store, 1)));
    ledger_fini(&ledger);
}

static void tells_damage_apart(void **state)
{
    static struct order order;
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    ledger_put(&ledger, 0, 200, 100);
    ledger_settle(&ledger);
    gw_position bad = ledger.entries[21].position;
    assert_true(
        gw_simdisk_flip(ledger.disk, "store/00000001.seg", gw_position_offset(bad) + 50, 3));
    ask(&ledger, &order, 2, 1, 1);
    ledger_settle(&ledger);
    assert_ptr_equal(gw_store_fetched(gw_store_stream(ledger.store, 2)), &order.fetch);
    for (size_t i = 0; i < COUNT; i++) {
        bool is_bad = order.positions[i] == bad;
        assert_int_equal(order.statuses[i], is_bad ? GW_MALFORMED : GW_OK);
        assert_true((order.bodies[i] == NULL) == is_bad);
        gw_blob_unref(&order.bodies[i]);
    }
    assert_int_equal(ledger.damaged, 1);
    ledger_fini(&ledger);
}

/* Too many open files is no reason to give a record up; a file that is not there is. */
static void tells_a_want_that_passes(void **state)
{
    static const struct {
        int os_errno;
        enum gw_status status;
    } rows[] = {{EMFILE, GW_NO_MEMORY}, {ENFILE, GW_NO_MEMORY}, {EACCES, GW_OS_ERROR}};
    static struct order order;
    (void)state;
    for (size_t row = 0; row < GW_COUNT_OF(rows); row++) {
        struct ledger ledger;
        ledger_init(&ledger, SEGMENT, 1);
        ledger_open(&ledger);
        ledger_put(&ledger, 0, 100, 100);
        ledger_settle(&ledger);
        gw_simdisk_fail(ledger.disk, GW_SIMDISK_OPEN, 1, rows[row].os_errno, true);
        ask(&ledger, &order, 0, 0, 1);
        ledger_settle(&ledger);
        assert_ptr_equal(gw_store_fetched(gw_store_stream(ledger.store, 0)), &order.fetch);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(order.statuses[i], rows[row].status);
            assert_null(order.bodies[i]);
        }
        gw_simdisk_heal(ledger.disk);
        ask(&ledger, &order, 0, 0, 1);
        ledger_settle(&ledger);
        check(&ledger, &order, 0);
        ledger_fini(&ledger);
    }
}

static void answers_after_a_failure(void **state)
{
    static struct order order;
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    gw_simdisk_fail(ledger.disk, GW_SIMDISK_WRITE, 1, EIO, true);
    ledger_put(&ledger, 0, 200, 100);
    ask(&ledger, &order, 0, 1, 1);
    ledger_settle(&ledger);
    assert_ptr_equal(gw_store_fetched(gw_store_stream(ledger.store, 0)), &order.fetch);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(order.statuses[i], GW_OS_ERROR);
    ledger_fini(&ledger);
}

/* -- with threads -- */

struct loop {
    struct ledger *ledger;
    unsigned index;
    atomic_uint rung;
    pthread_t thread;
    gw_position positions[1000];
};

static void ring(void *user)
{
    struct loop *loop = user;
    atomic_fetch_add(&loop->rung, 1);
}

/* 1000 records, then waits for them, and reads them back. */
static void *run_loop(void *user)
{
    struct loop *loop = user;
    struct gw_store *store = loop->ledger->store;
    struct gw_store_stream *stream = gw_store_stream(store, loop->index);
    uint8_t body[200];
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t offset;
        ledger_fill(body, sizeof body, i * 10 + loop->index);
        struct gw_store_part part = {gw_span_of(body, sizeof body), NULL};
        assert_int_equal(gw_store_append(stream, 5 | GW_STORE_ALONE, &part, 1, &offset), GW_OK);
        gw_position chunk = gw_store_submit(stream);
        loop->positions[i] = chunk + offset;
        gw_store_hold(store, loop->positions[i]);
        if (i % 100 == 50)
            gw_thread_sleep(200000);
    }
    while (gw_store_synced(stream) < 1000)
        gw_thread_sleep(100000);
    struct gw_blob *bodies[1000];
    enum gw_status statuses[1000];
    struct gw_store_fetch fetch = {
        .positions = loop->positions, .bodies = bodies, .statuses = statuses, .count = 1000};
    gw_store_fetch(stream, &fetch);
    while (gw_store_fetched(stream) == NULL)
        gw_thread_sleep(100000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(statuses[i], GW_OK);
        ledger_fill(body, sizeof body, i * 10 + loop->index);
        assert_memory_equal(bodies[i]->data, body, sizeof body);
        gw_blob_unref(&bodies[i]);
        gw_store_drop(store, loop->positions[i]);
    }
    return NULL;
}

static void count_records(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    unsigned *next = user;
    uint8_t expected[200];
    (void)position;
    assert_int_equal(kind, 5);
    /* The streams are told by their content; each is in its order. */
    for (unsigned i = 0; i < LEDGER_STREAMS; i++) {
        ledger_fill(expected, sizeof expected, next[i] * 10 + i);
        if (next[i] < 1000 && memcmp(expected, body.data, sizeof expected) == 0) {
            next[i]++;
            return;
        }
    }
    fail();
}

static void works_with_threads(void **state)
{
    static struct loop loops[LEDGER_STREAMS];
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    assert_int_equal(gw_store_start(ledger.store), GW_OK);
    for (unsigned i = 0; i < LEDGER_STREAMS; i++) {
        loops[i].ledger = &ledger;
        loops[i].index = i;
        gw_store_watch(gw_store_stream(ledger.store, i), ring, &loops[i]);
        assert_int_equal(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]), 0);
    }
    for (unsigned i = 0; i < LEDGER_STREAMS; i++) {
        assert_int_equal(pthread_join(loops[i].thread, NULL), 0);
        assert_true(atomic_load(&loops[i].rung) > 0);
    }
    gw_store_stop(ledger.store);
    struct gw_store_figures figures;
    gw_store_get_figures(ledger.store, &figures);
    assert_int_equal(figures.chunks, 3001); /* and the mark of the stop */
    ledger_close(&ledger);
    gw_simdisk_crash(ledger.disk, GW_SIMDISK_LOSE);
    struct gw_store_options options = {
        .disk = gw_simdisk_disk(ledger.disk),
        .clock = gw_clock_system(),
        .path = LEDGER_PATH,
        .segment_size = SEGMENT,
        .stream_count = 1,
    };
    unsigned next[LEDGER_STREAMS] = {0};
    assert_int_equal(gw_store_open(&options, &ledger.store, &ledger.error), GW_OK);
    assert_int_equal(
        gw_store_recover(ledger.store, count_records, next, &ledger.report, &ledger.error), GW_OK);
    for (unsigned i = 0; i < LEDGER_STREAMS; i++)
        assert_int_equal(next[i], 1000);
    ledger_fini(&ledger);
}

/* What a stop leaves is complete, and the next start goes on. */
static void stops_and_starts(void **state)
{
    (void)state;
    struct ledger ledger;
    ledger_init(&ledger, SEGMENT, 1);
    ledger_open(&ledger);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gw_store_start(ledger.store), GW_OK);
        ledger_put(&ledger, 0, 3, 100);
        gw_store_set_checkpoint(ledger.store, ledger.entries[0].chunk);
        gw_store_stop(ledger.store);
        assert_int_equal(ledger_synced(&ledger), ledger.count);
        ledger_close(&ledger);
        ledger_open(&ledger);
        ledger_check_prefix(&ledger, 0, ledger.count);
    }
    ledger_fini(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brings_what_was_asked_for), cmocka_unit_test(tells_damage_apart),
        cmocka_unit_test(tells_a_want_that_passes),  cmocka_unit_test(answers_after_a_failure),
        cmocka_unit_test(works_with_threads),        cmocka_unit_test(stops_and_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
