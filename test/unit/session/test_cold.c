#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/blob.h"
#include "base/compiler.h"
#include "base/random.h"
#include "session/cold.h"

#define MODEL_MAX 3000u

/* A queue and what it must be: a plain array. */
struct pair {
    struct gw_cold_queue queue;
    struct gw_cold model[MODEL_MAX];
    bool has_ids[MODEL_MAX];
    uint32_t count;
    uint32_t orders;
};

static void same(const struct gw_cold *a, const struct gw_cold *b)
{
    assert_int_equal(a->message, b->message);
    assert_int_equal(a->order, b->order);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->packet_id, b->packet_id);
    assert_int_equal(a->qos, b->qos);
    assert_int_equal(a->retain, b->retain);
    assert_int_equal(a->sent, b->sent);
    assert_int_equal(a->more, b->more);
}

/* The rest of an entry says the same as the entry. */
static void check_more(const struct gw_cold *entry, const struct gw_cold_more *more, bool has_ids)
{
    assert_int_equal(more != NULL, entry->more);
    if (!more)
        return;
    assert_int_equal(more->order, entry->order);
    assert_int_equal(more->share, entry->order * 7u);
    assert_int_equal(more->group_order, entry->order + 9);
    assert_int_equal(more->ids != NULL, has_ids);
}

static void check(const struct pair *pair)
{
    struct gw_cold_cursor cursor;
    struct gw_cold entry;
    const struct gw_cold_more *more;
    size_t bytes = 0;
    uint32_t at = 0;
    gw_cold_begin(&pair->queue, &cursor);
    for (; gw_cold_each(&pair->queue, &cursor, &entry, &more); at++) {
        assert_in_range(at, 0, pair->count - 1);
        same(&entry, &pair->model[at]);
        check_more(&entry, more, pair->has_ids[at]);
        bytes += entry.size;
    }
    assert_int_equal(at, pair->count);
    assert_int_equal(pair->queue.count, pair->count);
    assert_int_equal(pair->queue.message_bytes, bytes);
    assert_int_equal(gw_cold_first(&pair->queue, &entry), pair->count > 0);
    if (pair->count > 0)
        same(&entry, &pair->model[0]);
    else
        assert_int_equal(pair->queue.memory_bytes, 0);
}

static struct gw_cold_more *new_more(uint32_t order, bool has_ids)
{
    struct gw_cold_more *more = calloc(1, sizeof(*more));
    assert_non_null(more);
    more->share = order * 7u;
    more->group_order = order + 9;
    more->ids = has_ids ? gw_blob_new(8) : NULL;
    return more;
}

static void push(struct pair *pair, uint64_t dice, bool sent)
{
    bool more = dice % 5 == 0;
    uint32_t order = ++pair->orders;
    struct gw_cold entry = {
        .message = (uint64_t)order << 33,
        .order = order,
        .id = (uint32_t)(dice >> 8),
        .size = (uint32_t)(dice >> 50),
        .packet_id = (uint16_t)(dice >> 20),
        .qos = 1 + (order & 1u),
        .retain = (dice >> 3) & 1u,
        .sent = sent,
    };
    pair->has_ids[pair->count] = dice % 2;
    assert_int_equal(gw_cold_push(&pair->queue, &entry, more ? new_more(order, dice % 2) : NULL),
                     GW_OK);
    entry.more = more;
    pair->model[pair->count++] = entry;
}

/* Takes one off, from the model's place `at`. */
static void pop(struct pair *pair, bool unsent)
{
    struct gw_cold entry;
    struct gw_cold_more *more;
    uint32_t at = 0;
    while (unsent && at < pair->count && pair->model[at].sent)
        at++;
    bool taken = unsent ? gw_cold_pop_unsent(&pair->queue, &entry, &more)
                        : gw_cold_pop(&pair->queue, &entry, &more);
    assert_int_equal(taken, at < pair->count);
    if (!taken)
        return;
    same(&entry, &pair->model[at]);
    check_more(&entry, more, pair->has_ids[at]);
    if (more)
        gw_blob_unref(&more->ids);
    free(more);
    for (pair->count--; at < pair->count; at++) {
        pair->model[at] = pair->model[at + 1];
        pair->has_ids[at] = pair->has_ids[at + 1];
    }
}

static void is_a_queue(void **unused)
{
    (void)unused;
    static struct pair pair;
    struct gw_random random;
    gw_random_init(&random, 7);
    for (int round = 0; round < 40; round++) {
        uint64_t rise = 2 + gw_random_next(&random) % 6; /* of 9 steps grow it */
        gw_cold_init(&pair.queue);
        pair.count = 0;
        for (int i = 0; i < 400; i++) {
            uint64_t dice = gw_random_next(&random);
            if (dice % 9 < rise)
                push(&pair, dice >> 4, pair.count < 20 && dice >> 63);
            else
                pop(&pair, dice % 2);
            check(&pair);
        }
        gw_cold_fini(&pair.queue);
        pair.count = 0;
        check(&pair);
    }
}

static void those_that_were_sent_stay(void **unused)
{
    (void)unused;
    static struct pair pair;
    gw_cold_init(&pair.queue);
    for (int i = 0; i < 300; i++) /* more than a chunk */
        push(&pair, 5, true);
    pop(&pair, true); /* nothing to take */
    check(&pair);
    push(&pair, 5, false);
    push(&pair, 6, false);
    pop(&pair, true);
    check(&pair);
    assert_int_equal(pair.count, 301);
    pop(&pair, false);
    pop(&pair, true);
    check(&pair);
    assert_int_equal(pair.count, 299);
    gw_cold_fini(&pair.queue);
}

static void an_entry_takes_24_bytes_and_little_more(void **unused)
{
    (void)unused;
    struct gw_cold_queue queue;
    struct gw_cold entry = {.message = 1, .size = 100, .qos = 1}, popped;
    struct gw_cold_more *more;
    gw_cold_init(&queue);
    for (uint32_t i = 0; i < 1000000; i++) {
        entry.order = i;
        assert_int_equal(gw_cold_push(&queue, &entry, NULL), GW_OK);
        assert_true(queue.memory_bytes <= 4096 + (size_t)queue.count * 25);
    }
    assert_true(queue.memory_bytes >= (size_t)queue.count * 24); /* it is honest */
    for (uint32_t i = 0; i < 1000000; i++) {
        assert_true(gw_cold_pop(&queue, &popped, &more));
        assert_true(queue.memory_bytes <= 2 * 4096 + (size_t)queue.count * 25);
    }
    assert_int_equal(queue.memory_bytes, 0);
    assert_false(gw_cold_pop(&queue, &popped, &more));
    gw_cold_fini(&queue);
}

static void a_few_entries_take_few_bytes(void **unused)
{
    (void)unused;
    struct gw_cold_queue queue;
    struct gw_cold entry = {.message = 1, .size = 100, .qos = 1};
    gw_cold_init(&queue);
    assert_int_equal(gw_cold_push(&queue, &entry, NULL), GW_OK);
    assert_true(queue.memory_bytes <= 128);
    for (uint32_t i = 1; i < 20; i++)
        assert_int_equal(gw_cold_push(&queue, &entry, NULL), GW_OK);
    assert_true(queue.memory_bytes <= (size_t)20 * 48);
    gw_cold_fini(&queue);
    assert_int_equal(queue.memory_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_queue),
        cmocka_unit_test(those_that_were_sent_stay),
        cmocka_unit_test(an_entry_takes_24_bytes_and_little_more),
        cmocka_unit_test(a_few_entries_take_few_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
