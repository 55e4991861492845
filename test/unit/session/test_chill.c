/* How deliveries get cold and warm again, one rule each; test_outbox_durable.c mixes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/session/box.h"

/* -- cold -- */

static void cool(struct box *box)
{
    gw_outbox_cool(&box->outbox, &box->host);
    check(box);
}

static void expect(const struct box *box, uint32_t hot, uint32_t cold, uint32_t fresh)
{
    const struct gw_outbox *outbox = &box->outbox;
    assert_int_equal(outbox->queued_count, hot + cold + fresh);
    assert_int_equal(outbox->cold.count, cold);
    assert_int_equal(outbox->fresh_count, fresh);
}

static void what_gets_cold(void **unused)
{
    (void)unused;
    static const struct {
        const char *extra; /* behind 64 of QoS 1 */
        uint32_t hot, cold, fresh;
    } rows[] = {
        {"", 64, 0, 0},         {"a1", 64, 1, 0},
        {"a1b2c1", 64, 3, 0},   {"a1B1", 64, 1, 1}, /* what is not in the log waits behind */
        {"a1b1C1d0", 64, 2, 2},                     /* QoS 0 neither */
        {"a0b1c1", 65, 2, 0},                       /* the longest run at the end */
        {"a1b0c1D1", 66, 1, 1}, {"a0", 65, 0, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        open_box(&box, 0);
        push_many(&box, 'x', GW_OUTBOX_HOT_MAX);
        push(&box, rows[i].extra);
        cool(&box);
        assert_int_equal(box.outbox.cold.count, 0); /* nothing can be read back yet */
        ledger_sync(&box.log);
        cool(&box);
        expect(&box, rows[i].hot, rows[i].cold, rows[i].fresh);
        cool(&box);
        expect(&box, rows[i].hot, rows[i].cold, rows[i].fresh);
        push(&box, "y1z2");
        bool behind = rows[i].cold > 0;
        expect(&box, rows[i].hot + (behind ? 0 : 2), rows[i].cold, behind ? rows[i].fresh + 2 : 0);
        close_box(&box);
    }
}

/* However many come while the log is written, those before them get cold. */
static void a_busy_queue_gets_cold(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 0);
    push_many(&box, 'x', GW_OUTBOX_HOT_MAX + 100);
    ledger_sync(&box.log);
    push_many(&box, 'y', 300);
    cool(&box);
    expect(&box, GW_OUTBOX_HOT_MAX, 100, 300);
    ledger_sync(&box.log);
    push_many(&box, 'z', 300);
    cool(&box);
    expect(&box, GW_OUTBOX_HOT_MAX, 400, 300);
    close_box(&box);
}

static void large_ones_get_cold_earlier_but_the_first(void **unused)
{
    (void)unused;
    static const struct {
        size_t size;
        uint32_t count, hot;
    } rows[] = {
        {GW_OUTBOX_HOT_BYTES / 4, 10, 3},
        {GW_OUTBOX_HOT_BYTES, 10, 1}, /* one stays, however large, or none would ever leave */
        {100, 10, 10},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        open_box(&box, 0);
        for (uint32_t n = 0; n < rows[i].count; n++)
            push_item(&box, (struct item){'a', .qos = 1, .size = rows[i].size}, NULL, NULL);
        ledger_sync(&box.log);
        cool(&box);
        expect(&box, rows[i].hot, rows[i].count - rows[i].hot, 0);
        assert_true(gw_outbox_bytes(&box.outbox) <= rows[i].hot * (rows[i].size + 300) + 1000);
        close_box(&box);
    }
}

static void all_can_be_cold_while_the_client_is_away(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 3);
    push(&box, "a1b2c1d1e2");
    pump(&box);
    ledger_sync(&box.log);
    pump(&box); /* a, b, c in flight */
    assert_int_equal(box.outbox.flight_count, 3);
    assert_int_equal(gw_outbox_on_pubrec(&box.outbox, &box.host, 1, false),
                     GW_OK); /* b is being released */
    size_t before = gw_outbox_bytes(&box.outbox);
    box.outbox.away = true;
    cool(&box);
    expect(&box, 0, 4, 0);
    assert_int_equal(box.outbox.flight_count, 1);
    assert_true(gw_outbox_bytes(&box.outbox) < before - 400);
    push(&box, "f1");
    expect(&box, 0, 4, 1);
    gw_outbox_on_resume(&box.outbox, 9);
    assert_false(box.outbox.away);
    assert_string_equal(pump(&box), "");
    ledger_serve(&box.log, &box.outbox, &box.host, 10);
    assert_string_equal(pump(&box), "a1! c1! d1 ");
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "e2 f1 ");
    assert_int_equal(gw_outbox_on_puback(&box.outbox, &box.host, 2), GW_OK);
    close_box(&box);
}

/* Prepared for a connection, then the client goes: nothing of the quota stays behind. */
static void what_was_ahead_gets_cold_while_away(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 3);
    push(&box, "a2b1c2");
    assert_string_equal(pump(&box), "");
    ledger_sync(&box.log);
    box.outbox.away = true;
    cool(&box);
    expect(&box, 0, 3, 0);
    assert_int_equal(box.outbox.window.count, 2);
    gw_outbox_on_resume(&box.outbox, 9);
    pump(&box);
    ledger_serve(&box.log, &box.outbox, &box.host, 10);
    assert_string_equal(pump(&box), "a2 b1 c2 ");
    close_box(&box);
}

/* An identifier that is not in the log yet is waited for, wherever the delivery has been. */
static void what_waits_for_the_log_does_not_get_cold(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 3);
    push(&box, "a2");
    box.log.ledger.written = box.log.end;
    assert_string_equal(pump(&box), "");
    box.outbox.away = true;
    cool(&box);
    expect(&box, 1, 0, 0);
    gw_outbox_on_resume(&box.outbox, 3);
    assert_string_equal(pump(&box), "");
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "a2 ");
    close_box(&box);
}

static void is_fetched_before_it_runs_dry(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 65535);
    push_many(&box, 'a', GW_OUTBOX_HOT_MAX);
    push_many(&box, 'b', 40);
    ledger_sync(&box.log);
    cool(&box);
    push(&box, "c1");
    expect(&box, GW_OUTBOX_HOT_MAX, 40, 1);
    for (uint32_t i = 0; i < GW_OUTBOX_HOT_MAX; i++) {
        bool dup;
        struct gw_delivery *next = gw_outbox_next(&box.outbox, &box.host, box.now);
        bool low = GW_OUTBOX_HOT_MAX - i < GW_OUTBOX_HOT_MAX / 2;
        assert_int_equal(box.log.fetches, low); /* once */
        assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, next, &dup), GW_OK);
        gw_outbox_sent(&box.outbox, &box.host, next);
    }
    assert_null(gw_outbox_next(&box.outbox, &box.host, box.now)); /* c does not overtake */
    ledger_serve(&box.log, &box.outbox, &box.host, 30);
    expect(&box, 30, 10, 1);
    assert_non_null(gw_outbox_next(&box.outbox, &box.host, box.now));
    assert_int_equal(box.log.fetches, 2);
    ledger_serve(&box.log, &box.outbox, &box.host, 30);
    expect(&box, 41, 0, 0);
    pump(&box);
    assert_int_equal(box.log.fetches, 2);
    close_box(&box);
}

static void asks_for_as_much_as_may_be(void **unused)
{
    (void)unused;
    gw_position positions[9];
    struct box box;
    open_box(&box, 9);
    assert_int_equal(gw_outbox_cold_next(&box.outbox, 9, SIZE_MAX, positions), 0);
    for (int i = 0; i < 5; i++)
        push_item(&box, (struct item){'a', .qos = 1, .size = 10000}, NULL, NULL);
    ledger_sync(&box.log);
    box.outbox.away = true;
    cool(&box);
    expect(&box, 0, 5, 0);
    assert_int_equal(gw_outbox_cold_next(&box.outbox, 9, SIZE_MAX, positions), 5);
    assert_int_equal(gw_outbox_cold_next(&box.outbox, 3, SIZE_MAX, positions), 3);
    assert_int_equal(gw_outbox_cold_next(&box.outbox, 9, 25000, positions), 2);
    assert_int_equal(gw_outbox_cold_next(&box.outbox, 9, 0, positions), 1);
    assert_int_equal(positions[0], 1);
    gw_outbox_warm(&box.outbox, &box.host, positions, NULL, 0); /* all evicted meanwhile */
    expect(&box, 0, 5, 0);
    close_box(&box);
}

static void what_cannot_be_read_is_lost(void **unused)
{
    (void)unused;
    struct box box;
    gw_position positions[4];
    struct gw_blob *messages[4] = {0};
    open_box(&box, 3);
    push(&box, "a2b1");
    assert_int_equal(
        push_item(&box, (struct item){'c', .qos = 2, .shared = true, .ids = 3}, NULL, NULL), GW_OK);
    push(&box, "d1");
    ledger_sync(&box.log);
    pump(&box);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "a2 b1 c2 ");
    box.outbox.away = true;
    cool(&box);
    expect(&box, 0, 4, 0);
    assert_int_equal(gw_outbox_cold_next(&box.outbox, 4, SIZE_MAX, positions), 4);
    messages[1] = ledger_copy(box.log.messages[positions[1]], positions[1]);
    /* Two of QoS 2 were sent: the client may have them, and is told to let go of them. */
    assert_int_equal(gw_outbox_warm(&box.outbox, &box.host, positions, messages, 4), 2);
    check(&box);
    expect(&box, 1, 0, 0);
    assert_int_equal(box.outbox.dropped, 3);
    assert_int_equal(box.outbox.flight_count, 2);
    assert_int_equal(box.log.unsettled, 3);
    assert_int_equal(box.log.released, 2);
    assert_int_equal(box.told, 0);
    assert_int_equal(box.outbox.window.count, 3);
    assert_int_equal(gw_outbox_on_pubrec(&box.outbox, &box.host, 1, false), GW_OK);
    assert_int_equal(gw_outbox_on_pubcomp(&box.outbox, &box.host, 1), GW_OK);
    assert_int_equal(gw_outbox_on_pubcomp(&box.outbox, &box.host, 2), GW_OK);
    assert_int_equal(box.told, 1);
    assert_int_equal(box.log.unsettled, 1);
    close_box(&box);
}

/* Whatever becomes of the message, the client may keep the identifier. */
static void an_identifier_outlives_a_message_that_is_in_no_log(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 3);
    push(&box, "A2B1C2");
    assert_string_equal(pump(&box), ""); /* not before the log knows the identifiers */
    assert_int_equal(box.log.owed, 2);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "A2 B1 C2 ");
    assert_int_equal(gw_outbox_on_pubrec(&box.outbox, &box.host, 2, false), GW_OK);
    restart(&box, 3);
    expect(&box, 0, 0, 0);
    assert_int_equal(box.outbox.flight_count, 2);
    push(&box, "d2");
    ledger_sync(&box.log);
    (void)pump(&box);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "d2 ");
    /* Whatever d was given, these are still held. */
    assert_int_equal(gw_outbox_on_pubcomp(&box.outbox, &box.host, 1), GW_OK);
    assert_int_equal(gw_outbox_on_pubcomp(&box.outbox, &box.host, 2), GW_OK);
    assert_int_equal(box.log.unsettled, 1);
    close_box(&box);
}

/* Entries that made room while their messages were being read leave the others their own. */
static void what_is_evicted_during_a_fetch_is_passed_over(void **unused)
{
    (void)unused;
    struct box box;
    struct gw_outbox_limits limits = {SIZE_MAX, 6, GW_OUTBOX_DROP_OLDEST, 0};
    gw_position positions[6];
    struct gw_blob *messages[6];
    uint32_t evicted = 0;
    open_box(&box, 2);
    push(&box, "a1b1c1d1e1f1");
    assert_string_equal(pump(&box), "a1 b1 ");
    ledger_sync(&box.log);
    box.outbox.away = true;
    cool(&box);
    gw_outbox_on_resume(&box.outbox, 9);
    assert_string_equal(pump(&box), "");
    assert_true(box.outbox.fetching);
    assert_int_equal(gw_outbox_cold_next(&box.outbox, 6, SIZE_MAX, positions), 6);
    for (size_t i = 0; i < 6; i++)
        messages[i] = ledger_copy(box.log.messages[positions[i]], positions[i]);
    push_item(&box, (struct item){'g', .qos = 1}, &limits, &evicted);
    push_item(&box, (struct item){'h', .qos = 1}, &limits, &evicted);
    assert_int_equal(evicted, 2); /* c and d: a and b were sent */
    gw_outbox_warm(&box.outbox, &box.host, positions, messages, 6);
    assert_string_equal(pump(&box), "a1! b1! e1 f1 g1 h1 ");
    close_box(&box);
}

/* A group may want it back until it is sent: gw_outbox_take_shared finds it in memory only. */
static void what_the_log_names_stays_with_its_session(void **unused)
{
    (void)unused;
    struct box box;
    struct gw_list taken;
    open_box(&box, 3);
    assert_int_equal(push_item(&box, (struct item){'a', .qos = 2, .shared = true}, NULL, NULL),
                     GW_OK);
    assert_string_equal(pump(&box), "");
    box.log.entries[0].packet_id = 0; /* the log ended between OWE and SENT */
    restart(&box, 3);
    assert_string_equal(pump(&box), "");
    ledger_serve(&box.log, &box.outbox, &box.host, 9);
    box.outbox.away = true;
    cool(&box);
    expect(&box, 1, 0, 0);
    gw_list_init(&taken);
    gw_outbox_take_shared(&box.outbox, &box.host, &taken);
    assert_true(gw_list_empty(&taken));
    assert_int_equal(box.log.unsettled, 1);
    close_box(&box);
}

static void without_memory_they_stay_cold(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    push(&box, "a1b1c1");
    ledger_sync(&box.log);
    box.outbox.away = true;
    cool(&box);
    box.host.deliveries.objects_max = 2;
    gw_outbox_on_resume(&box.outbox, 9);
    assert_null(gw_outbox_next(&box.outbox, &box.host, box.now));
    ledger_serve(&box.log, &box.outbox, &box.host, 3);
    expect(&box, 2, 1, 0);
    assert_string_equal(pump(&box), "a1 b1 ");
    assert_int_equal(box.log.fetches, 2); /* and again */
    close_box(&box);
}

static void expires_when_it_is_warm(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    push_item(&box, (struct item){'a', .qos = 1, .expiry = 5}, NULL, NULL);
    push_item(&box, (struct item){'b', .qos = 2, .expiry = 5}, NULL, NULL);
    push(&box, "c1");
    ledger_sync(&box.log);
    box.outbox.away = true;
    cool(&box);
    box.now += 10 * S;
    gw_outbox_on_resume(&box.outbox, 9);
    assert_string_equal(pump(&box), "");
    expect(&box, 0, 3, 0);
    ledger_serve(&box.log, &box.outbox, &box.host, 3);
    assert_string_equal(pump(&box), "c1 ");
    assert_int_equal(box.outbox.dropped, 2);
    assert_int_equal(box.log.unsettled, 1);
    close_box(&box);
}

/* -- limits -- */

static void cold_ones_count_and_make_room(void **unused)
{
    (void)unused;
    struct box box;
    uint32_t evicted = 0;
    struct gw_outbox_limits limits = {SIZE_MAX, 5, GW_OUTBOX_DROP_NEWEST, 0};
    open_box(&box, 2);
    push(&box, "a1b1c1d1e1");
    assert_string_equal(pump(&box), "a1 b1 ");
    ledger_sync(&box.log);
    size_t bytes = box.outbox.queued_bytes + box.outbox.flight_bytes;
    box.outbox.away = true;
    cool(&box);
    expect(&box, 0, 5, 0);
    assert_int_equal(box.outbox.queued_bytes, bytes);
    assert_int_equal(push_item(&box, (struct item){'f', .qos = 1}, &limits, &evicted), GW_LIMIT);
    limits.bytes_max = bytes;
    limits.messages_max = 99;
    assert_int_equal(push_item(&box, (struct item){'f', .qos = 1}, &limits, &evicted), GW_LIMIT);
    assert_int_equal(evicted, 0);
    limits.policy = GW_OUTBOX_DROP_OLDEST;
    push_item(&box, (struct item){'f', .qos = 1}, &limits, &evicted); /* c goes: a, b were sent */
    push_item(&box, (struct item){'g', .qos = 1}, &limits, &evicted);
    push_item(&box, (struct item){'h', .qos = 1}, &limits, &evicted);
    expect(&box, 0, 2, 3);
    push_item(&box, (struct item){'i', .qos = 1}, &limits, &evicted); /* f: nothing cold may go */
    assert_int_equal(evicted, 4);
    assert_int_equal(box.outbox.dropped, 6);
    gw_outbox_on_resume(&box.outbox, 9);
    pump(&box);
    ledger_serve(&box.log, &box.outbox, &box.host, 9);
    assert_string_equal(pump(&box), "a1! b1! g1 h1 i1 ");
    close_box(&box);
}

/* -- after a start -- */

static void comes_back_after_a_start(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 4);
    push(&box, "a2b1c2d2E1f1");
    push_item(&box, (struct item){'g', .qos = 1, .ids = 3}, NULL, NULL);
    push_item(&box, (struct item){'h', .qos = 2, .shared = true, .ids = 1}, NULL, NULL);
    pump(&box);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "a2 b1 c2 d2 ");
    assert_int_equal(gw_outbox_on_pubrec(&box.outbox, &box.host, 1, false), GW_OK); /* a: */
    restart(&box, 9);
    expect(&box, 0, 5, 0); /* E was not in the log, h is its group's */
    assert_int_equal(box.outbox.flight_count, 1);
    assert_int_equal(box.outbox.window.count, 4);
    assert_int_equal(box.outbox.window.quota, 9);
    push(&box, "i1j2");
    assert_int_equal(gw_outbox_on_pubcomp(&box.outbox, &box.host, 1), GW_OK);
    assert_int_equal(gw_outbox_on_puback(&box.outbox, &box.host, 2), GW_NOT_FOUND);
    pump(&box);
    ledger_serve(&box.log, &box.outbox, &box.host, 9);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "b1! c2! d2! f1 g1 i1 ");
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "j2 ");
    assert_int_equal(first_id(&box.outbox.in_flight), box.log.entries[1].packet_id);
    close_box(&box);
}

static void numbers_go_on_after_a_start(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t first, orders[3], next;
    } rows[] = {
        {0, {0, 1, 2}, 3},
        {0, {40, 41, 99}, 100},
        {0, {UINT32_MAX - 1, UINT32_MAX, 0}, 1},
        {500, {40, 41, 99}, 500}, /* the owner knew of one that is settled */
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_outbox outbox;
        struct box box;
        open_box(&box, 9);
        gw_outbox_init(&outbox);
        outbox.next_order = rows[i].first;
        for (size_t n = 0; n < 3; n++) {
            struct gw_outbox_restored restored = {.order = rows[i].orders[n],
                                                  .packet_id = (gw_packet_id)(n + 1),
                                                  .qos = 2,
                                                  .releasing = true};
            assert_int_equal(gw_outbox_restore(&outbox, &box.host, &restored), GW_OK);
        }
        assert_int_equal(outbox.next_order, rows[i].next);
        gw_outbox_fini(&outbox, &box.host);
        close_box(&box);
    }
}

/* A log may say what it should not; nothing breaks over it. */
static void an_identifier_that_is_there_twice_is_given_once(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    push(&box, "a1b1c2");
    ledger_sync(&box.log);
    pump(&box);
    struct ledger_entry *entries = box.log.entries;
    gw_packet_id id = entries[0].packet_id;
    entries[1].packet_id = id;
    entries[2].packet_id = id;
    entries[2].releasing = true;
    gw_outbox_fini(&box.outbox, &box.host);
    assert_int_equal(ledger_restore(&box.log, &box.outbox, &box.host, 3), GW_OK);
    assert_true(consistent(&box.outbox));
    expect(&box, 0, 2, 0);
    assert_int_equal(box.outbox.flight_count, 0);
    assert_int_equal(box.outbox.window.count, 1);
    gw_outbox_fini(&box.outbox, &box.host);
    entries[1].packet_id = 0;
    entries[2].settled = true;
    box.log.unsettled--;
    assert_int_equal(ledger_restore(&box.log, &box.outbox, &box.host, 3), GW_OK);
    close_box(&box);
}

static void a_cold_message_takes_at_most_32_bytes(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    box.outbox.away = true;
    for (uint32_t i = 1; i <= 20000; i++) {
        struct gw_message message = {.topic_name = GW_SPAN_LIT("t")};
        struct gw_delivery_options options = {.qos = 1};
        assert_true(ledger_write(&box.log, &message));
        assert_int_equal(gw_outbox_push(&box.outbox, &box.host, &message, &options, NULL, NULL),
                         GW_OK);
        gw_message_drop(&message);
        ledger_sync(&box.log);
        gw_outbox_cool(&box.outbox, &box.host);
        assert_true(i < 20 || gw_outbox_bytes(&box.outbox) <= (size_t)i * 25 + 4096);
    }
    expect(&box, 0, 20000, 0);
    assert_true(gw_outbox_bytes(&box.outbox) <= (size_t)20000 * 32);
    assert_int_equal(box.host.deliveries.live, 0);
    close_box(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_gets_cold),
        cmocka_unit_test(a_busy_queue_gets_cold),
        cmocka_unit_test(large_ones_get_cold_earlier_but_the_first),
        cmocka_unit_test(all_can_be_cold_while_the_client_is_away),
        cmocka_unit_test(what_was_ahead_gets_cold_while_away),
        cmocka_unit_test(what_waits_for_the_log_does_not_get_cold),
        cmocka_unit_test(is_fetched_before_it_runs_dry),
        cmocka_unit_test(asks_for_as_much_as_may_be),
        cmocka_unit_test(what_cannot_be_read_is_lost),
        cmocka_unit_test(an_identifier_outlives_a_message_that_is_in_no_log),
        cmocka_unit_test(what_is_evicted_during_a_fetch_is_passed_over),
        cmocka_unit_test(what_the_log_names_stays_with_its_session),
        cmocka_unit_test(without_memory_they_stay_cold),
        cmocka_unit_test(expires_when_it_is_warm),
        cmocka_unit_test(cold_ones_count_and_make_room),
        cmocka_unit_test(comes_back_after_a_start),
        cmocka_unit_test(numbers_go_on_after_a_start),
        cmocka_unit_test(an_identifier_that_is_there_twice_is_given_once),
        cmocka_unit_test(a_cold_message_takes_at_most_32_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
