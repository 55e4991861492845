#include "broker/journal.h"
#include "broker/authors.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/held.h"
#include "broker/journalring.h"
#include "broker/journaltaken.h"
#include "broker/ledger.h"
#include "broker/slicer.h"

#define BREATHE_BYTES ((size_t)256 * 1024)
#define TEXT_HEAD_MAX ((size_t)GW_RECORD_HEAD_MAX + UINT16_MAX)

/* -- staging -- */

static void stage(struct gw_journal *journal, enum gw_record_kind kind, const struct gw_writer *w)
{
    struct gw_store_part part = {gw_span_of(w->begin, gw_writer_size(w)), NULL};
    GW_ASSERT(!w->overflow);
    enum gw_status status = gw_store_append(journal->stream, (uint8_t)kind, &part, 1, NULL);
    GW_ASSERT(status == GW_OK); /* a promise could not be kept otherwise */
}

/* How a record that is staged now names the message at a position. */
static struct gw_record_ref ref_to(const struct gw_journal *journal, gw_position position)
{
    if (gw_position_segment(position) != GW_JOURNAL_PENDING)
        return (struct gw_record_ref){.position = position};
    size_t at = gw_store_staged(journal->stream);
    return (struct gw_record_ref){.back = (uint32_t)(at - gw_position_offset(position))};
}

/* Asked once a turn: what is received in one turn came together. */
static uint64_t wall_ms(struct gw_journal *journal)
{
    gw_mono_ns turn = gw_loop_now(journal->shard->loop);
    if (journal->wall_ms == 0 || journal->wall_turn != turn) {
        gw_wall_ns now = gw_clock_wall(gw_loop_clock(journal->shard->loop));
        journal->wall_ms = (uint64_t)now / GW_NS_PER_MS;
        journal->wall_turn = turn;
    }
    return journal->wall_ms;
}

static struct gw_journal_pending *next_pending(struct gw_journal *journal)
{
    if (journal->pending_count == journal->pending_capacity) {
        size_t capacity = journal->pending_capacity ? journal->pending_capacity * 2 : 64;
        struct gw_journal_pending *pending = realloc(journal->pending, capacity * sizeof(*pending));
        if (!pending)
            return NULL;
        journal->pending = pending;
        journal->pending_capacity = capacity;
    }
    return &journal->pending[journal->pending_count];
}

/* Stages a message record; *ret_at is how much was staged before it. */
static enum gw_status stage_message(struct gw_journal *journal,
                                    const struct gw_record_message *record,
                                    struct gw_journal_pending *pending, size_t *ret_at)
{
    const struct gw_message *message = &record->message;
    uint8_t head[GW_RECORD_HEAD_MAX + GW_RECORD_AUTHOR_MAX];
    struct gw_writer w = gw_writer_of(head, sizeof(head));
    gw_record_write_message(&w, record);
    GW_ASSERT(!w.overflow);
    const struct gw_store_part parts[] = {
        {gw_span_of(head, gw_writer_size(&w)), NULL},
        {message->topic_name, NULL},
        {message->props, NULL},
        {message->payload, message->blob},
    };
    *ret_at = gw_store_staged(journal->stream);
    GW_TRY(gw_store_append(journal->stream, GW_RECORD_MESSAGE | GW_STORE_ALONE, parts,
                           GW_COUNT_OF(parts), &pending->offset));
    pending->blob = gw_blob_ref(message->blob);
    journal->pending_count++;
    return GW_OK;
}

enum gw_status gw_journal_message(struct gw_shard *shard, struct gw_message *message, uint64_t mask,
                                  const struct gw_session *publisher, gw_packet_id packet_id)
{
    struct gw_journal *journal = shard->journal;
    GW_TRY(gw_message_keep(message));
    struct gw_journal_pending *pending = next_pending(journal);
    if (!pending)
        return GW_NO_MEMORY;
    struct gw_record_message record = {
        .message = *message,
        .received_ms = wall_ms(journal),
        .author = gw_authors_text(shard->world->authors, message->author),
        .session = publisher ? publisher->serial : 0,
        .packet_id = packet_id,
        .origin = (uint8_t)shard->index,
        .relayed = mask != 0,
    };
    size_t at;
    pending->is_moved = false;
    GW_TRY(stage_message(journal, &record, pending, &at));
    gw_blob_set_position(message->blob, gw_position_of(GW_JOURNAL_PENDING, (uint32_t)at));
    if (mask != 0) {
        journal->mask |= mask;
        journal->last_relayed = pending->offset;
    }
    return GW_OK;
}

/* -- sessions -- */

static void write_will(struct gw_journal *journal, const struct gw_session *session)
{
    struct gw_record_will record = {.serial = session->serial, .present = session->will != NULL};
    size_t room = GW_RECORD_HEAD_MAX;
    if (session->will) {
        record.delay = session->will->delay;
        record.message = session->will->message;
        room += gw_message_footprint(&record.message);
    }
    struct gw_buf *scratch = &journal->shard->scratch;
    gw_buf_clear(scratch);
    enum gw_status status = gw_buf_reserve(scratch, room);
    GW_ASSERT(status == GW_OK);
    struct gw_writer w = gw_writer_of(scratch->data, room);
    gw_record_write_will(&w, &record);
    stage(journal, GW_RECORD_WILL, &w);
}

static void write_session(struct gw_journal *journal, const struct gw_session *session, bool online,
                          bool made)
{
    uint8_t bytes[TEXT_HEAD_MAX + UINT16_MAX]; /* two texts */
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_record_session record = {
        .serial = session->serial,
        .changed_ms = wall_ms(journal),
        .expiry = session->expiry,
        .online = online,
        .made = made,
        .adrift = !online && session->outbox.adrift,
        .adrift_before = session->outbox.adrift_before,
        .client_id = gw_session_client_id(session),
        .user = gw_session_user(session),
    };
    if (!online) { /* what is left of its time runs from when it went */
        gw_mono_ns now = gw_loop_now(journal->shard->loop);
        record.changed_ms -=
            now > session->closed_at ? (now - session->closed_at) / GW_NS_PER_MS : 0;
    }
    gw_record_write_session(&w, &record);
    stage(journal, GW_RECORD_SESSION, &w);
}

void gw_journal_session(struct gw_shard *shard, struct gw_session *session)
{
    struct gw_journal *journal = shard->journal;
    if (!journal || (session->serial == 0 && session->expiry == 0))
        return;
    bool is_new = session->serial == 0;
    if (is_new) {
        session->serial =
            atomic_fetch_add_explicit(&journal->world->serial, 1, memory_order_relaxed) + 1;
        session->outbox.durable = true;
    }
    write_session(journal, session, session->link != NULL, is_new);
    if (session->will || !is_new)
        write_will(journal, session);
}

void gw_journal_offline(struct gw_shard *shard, const struct gw_session *session)
{
    if (shard->journal && session->serial != 0)
        write_session(shard->journal, session, false, false);
}

void gw_journal_no_will(struct gw_shard *shard, const struct gw_session *session)
{
    if (shard->journal && session->serial != 0)
        write_will(shard->journal, session);
}

static void write_serial(struct gw_journal *journal, enum gw_record_kind kind, uint64_t serial)
{
    uint8_t bytes[GW_RECORD_HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_serial(&w, serial);
    stage(journal, kind, &w);
}

void gw_journal_end(struct gw_shard *shard, const struct gw_session *session)
{
    if (shard->journal && session->serial != 0)
        write_serial(shard->journal, GW_RECORD_END, session->serial);
}

static void write_subscription(struct gw_shard *shard, enum gw_record_kind kind,
                               const struct gw_subscription *subscription)
{
    if (!shard->journal || subscription->session->serial == 0)
        return;
    uint8_t bytes[TEXT_HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_record_subscription record = {
        .serial = subscription->session->serial,
        .filter = gw_subscription_filter(subscription),
        .options = subscription->options,
    };
    gw_record_write_subscription(&w, &record);
    stage(shard->journal, kind, &w);
}

void gw_journal_subscribe(struct gw_shard *shard, const struct gw_subscription *subscription)
{
    write_subscription(shard, GW_RECORD_SUBSCRIBE, subscription);
}

void gw_journal_unsubscribe(struct gw_shard *shard, const struct gw_subscription *subscription)
{
    write_subscription(shard, GW_RECORD_UNSUBSCRIBE, subscription);
}

static void write_step(struct gw_journal *journal, enum gw_record_kind kind,
                       const struct gw_record_step *record)
{
    uint8_t bytes[GW_RECORD_HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_step(&w, kind, record);
    stage(journal, kind, &w);
}

void gw_journal_packet_id(struct gw_shard *shard, enum gw_record_kind kind,
                          const struct gw_session *session, gw_packet_id packet_id)
{
    struct gw_record_step record = {.serial = session->serial, .packet_id = packet_id};
    if (shard->journal && session->serial != 0)
        write_step(shard->journal, kind, &record);
}

/* -- deliveries -- */

static void write_owe(struct gw_journal *journal, const struct gw_record_owe *record)
{
    uint8_t bytes[GW_RECORD_HEAD_MAX];
    size_t room = GW_RECORD_HEAD_MAX + record->id_count * (size_t)5;
    uint8_t *memory = bytes;
    if (room > sizeof(bytes)) {
        struct gw_buf *scratch = &journal->shard->scratch;
        gw_buf_clear(scratch);
        enum gw_status status = gw_buf_reserve(scratch, room);
        GW_ASSERT(status == GW_OK);
        memory = scratch->data;
    }
    struct gw_writer w = gw_writer_of(memory, room);
    gw_record_write_owe(&w, record);
    stage(journal, GW_RECORD_OWE, &w);
}

static struct gw_session *session_of(struct gw_outbox *outbox)
{
    return GW_CONTAINER(outbox, struct gw_session, outbox);
}

void gw_journal_owe(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery)
{
    struct gw_journal *journal = user;
    struct gw_record_owe record = {
        .serial = session_of(outbox)->serial,
        .message = ref_to(journal, gw_blob_position(delivery->message)),
        .order = delivery->order,
        .group = delivery->group_order != 0 ? delivery->group : 0, /* which does not owe it */
        .group_order = delivery->group_order,
        .size = (uint32_t)(delivery->message->size + sizeof(struct gw_blob)),
        .qos = delivery->qos,
        .retain = delivery->retain,
        .ids = &delivery->id,
        .id_count = delivery->id != 0 ? 1 : 0,
    };
    if (delivery->ids) {
        record.ids = (const uint32_t *)(const void *)delivery->ids->data;
        record.id_count = (uint32_t)(delivery->ids->size / sizeof(uint32_t));
    }
    write_owe(journal, &record);
}

uint64_t gw_journal_sent(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery)
{
    struct gw_journal *journal = user;
    struct gw_record_step record = {session_of(outbox)->serial, delivery->order,
                                    delivery->packet_id};
    write_step(journal, GW_RECORD_SENT, &record);
    return gw_store_next(journal->stream);
}

void gw_journal_release(void *user, struct gw_outbox *outbox, const struct gw_delivery *delivery)
{
    struct gw_record_step record = {session_of(outbox)->serial, delivery->order,
                                    delivery->packet_id};
    write_step(user, GW_RECORD_RELEASE, &record);
}

void gw_journal_settled(void *user, struct gw_outbox *outbox, uint32_t order)
{
    struct gw_record_step record = {session_of(outbox)->serial, order, 0};
    write_step(user, GW_RECORD_SETTLED, &record);
}

void gw_journal_delivery(struct gw_shard *shard, const struct gw_session *session,
                         const struct gw_outbox_restored *delivery)
{
    struct gw_record_owe owe = {
        .serial = session->serial,
        .message = ref_to(shard->journal, delivery->message),
        .order = delivery->order,
        .group = delivery->group_order != 0 ? delivery->group : 0, /* which does not owe it */
        .group_order = delivery->group_order,
        .size = delivery->size,
        .qos = delivery->qos,
        .retain = delivery->retain,
        .ids = delivery->ids,
        .id_count = delivery->id_count,
    };
    struct gw_record_step step = {session->serial, delivery->order, delivery->packet_id};
    write_owe(shard->journal, &owe);
    if (delivery->packet_id != 0)
        write_step(shard->journal, GW_RECORD_SENT, &step);
    if (delivery->releasing)
        write_step(shard->journal, GW_RECORD_RELEASE, &step);
}

/* -- retained messages and groups -- */

static void write_retained(struct gw_journal *journal, const struct gw_record_retained *record)
{
    uint8_t bytes[TEXT_HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_retained(&w, record);
    stage(journal, GW_RECORD_RETAINED, &w);
}

void gw_journal_retained(struct gw_shard *shard, struct gw_span topic_name, gw_position position,
                         uint32_t size, uint64_t expires_ms)
{
    if (!shard->journal)
        return;
    struct gw_record_retained record = {
        .message = ref_to(shard->journal, position),
        .expires_ms = expires_ms,
        .size = size,
        .topic_name = topic_name,
    };
    write_retained(shard->journal, &record);
}

void gw_journal_not_retained(struct gw_shard *shard, struct gw_span topic_name,
                             const struct gw_blob *deletion)
{
    if (!shard->journal)
        return;
    struct gw_record_retained record = {.topic_name = topic_name};
    if (deletion && gw_blob_position(deletion) != 0)
        record.cleared_by = ref_to(shard->journal, gw_blob_position(deletion));
    write_retained(shard->journal, &record);
}

enum gw_status gw_journal_move_retained(struct gw_shard *shard, struct gw_blob *blob,
                                        uint64_t expires_ms)
{
    struct gw_journal *journal = shard->journal;
    struct gw_journal_pending *pending = next_pending(journal);
    struct gw_record_message record = {.origin = (uint8_t)shard->index};
    if (!pending)
        return GW_NO_MEMORY;
    gw_message_open(blob, &record.message);
    record.author = gw_authors_text(shard->world->authors, record.message.author);
    gw_mono_ns now = gw_loop_now(shard->loop);
    record.received_ms = wall_ms(journal) - (now - record.message.received_at) / GW_NS_PER_MS;
    size_t at;
    pending->is_moved = true; /* others may look at its place meanwhile: it keeps the old one */
    GW_TRY(stage_message(journal, &record, pending, &at));
    struct gw_record_retained retained = {
        .expires_ms = expires_ms,
        .size = (uint32_t)gw_message_footprint(&record.message),
        .topic_name = record.message.topic_name,
    };
    retained.message.back = (uint32_t)(gw_store_staged(journal->stream) - at);
    write_retained(journal, &retained);
    return GW_OK;
}

enum gw_status gw_journal_move(struct gw_shard *shard, struct gw_span body,
                               struct gw_blob **ret_blob)
{
    struct gw_journal *journal = shard->journal;
    struct gw_record_message record;
    GW_TRY(gw_record_read_message(body, &record));
    struct gw_journal_pending *pending = next_pending(journal);
    if (!pending)
        return GW_NO_MEMORY;
    /* What its publisher and other shards had to do with it is over. */
    record.session = 0;
    record.packet_id = 0;
    record.relayed = false;
    record.origin = (uint8_t)shard->index;
    GW_TRY(gw_message_keep(&record.message));
    size_t at;
    pending->is_moved = false;
    enum gw_status status = stage_message(journal, &record, pending, &at);
    if (status == GW_OK) {
        gw_blob_set_position(record.message.blob, gw_position_of(GW_JOURNAL_PENDING, (uint32_t)at));
        *ret_blob = gw_blob_ref(record.message.blob);
    }
    gw_message_drop(&record.message);
    return status;
}

static void write_group(struct gw_journal *journal, const struct gw_record_group *record)
{
    uint8_t bytes[TEXT_HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_group(&w, record);
    stage(journal, GW_RECORD_GROUP, &w);
}

void gw_journal_group_again(struct gw_shard *shard, uint64_t serial, struct gw_span filter)
{
    struct gw_record_group record = {serial, filter};
    write_group(shard->journal, &record);
}

uint64_t gw_journal_group(struct gw_shard *shard, struct gw_span filter)
{
    struct gw_journal *journal = shard->journal;
    if (!journal)
        return 0;
    uint64_t serial =
        atomic_fetch_add_explicit(&journal->world->serial, 1, memory_order_relaxed) + 1;
    gw_journal_group_again(shard, serial, filter);
    return serial;
}

void gw_journal_group_end(struct gw_shard *shard, uint64_t serial)
{
    if (shard->journal && serial != 0)
        write_serial(shard->journal, GW_RECORD_GROUP_END, serial);
}

static void write_group_owe(struct gw_journal *journal, enum gw_record_kind kind,
                            const struct gw_record_group_owe *record)
{
    uint8_t bytes[GW_RECORD_HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_group_owe(&w, kind, record);
    stage(journal, kind, &w);
}

void gw_journal_group_owe(struct gw_shard *shard, uint64_t serial, uint32_t order,
                          const struct gw_blob *blob)
{
    if (!shard->journal || serial == 0)
        return;
    struct gw_record_group_owe record = {
        .serial = serial,
        .message = ref_to(shard->journal, gw_blob_position(blob)),
        .order = order,
        .size = (uint32_t)(blob->size + sizeof(*blob)),
    };
    write_group_owe(shard->journal, GW_RECORD_GROUP_OWE, &record);
}

void gw_journal_group_settled(struct gw_shard *shard, uint64_t serial, uint32_t order)
{
    struct gw_record_group_owe record = {.serial = serial, .order = order};
    if (shard->journal && serial != 0)
        write_group_owe(shard->journal, GW_RECORD_GROUP_SETTLED, &record);
}

void gw_journal_complete(struct gw_shard *shard, uint8_t origin, gw_position upto)
{
    uint8_t bytes[GW_RECORD_HEAD_MAX];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_record_complete record = {origin, upto};
    gw_record_write_complete(&w, &record);
    stage(shard->journal, GW_RECORD_COMPLETE, &w);
}

/* -- what others have written down -- */

void gw_journal_on_taken(struct gw_shard *shard, unsigned from, uint64_t turn)
{
    struct gw_journal *journal = shard->journal;
    if (!journal || turn == 0 || journal->failed) /* nothing is written down any more */
        return;
    gw_store_ticket ticket = gw_journal_ticket(shard);
    struct gw_journal_taken *taken;
    for (size_t i = journal->taken.count; i-- > 0;) { /* one of each shard in a chunk will do */
        taken = gw_journalring_at(&journal->taken, sizeof(*taken), i);
        if (taken->ticket != ticket)
            break;
        if (taken->from != from)
            continue;
        taken->turn = turn;
        return;
    }
    taken = gw_journalring_push(&journal->taken, sizeof(*taken));
    *taken = (struct gw_journal_taken){ticket, turn, from};
}

/* -- the turn -- */

gw_store_ticket gw_journal_ticket(const struct gw_shard *shard)
{
    const struct gw_journal *journal = shard->journal;
    if (!journal)
        return 0;
    return gw_store_next(journal->stream) - (gw_store_staged(journal->stream) == 0);
}

bool gw_journal_reached(const struct gw_shard *shard, gw_store_ticket ticket, bool synced)
{
    const struct gw_journal *journal = shard->journal;
    if (!journal || ticket == 0)
        return true;
    return ticket <=
           (synced ? gw_store_synced(journal->stream) : gw_store_written(journal->stream));
}

enum gw_store_state gw_journal_state(const struct gw_shard *shard)
{
    return shard->journal ? gw_store_state(shard->journal->world->store) : GW_STORE_RUNNING;
}

bool gw_journal_congested(const struct gw_shard *shard)
{
    return shard->journal && gw_store_pressure(shard->journal->world->store) >
                                 (size_t)gw_shard_settings(shard)->store.pressure;
}

/* The chunk has its place: so have the messages in it. */
static void place(struct gw_journal *journal, gw_position base)
{
    struct gw_journal_world *world = journal->world;
    for (size_t i = 0; i < journal->pending_count; i++) {
        struct gw_journal_pending *pending = &journal->pending[i];
        gw_position position = base + pending->offset;
        gw_store_hold(world->store, position);
        if (pending->is_moved)
            gw_store_drop(world->store, gw_blob_position(pending->blob));
        else
            pending->blob->keeper = &world->keeper;
        gw_blob_set_position(pending->blob, position);
        gw_blob_unref(&pending->blob);
    }
    journal->pending_count = 0;
    if (journal->mask == 0)
        return;
    struct gw_journal_relayed *relayed = gw_journalring_push(&journal->relayed, sizeof(*relayed));
    *relayed = (struct gw_journal_relayed){journal->turn, journal->mask, base,
                                           base + journal->last_relayed};
    journal->mask = 0;
    gw_journaltaken_tell_oldest(journal);
}

static void learn_written(struct gw_journal *journal)
{
    gw_position end = gw_store_written_end(journal->world->store);
    journal->ledger.written = end > 0 ? end - 1 : 0;
}

static void submit(struct gw_journal *journal)
{
    if (gw_store_staged(journal->stream) == 0)
        return;
    place(journal, gw_store_submit(journal->stream));
}

void gw_journal_submit(struct gw_shard *shard)
{
    struct gw_journal *journal = shard->journal;
    if (!journal)
        return;
    gw_slicer_run(shard);
    gw_journaltaken_learn(journal);
    if (gw_store_staged(journal->stream) > 0)
        gw_journaltaken_complete(journal);
    journal->turn++;
    submit(journal);
    gw_journaltaken_tell(journal);
}

void gw_journal_breathe(struct gw_shard *shard)
{
    if (!shard->journal || gw_store_staged(shard->journal->stream) < BREATHE_BYTES)
        return;
    /* What is relayed goes out with the turn's mail, so it has the number of the submit to come. */
    shard->journal->turn++;
    submit(shard->journal);
    shard->journal->turn--;
}

uint64_t gw_journal_turn(const struct gw_shard *shard)
{
    return shard->journal ? shard->journal->turn : 0;
}

/* -- progress -- */

static void tell_failed(struct gw_shard *shard)
{
    struct gw_journal *journal = shard->journal;
    if (journal->failed)
        return;
    journal->failed = true;
    gw_held_fail(shard);
}

static void on_mail(void *owner, struct gw_mail *mail, gw_mono_ns now)
{
    struct gw_shard *shard = owner;
    struct gw_journal *journal = GW_CONTAINER(mail, struct gw_journal, mail);
    atomic_store_explicit(&journal->posted, false, memory_order_release);
    if (gw_journal_state(shard) == GW_STORE_FAILED)
        tell_failed(shard);
    learn_written(journal);
    gw_journaltaken_tell(journal);
    gw_held_run(shard);
    gw_ledger_run(journal, now);
    gw_slicer_on_progress(shard);
}

/* Called by the store's threads, and other shards. */
static void on_progress(void *user)
{
    struct gw_journal *journal = user;
    if (!atomic_exchange_explicit(&journal->posted, true, memory_order_acq_rel))
        gw_loop_post(journal->shard->loop, &journal->mail);
}

void gw_journal_wake(struct gw_shard *shard)
{
    on_progress(shard->journal);
}

/* -- blobs -- */

static void on_blob_end(struct gw_blob_keeper *keeper, const struct gw_blob *blob)
{
    struct gw_journal_world *world = GW_CONTAINER(keeper, struct gw_journal_world, keeper);
    gw_store_drop(world->store, gw_blob_position(blob));
}

/* When it came, on the clock of this run; what is too long ago for that clock shortens its expiry
 * instead. Never now: what has expired must not pass for a message that came this moment. */
static void set_received(struct gw_shard *shard, struct gw_message *message, uint64_t received_ms)
{
    gw_mono_ns now = gw_clock_mono(gw_loop_clock(shard->loop));
    uint64_t now_ms = wall_ms(shard->journal);
    uint64_t age_ms = now_ms > received_ms ? now_ms - received_ms : 0;
    message->received_at = 0;
    if (age_ms < now / GW_NS_PER_MS) {
        message->received_at = now - age_ms * GW_NS_PER_MS;
        return;
    }
    uint64_t before = (age_ms - now / GW_NS_PER_MS) / 1000;
    message->expiry = before < message->expiry ? message->expiry - (uint32_t)before : 0;
}

struct gw_blob *gw_journal_blob(struct gw_shard *shard, struct gw_span body, gw_position position)
{
    struct gw_record_message record;
    if (gw_record_read_message(body, &record) != GW_OK)
        return NULL;
    struct gw_message *message = &record.message;
    set_received(shard, message, record.received_ms);
    message->topic_hash = gw_shard_hash(shard, message->topic_name);
    message->author = gw_authors_number(shard->world->authors, record.author);
    message->blob = NULL;
    if (gw_message_keep(message) != GW_OK)
        return NULL;
    message->blob->keeper = &shard->journal->world->keeper;
    gw_store_hold(shard->journal->world->store, position);
    gw_blob_set_position(message->blob, position);
    return message->blob;
}

/* -- life -- */

enum gw_status gw_journal_init(struct gw_shard *shard)
{
    struct gw_journal_world *world = shard->world->journal;
    struct gw_journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        return GW_NO_MEMORY;
    world->keeper.on_end = on_blob_end;
    journal->shard = shard;
    journal->world = world;
    journal->stream = gw_store_stream(world->store, shard->index);
    journal->mail.fn = on_mail;
    gw_list_init(&journal->held);
    gw_list_init(&journal->waiting);
    gw_list_init(&journal->warm);
    gw_timer_init(&journal->timer, gw_journaltaken_on_timer);
    gw_ledger_init(journal);
    gw_slicer_init(journal);
    shard->journal = journal;
    shard->sessions.host.ledger = &journal->ledger;
    gw_store_watch(journal->stream, on_progress, journal);
    return GW_OK;
}

void gw_journal_fini(struct gw_shard *shard)
{
    struct gw_journal *journal = shard->journal;
    if (!journal)
        return;
    for (size_t i = 0; i < journal->pending_count; i++) {
        gw_blob_set_position(journal->pending[i].blob, 0);
        gw_blob_unref(&journal->pending[i].blob);
    }
    free(journal->pending);
    free(journal->relayed.items);
    free(journal->taken.items);
    gw_ledger_fini(journal);
    gw_slicer_fini(journal);
    gw_wheel_cancel(gw_loop_wheel(shard->loop), &journal->timer);
    shard->sessions.host.ledger = NULL;
    shard->journal = NULL;
    free(journal);
}
