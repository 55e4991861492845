/* What a durable outbox writes down and when, one rule each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/session/box.h"

/* -- what is written down, and when -- */

static void what_is_owed(void **unused)
{
    (void)unused;
    static const struct {
        bool durable, ledger, written, shared;
        uint8_t qos;
        uint32_t pushed, prepared; /* OWEs after the push, after next */
    } rows[] = {
        {true, true, true, false, 0, 0, 0},  {true, true, true, false, 1, 1, 1},
        {true, true, true, false, 2, 1, 1},  {false, true, true, false, 1, 0, 0},
        {false, true, true, false, 2, 0, 0}, {true, false, true, false, 1, 0, 0},
        {true, false, true, false, 2, 0, 0}, {true, true, false, false, 1, 0, 0},
        {true, true, false, false, 2, 0, 1}, {true, true, true, true, 1, 0, 0},
        {true, true, true, true, 2, 0, 1},   {true, true, false, true, 2, 0, 1},
        {false, true, true, true, 2, 0, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        struct item item = {'a', .qos = rows[i].qos, .unwritten = !rows[i].written,
                            .shared = rows[i].shared};
        open_box(&box, 9);
        box.outbox.durable = rows[i].durable;
        box.host.ledger = rows[i].ledger ? &box.log.ledger : NULL;
        assert_int_equal(push_item(&box, item, NULL, NULL), GW_OK);
        assert_int_equal(box.log.owed, rows[i].pushed);
        bool waits = rows[i].prepared > 0 && rows[i].qos == 2;
        struct gw_delivery *next = gw_outbox_next(&box.outbox, &box.host, box.now);
        assert_int_equal(next == NULL, waits);
        assert_int_equal(box.log.owed, rows[i].prepared);
        assert_int_equal(box.log.sent, waits);
        ledger_sync(&box.log);
        pump(&box);
        bool identified = rows[i].prepared > 0;
        assert_int_equal(box.log.owed, rows[i].prepared);
        assert_int_equal(box.log.sent, identified);
        close_box(&box);
    }
}

enum ending { ACKED, REFUSED, COMPLETED, EXPIRED, EXPIRED_AHEAD, EVICTED, SKIPPED, TAKEN, ENDED };

static void end_by(struct box *box, enum ending ending)
{
    struct gw_outbox_limits one = {SIZE_MAX, 1, GW_OUTBOX_DROP_OLDEST, 0};
    struct gw_list taken;
    struct gw_delivery *next;
    bool dup;
    if (ending == EXPIRED || ending == EXPIRED_AHEAD) {
        if (ending == EXPIRED_AHEAD)
            assert_null(gw_outbox_next(&box->outbox, &box->host, box->now));
        box->now += 60 * S;
        assert_null(gw_outbox_next(&box->outbox, &box->host, box->now));
        return;
    }
    if (ending == EVICTED) {
        push_item(box, (struct item){'z', .qos = 0}, &one, NULL);
        return;
    }
    next = gw_outbox_next(&box->outbox, &box->host, box->now);
    if (ending == TAKEN) {
        gw_list_init(&taken);
        gw_outbox_take_shared(&box->outbox, &box->host, &taken);
        gw_outbox_release(&box->host,
                          GW_CONTAINER(gw_list_pop_front(&taken), struct gw_delivery, link));
        return;
    }
    if (!next) {
        ledger_sync(&box->log);
        next = gw_outbox_next(&box->outbox, &box->host, box->now);
    }
    assert_int_equal(gw_outbox_begin(&box->outbox, &box->host, next, &dup), GW_OK);
    if (ending == SKIPPED) {
        gw_outbox_skip(&box->outbox, &box->host, next);
        return;
    }
    gw_outbox_sent(&box->outbox, &box->host, next);
    if (ending == ACKED)
        assert_int_equal(gw_outbox_on_puback(&box->outbox, &box->host, 1), GW_OK);
    if (ending == REFUSED || ending == COMPLETED)
        assert_int_equal(gw_outbox_on_pubrec(&box->outbox, &box->host, 1, ending == REFUSED),
                         GW_OK);
    if (ending != COMPLETED)
        return;
    assert_int_equal(gw_outbox_on_pubrec(&box->outbox, &box->host, 1, false), GW_OK);
    assert_int_equal(box->log.released, 1);
    check(box);
    assert_int_equal(gw_outbox_on_pubcomp(&box->outbox, &box->host, 1), GW_OK);
}

/* The ledger aborts if something is settled twice or was never owed. */
static void however_it_ends_it_is_settled(void **unused)
{
    (void)unused;
    static const struct {
        enum ending ending;
        uint8_t qos;
        bool shared;
        uint32_t left;
        unsigned told; /* the group */
    } rows[] = {
        {ACKED, 1, false, 0, 0},         {REFUSED, 2, false, 0, 0}, {COMPLETED, 2, false, 0, 0},
        {EXPIRED, 1, false, 0, 0},       {EXPIRED, 2, false, 0, 0}, {EVICTED, 1, false, 0, 0},
        {EXPIRED_AHEAD, 2, false, 0, 0}, {EVICTED, 2, false, 0, 0}, {SKIPPED, 1, false, 0, 0},
        {SKIPPED, 2, false, 0, 0},       {ENDED, 1, false, 1, 0},   {ENDED, 2, false, 1, 0},
        {ACKED, 1, true, 0, 1},          {REFUSED, 2, true, 0, 1},  {COMPLETED, 2, true, 0, 1},
        {EXPIRED, 2, true, 0, 1},        {EVICTED, 2, true, 0, 1},  {EXPIRED_AHEAD, 2, true, 0, 1},
        {SKIPPED, 2, true, 0, 1},        {TAKEN, 1, true, 0, 0},    {ENDED, 1, true, 0, 0},
        {ENDED, 2, true, 1, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct box box;
        struct item item = {'a', .qos = rows[i].qos, .shared = rows[i].shared, .expiry = 50};
        open_box(&box, 3);
        assert_int_equal(push_item(&box, item, NULL, NULL), GW_OK);
        end_by(&box, rows[i].ending);
        assert_int_equal(box.log.unsettled, rows[i].left);
        assert_int_equal(box.told, rows[i].told);
        assert_int_equal(box.told_order, rows[i].told ? 77 : 0);
        if (rows[i].ending != ENDED)
            assert_int_equal(box.outbox.window.quota, 3);
        close_box(&box);
        assert_int_equal(box.log.unsettled, rows[i].left); /* fini says nothing */
    }
}

/* -- identifiers ahead of time -- */

static void qos_2_waits_for_the_log_and_all_behind_it(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 9);
    push(&box, "a1b2c1d2e0f2G2h2");
    assert_string_equal(pump(&box), "a1 "); /* QoS 1 does not wait */
    assert_int_equal(box.log.sent, 6);      /* a; b, d, f, G, h ahead of time */
    assert_int_equal(box.outbox.window.quota, 3);
    assert_int_equal(box.outbox.reserved, 1); /* for c */
    push(&box, "i2");
    assert_string_equal(pump(&box), "");
    assert_int_equal(box.log.sent, 7);
    box.log.ledger.reached = box.log.entries[1].ticket;
    assert_string_equal(pump(&box), "b2 c1 ");
    box.log.ledger.reached = box.log.entries[3].ticket - 1;
    assert_string_equal(pump(&box), "");
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "d2 e0 f2 G2 h2 i2 ");
    close_box(&box);
}

static void no_more_are_ahead_than_the_quota_allows(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 3);
    push(&box, "a2b1c2d2e2");
    assert_string_equal(pump(&box), "");
    assert_int_equal(box.log.sent, 2); /* a, c; b has its part reserved */
    assert_int_equal(box.outbox.window.quota, 1);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "a2 b1 c2 ");
    assert_int_equal(gw_outbox_on_pubrec(&box.outbox, &box.host, 1, true), GW_OK);
    assert_string_equal(pump(&box), "");
    assert_int_equal(box.log.sent, 4);
    assert_int_equal(gw_outbox_on_pubrec(&box.outbox, &box.host, 9, false), GW_NOT_FOUND);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "d2 ");
    close_box(&box);
}

/* What was prepared for a connection that has ended is not sent before, and keeps its identifier.
 */
static void prepared_ones_live_through_a_resume(void **unused)
{
    (void)unused;
    struct box box;
    open_box(&box, 3);
    push(&box, "a2b2c2d2");
    assert_null(gw_outbox_next(&box.outbox, &box.host, box.now));
    gw_packet_id id = first_id(&box.outbox.queued);
    assert_int_equal(gw_outbox_on_pubrec(&box.outbox, &box.host, id, false), GW_NOT_FOUND);
    gw_outbox_on_resume(&box.outbox, 2);
    check(&box);
    assert_int_equal(box.outbox.window.quota, 2);
    assert_int_equal(first_id(&box.outbox.queued), id);
    assert_string_equal(pump(&box), "");
    assert_int_equal(box.log.sent, 3);
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "a2 b2 ");
    gw_outbox_on_resume(&box.outbox, 9);
    assert_string_equal(pump(&box), "a2! b2! c2 ");
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "d2 ");
    close_box(&box);
}

/* If memory was out when it should have been prepared, begin does it, and it still waits. */
static void begin_does_not_send_what_the_log_does_not_have(void **unused)
{
    (void)unused;
    struct box box;
    bool dup;
    open_box(&box, 3);
    push(&box, "a2");
    struct gw_delivery *a = GW_CONTAINER(box.outbox.queued.next, struct gw_delivery, link);
    assert_int_equal(gw_outbox_begin(&box.outbox, &box.host, a, &dup), GW_LIMIT);
    check(&box);
    assert_int_equal(box.log.sent, 1);
    assert_false(a->sent || a->counted);
    assert_string_equal(pump(&box), "");
    ledger_sync(&box.log);
    assert_string_equal(pump(&box), "a2 ");
    close_box(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_owed),
        cmocka_unit_test(however_it_ends_it_is_settled),
        cmocka_unit_test(qos_2_waits_for_the_log_and_all_behind_it),
        cmocka_unit_test(no_more_are_ahead_than_the_quota_allows),
        cmocka_unit_test(prepared_ones_live_through_a_resume),
        cmocka_unit_test(begin_does_not_send_what_the_log_does_not_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
