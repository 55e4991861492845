/* A durable outbox against a plain list, under random operations: order, identifiers, quota,
 * limits, what is written to the log and when, what comes back after a start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "unit/session/consistent.h"
#include "unit/session/ledger.h"

#define S           GW_NS_PER_S
#define NUMBERS     65536u
#define ENTRIES_MAX 1500u
#define ROUNDS      60
#define STEPS       500

enum place { WAITING, FLYING, RELEASING };

/* One delivery as the model sees it. */
struct entry {
    uint32_t number; /* of the message: its payload; its group_order too */
    uint32_t size;   /* what the limits count */
    gw_mono_ns deadline;
    gw_packet_id id;
    enum place place;
    uint8_t qos;
    uint8_t share;
    bool written; /* the message is in the log */
    bool logged;
    bool sent;
};

struct model {
    struct entry entries[ENTRIES_MAX]; /* oldest first; the real order of each place */
    uint32_t count;
    struct ledger log;
    struct gw_outbox_host host;
    struct gw_outbox outbox;
    struct gw_random random;
    gw_mono_ns now;
    uint64_t dropped;
    uint32_t numbers;
    uint8_t told[NUMBERS],
        settled[NUMBERS];                  /* of deliveries of groups: by the callback, expected */
    uint32_t of_position[LEDGER_MESSAGES]; /* number */
    uint16_t quota;
    bool lossy; /* some messages cannot be read back */
};

static uint32_t below(struct model *model, uint32_t bound)
{
    return (uint32_t)gw_random_below(&model->random, bound);
}

static bool chance(struct model *model, uint32_t percent)
{
    return below(model, 100) < percent;
}

static void on_settled(void *user, struct gw_outbox *outbox, uint64_t share, uint32_t group_order)
{
    struct model *model = user;
    assert_ptr_equal(outbox, &model->outbox);
    assert_true(share > 0 && group_order <= model->numbers);
    model->told[group_order]++;
}

/* -- the model -- */

static void take_out(struct model *model, uint32_t at)
{
    memmove(&model->entries[at], &model->entries[at + 1],
            (model->count - at - 1) * sizeof(model->entries[0]));
    model->count--;
}

/* An entry's story ends here. */
static void end_entry(struct model *model, uint32_t at)
{
    const struct entry *entry = &model->entries[at];
    if (entry->share != 0 && entry->qos > 0)
        model->settled[entry->number]++;
    take_out(model, at);
}

static uint32_t waiting_count(const struct model *model, size_t *ret_bytes)
{
    uint32_t count = 0;
    *ret_bytes = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->entries[i].place != WAITING)
            continue;
        count++;
        *ret_bytes += model->entries[i].size;
    }
    return count;
}

/* The first one of a place, or model->count. */
static uint32_t first_of(const struct model *model, enum place place, bool unsent)
{
    uint32_t at = 0;
    while (at < model->count &&
           (model->entries[at].place != place || (unsent && model->entries[at].sent)))
        at++;
    return at;
}

static uint32_t by_id(const struct model *model, gw_packet_id id)
{
    uint32_t at = 0;
    while (at < model->count && (model->entries[at].id != id || !model->entries[at].sent))
        at++;
    return at;
}

static uint32_t number_of(const struct gw_blob *blob)
{
    struct gw_message message;
    uint32_t number;
    gw_message_open((struct gw_blob *)(uintptr_t)blob, &message);
    memcpy(&number, message.payload.data, sizeof(number));
    return number;
}

/* -- comparing -- */

/* Goes through what the outbox holds of a place, in its order. */
struct walk {
    struct model *model;
    enum place place;
    uint32_t at;
    bool lost; /* what has expired unsent may be gone */
};

static void meet(struct walk *walk, uint32_t number, gw_packet_id id, bool sent, bool logged)
{
    struct model *model = walk->model;
    while (walk->at < model->count) {
        struct entry *entry = &model->entries[walk->at];
        if (entry->place == walk->place && entry->number == number)
            break;
        if (entry->place != walk->place) {
            walk->at++;
        } else { /* it has gone; it may only have expired */
            assert_true(walk->lost && !entry->sent && entry->deadline <= model->now);
            end_entry(model, walk->at);
            model->dropped++;
        }
    }
    assert_true(walk->at < model->count);
    struct entry *entry = &model->entries[walk->at++];
    assert_int_equal(entry->sent, sent);
    if (sent)
        assert_int_equal(entry->id, id);
    entry->id = id;
    bool known = (entry->written && entry->qos > 0) || (entry->qos == 2 && id != 0);
    assert_true(entry->share == 0 ? logged == known : known || !logged);
    entry->logged = logged;
}

static void meet_list(struct walk *walk, const struct gw_list *head)
{
    for (const struct gw_list *link = head->next; link != head; link = link->next) {
        const struct gw_delivery *d = GW_CONTAINER_CONST(link, struct gw_delivery, link);
        uint32_t at = d->message ? 0 : by_id(walk->model, d->packet_id);
        uint32_t number = d->message ? number_of(d->message) : walk->model->entries[at].number;
        meet(walk, number, d->packet_id, d->sent, d->logged);
    }
}

static void meet_end(struct walk *walk)
{
    struct model *model = walk->model;
    while (walk->at < model->count) {
        struct entry *entry = &model->entries[walk->at];
        if (entry->place != walk->place) {
            walk->at++;
            continue;
        }
        assert_true(walk->lost && !entry->sent && entry->deadline <= model->now);
        end_entry(model, walk->at);
        model->dropped++;
    }
}

/* Holds the outbox against the model; may_expire: it had the chance to drop what has expired. */
static void check(struct model *model, bool may_expire)
{
    struct gw_outbox *outbox = &model->outbox;
    struct gw_cold_cursor cursor;
    struct gw_cold entry;
    const struct gw_cold_more *more;
    assert_true(consistent(outbox));
    ledger_check(&model->log, outbox, &model->host);
    struct walk walk = {model, WAITING, 0, may_expire};
    meet_list(&walk, &outbox->queued);
    gw_cold_begin(&outbox->cold, &cursor);
    while (gw_cold_each(&outbox->cold, &cursor, &entry, &more))
        meet(&walk, model->of_position[entry.message], entry.packet_id, entry.sent, true);
    meet_list(&walk, &outbox->fresh);
    meet_end(&walk);
    walk = (struct walk){model, FLYING, 0, false};
    meet_list(&walk, &outbox->in_flight);
    meet_end(&walk);
    walk = (struct walk){model, RELEASING, 0, false};
    meet_list(&walk, &outbox->releasing);
    meet_end(&walk);
    assert_int_equal(outbox->dropped, model->dropped);
    assert_int_equal(outbox->queued_count + outbox->flight_count, model->count);
}

/* -- operations -- */

static void push(struct model *model)
{
    static const uint32_t ids[] = {7, 8, 9};
    static uint8_t payload[5000];
    if (model->count >= ENTRIES_MAX - 1 || model->numbers >= NUMBERS - 1)
        return;
    struct entry entry = {
        .number = ++model->numbers,
        .qos = (uint8_t)(below(model, 7) % 3),
        .share = (uint8_t)(chance(model, 15) ? 1 + below(model, 3) : 0),
        .written = chance(model, 90),
        .deadline = GW_NEVER,
    };
    struct gw_message message = {
        .topic_name = GW_SPAN_LIT("t"),
        .payload = gw_span_of(payload, chance(model, 5) ? sizeof(payload) : sizeof(entry.number)),
        .received_at = model->now,
        .qos = 2,
    };
    memcpy(payload, &entry.number, sizeof(entry.number));
    if (chance(model, 10)) {
        message.has_expiry = true;
        message.expiry = 1 + below(model, 20);
        entry.deadline = model->now + message.expiry * S;
    }
    struct gw_delivery_options options = {
        .share = entry.share,
        .ids = ids,
        .id_count = chance(model, 10) ? 3 : below(model, 2),
        .group_order = entry.number,
        .qos = entry.qos,
        .retain = chance(model, 20),
    };
    entry.size = (uint32_t)(sizeof(struct gw_delivery) + gw_message_footprint(&message) +
                            (options.id_count > 1 ? sizeof(struct gw_blob) + sizeof(ids) : 0));
    struct gw_outbox_limits limits = {
        .bytes_max = chance(model, 30) ? 100000 : SIZE_MAX,
        .messages_max = 50 + below(model, 600),
        .policy = chance(model, 50) ? GW_OUTBOX_DROP_OLDEST : GW_OUTBOX_DROP_NEWEST,
    };
    bool limited = chance(model, 40), refused = false;
    uint32_t evicted = 0, expected = 0;
    if (entry.written) {
        assert_true(ledger_write(&model->log, &message));
        model->of_position[model->log.end] = entry.number;
    }
    enum gw_status status = gw_outbox_push(&model->outbox, &model->host, &message, &options,
                                           limited ? &limits : NULL, &evicted);
    gw_message_drop(&message);
    size_t bytes;
    for (uint32_t count; limited && (count = waiting_count(model, &bytes)) > 0;) {
        if (count < limits.messages_max && bytes + entry.size <= limits.bytes_max)
            break;
        model->dropped++;
        uint32_t oldest = first_of(model, WAITING, true);
        refused = limits.policy == GW_OUTBOX_DROP_NEWEST || oldest == model->count;
        if (refused)
            break;
        expected++;
        end_entry(model, oldest);
    }
    assert_int_equal(status, refused ? GW_LIMIT : GW_OK);
    assert_int_equal(evicted, expected);
    if (!refused)
        model->entries[model->count++] = entry;
}

static bool has_quota(const struct model *model)
{
    return model->outbox.window.quota > 0;
}

/* Why nothing comes: there is nothing, it is cold, it has no quota, or the log does not have it. */
static void check_nothing(const struct model *model)
{
    const struct gw_outbox *outbox = &model->outbox;
    if (gw_list_empty(&outbox->queued)) {
        assert_true(outbox->cold.count == 0 || outbox->fetching);
        return;
    }
    const struct gw_delivery *first =
        GW_CONTAINER_CONST(outbox->queued.next, struct gw_delivery, link);
    assert_true(first->qos > 0);
    bool waits = first->logged && first->qos == 2 && first->packet_id != 0 &&
                 model->log.entries[first->order].ticket > model->log.ledger.reached;
    assert_true(waits || (!first->counted && !has_quota(model)));
}

/* Sends one; false if nothing can be sent. */
static bool send_one(struct model *model)
{
    struct gw_outbox *outbox = &model->outbox;
    struct gw_delivery *next = gw_outbox_next(outbox, &model->host, model->now);
    check(model, true);
    if (!next) {
        check_nothing(model);
        return false;
    }
    uint32_t at = first_of(model, WAITING, false);
    struct entry *entry = &model->entries[at];
    bool dup;
    assert_int_equal(number_of(next->message), entry->number);
    assert_true(entry->sent || entry->deadline > model->now);
    assert_int_equal(gw_outbox_begin(outbox, &model->host, next, &dup), GW_OK);
    assert_int_equal(dup, entry->sent);
    if (next->logged) {
        const struct ledger_entry *logged = &model->log.entries[next->order];
        assert_int_equal(logged->packet_id, next->packet_id);
        assert_true(next->qos == 1 || logged->ticket <= model->log.ledger.reached);
    } else {
        assert_int_not_equal(next->qos, 2);
    }
    if (chance(model, 3)) {
        gw_outbox_skip(outbox, &model->host, next);
        model->dropped++;
        end_entry(model, at);
        return true;
    }
    if (next->qos == 0) {
        take_out(model, at);
    } else {
        entry->sent = true;
        entry->id = next->packet_id;
        struct entry sent = *entry;
        sent.place = FLYING;
        take_out(model, at);
        at = 0; /* behind all others in flight, before what waits */
        for (uint32_t i = 0; i < model->count; i++)
            at = model->entries[i].place == FLYING ? i + 1 : at;
        memmove(&model->entries[at + 1], &model->entries[at],
                (model->count - at) * sizeof(model->entries[0]));
        model->entries[at] = sent;
        model->count++;
    }
    gw_outbox_sent(outbox, &model->host, next);
    return true;
}

static void answer(struct model *model)
{
    struct gw_outbox *outbox = &model->outbox;
    gw_packet_id id = (gw_packet_id)below(model, 100);
    uint32_t at = below(model, model->count + 1);
    if (at < model->count && model->entries[at].id != 0)
        id = model->entries[at].id;
    at = by_id(model, id);
    bool known = at < model->count && model->entries[at].place != WAITING;
    if (!known) {
        assert_int_equal(gw_outbox_on_puback(outbox, &model->host, id), GW_NOT_FOUND);
        assert_int_equal(gw_outbox_on_pubrec(outbox, &model->host, id, false), GW_NOT_FOUND);
        assert_int_equal(gw_outbox_on_pubcomp(outbox, &model->host, id), GW_NOT_FOUND);
        return;
    }
    struct entry entry = model->entries[at];
    enum gw_status status;
    bool refused = chance(model, 10);
    if (entry.qos == 1)
        status = gw_outbox_on_puback(outbox, &model->host, id);
    else if (entry.place == FLYING)
        status = gw_outbox_on_pubrec(outbox, &model->host, id, refused);
    else
        status = gw_outbox_on_pubcomp(outbox, &model->host, id);
    assert_int_equal(status, GW_OK);
    if (entry.qos == 2 && entry.place == FLYING && !refused) {
        take_out(model, at);
        entry.place = RELEASING;
        model->entries[model->count++] = entry;
    } else {
        end_entry(model, at);
    }
}

/* What is in flight waits again, before the rest. */
static void ground(struct model *model)
{
    for (uint32_t to = 0, i = 0; i < model->count; i++) {
        struct entry entry = model->entries[i];
        if (entry.place != FLYING)
            continue;
        entry.place = WAITING;
        memmove(&model->entries[to + 1], &model->entries[to], (i - to) * sizeof(entry));
        model->entries[to++] = entry;
    }
}

static void resume(struct model *model)
{
    model->quota = (uint16_t)(1 + below(model, chance(model, 50) ? 5 : 90));
    gw_outbox_on_resume(&model->outbox, model->quota);
    ground(model);
    assert_int_equal(model->outbox.window.quota, model->quota);
}

static void cool(struct model *model, bool away)
{
    struct gw_outbox *outbox = &model->outbox;
    uint32_t before = outbox->cold.count;
    outbox->away = away;
    gw_outbox_cool(outbox, &model->host);
    if (away) {
        ground(model);
        assert_true(gw_list_empty(&outbox->in_flight));
    }
    assert_true(outbox->cold.count >= before);
    check(model, false);
    if (away)
        resume(model);
}

static gw_position move_some(void *user, const struct gw_outbox_restored *told,
                             struct gw_blob **message)
{
    struct model *model = user;
    struct ledger *log = &model->log;
    gw_position from = message ? gw_blob_position(*message) : told->message;
    if (from == 0 || chance(model, 70) || log->end + 1000 >= LEDGER_MESSAGES)
        return from;
    log->end++;
    log->messages[log->end] = ledger_copy(log->messages[from], log->end);
    model->of_position[log->end] = model->of_position[from];
    if (told)
        log->entries[told->order].message = log->end;
    if (message) {
        gw_blob_unref(message);
        *message = ledger_copy(log->messages[from], log->end);
    }
    ledger_sync(log);
    return log->end;
}

/* Messages are written once more elsewhere, in parts. */
static void move(struct model *model)
{
    for (uint64_t from = 0; from != GW_OUTBOX_ALL_TOLD;)
        from = gw_outbox_tell(&model->outbox, &model->host, from, 1 + below(model, 50), move_some,
                              model);
}

static void warm(struct model *model)
{
    gw_position positions[100];
    struct gw_blob *messages[100];
    struct gw_outbox *outbox = &model->outbox;
    size_t bytes_max = chance(model, 30) ? 1000 : SIZE_MAX;
    size_t count = gw_outbox_cold_next(outbox, 1 + below(model, 100), bytes_max, positions);
    if (!outbox->fetching)
        return;
    assert_true(count > 0 || outbox->cold.count == 0); /* evicted since */
    for (size_t i = 0; i < count; i++) {
        assert_true(model->log.holds[positions[i]] > 0);
        messages[i] = NULL;
        if (!model->lossy || chance(model, 95))
            messages[i] = ledger_copy(model->log.messages[positions[i]], positions[i]);
    }
    while (chance(model, 30)) /* meanwhile */
        push(model);
    if (!model->lossy && chance(model, 10))
        move(model);
    uint32_t dropped = 0, releasing = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = 0, number = model->of_position[positions[i]];
        while (at < model->count && model->entries[at].number != number)
            at++;
        if (messages[i] || at == model->count) /* readable, or evicted just now */
            continue;
        dropped++;
        struct entry lost = model->entries[at];
        if (lost.qos != 2 || !lost.sent) {
            end_entry(model, at);
            continue;
        }
        take_out(model, at); /* the client may have it */
        lost.place = RELEASING;
        model->entries[model->count++] = lost;
        releasing++;
    }
    model->dropped += dropped;
    assert_int_equal(gw_outbox_warm(outbox, &model->host, positions, messages, count), releasing);
    assert_false(outbox->fetching);
}

static void take_shared(struct model *model)
{
    struct gw_list taken;
    gw_list_init(&taken);
    gw_outbox_take_shared(&model->outbox, &model->host, &taken);
    for (struct gw_list *link; (link = gw_list_pop_front(&taken)) != NULL;) {
        struct gw_delivery *delivery = GW_CONTAINER(link, struct gw_delivery, link);
        uint32_t number = number_of(delivery->message), at = 0;
        while (at < model->count && model->entries[at].number != number)
            at++;
        assert_true(at < model->count && model->entries[at].share == delivery->share);
        assert_int_equal(delivery->group_order, number);
        assert_true(!model->entries[at].sent || model->entries[at].qos == 1);
        take_out(model, at);
        gw_outbox_release(&model->host, delivery);
    }
    for (uint32_t i = 0; i < model->count; i++) {
        const struct entry *left = &model->entries[i]; /* bound, or cold after a start */
        assert_true(left->share == 0 || left->qos == 2);
        assert_true(left->share == 0 || left->sent || left->logged);
    }
}

/* Releasing ones have their own order, which a start forgets: the log's takes its place. */
static void order_releasing(struct model *model)
{
    GW_LIST_FOREACH (link, &model->outbox.releasing) {
        const struct gw_delivery *delivery = GW_CONTAINER(link, struct gw_delivery, link);
        uint32_t at = by_id(model, delivery->packet_id);
        assert_true(at < model->count && model->entries[at].place == RELEASING);
        struct entry entry = model->entries[at];
        take_out(model, at);
        model->entries[model->count++] = entry;
    }
}

/* The process ends and another one finds the log: what was not logged is gone. */
static void restart(struct model *model)
{
    uint32_t next_order = model->outbox.next_order;
    ledger_sync(&model->log);
    gw_outbox_fini(&model->outbox, &model->host);
    assert_int_equal(model->host.deliveries.live, 0);
    assert_int_equal(model->log.held, 0);
    gw_outbox_init(&model->outbox);
    model->outbox.durable = true;
    assert_int_equal(ledger_restore(&model->log, &model->outbox, &model->host, next_order), GW_OK);
    assert_true(model->outbox.next_order <= next_order);
    model->outbox.next_order = next_order;
    for (uint32_t i = 0; i < model->count;) {
        struct entry *entry = &model->entries[i];
        if (!entry->logged) {
            take_out(model, i);
            continue;
        }
        entry->sent = entry->id != 0;
        if (!entry->written && entry->id != 0) /* the message is gone, the identifier is not */
            entry->place = RELEASING;
        i++;
    }
    ground(model);
    model->dropped = 0;
    order_releasing(model);
    check(model, false);
    resume(model);
}

static void step(struct model *model)
{
    uint32_t dice = below(model, 1000);
    bool sends = false;
    if (dice < 350) {
        for (uint32_t n = chance(model, 5) ? 150 : below(model, 5); n > 0; n--)
            push(model);
    } else if (dice < 600) {
        for (uint32_t n = below(model, 40); n > 0 && send_one(model); n--)
            sends = true;
    } else if (dice < 750) {
        for (uint32_t n = below(model, 20); n > 0; n--)
            answer(model);
    } else if (dice < 850) {
        cool(model, chance(model, 10));
    } else if (dice < 930) {
        warm(model);
    } else if (dice < 960) {
        if (chance(model, 90))
            ledger_sync(&model->log);
        else
            model->log.ledger.written = model->log.end;
    } else if (dice < 965) {
        move(model);
    } else if (dice < 975) {
        model->now += below(model, 15) * S;
    } else if (dice < 985) {
        resume(model);
    } else if (dice < 993) {
        take_shared(model);
    } else {
        restart(model);
    }
    check(model, sends);
}

static void behaves_as_a_plain_list(void **unused)
{
    (void)unused;
    static struct model model;
    uint64_t most_cold = 0, lost = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        model = (struct model){.now = 100 * S, .lossy = seed % 5 == 0};
        gw_random_init(&model.random, seed);
        ledger_init(&model.log);
        gw_pool_init(&model.host.deliveries, sizeof(struct gw_delivery), ENTRIES_MAX);
        model.host.on_settled = on_settled;
        model.host.user = &model;
        model.host.ledger = &model.log.ledger;
        gw_outbox_init(&model.outbox);
        model.outbox.durable = true;
        resume(&model);
        for (int i = 0; i < STEPS; i++) {
            step(&model);
            if (model.outbox.cold.count > most_cold)
                most_cold = model.outbox.cold.count;
        }
        lost += model.dropped;
        assert_memory_equal(model.told, model.settled, sizeof(model.told));
        gw_outbox_fini(&model.outbox, &model.host);
        gw_pool_fini(&model.host.deliveries);
        ledger_fini(&model.log);
    }
    assert_true(most_cold > 100 && lost > 100); /* it got where it should */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
