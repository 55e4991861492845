#include "broker/ledger.h"

#include <stdlib.h>

#include "broker/deliverer.h"

#define REFUSALS_MAX 60u /* with RETRY_PERIOD between them */
#define RETRY_PERIOD GW_NS_PER_S

/* Cold messages on their way back into memory. */
struct errand {
    struct gw_store_fetch fetch;
    struct gw_list link; /* in journal->put_off */
    uint64_t session;    /* handle */
    unsigned refusals;   /* times that the system did not let it be read */
    gw_position positions[GW_LEDGER_FETCH_MAX];
    struct gw_blob *bodies[GW_LEDGER_FETCH_MAX];
    enum gw_status statuses[GW_LEDGER_FETCH_MAX];
};

static void hold(void *user, gw_position position)
{
    const struct gw_journal *journal = user;
    gw_store_hold(journal->world->store, position);
}

static void drop(void *user, gw_position position)
{
    const struct gw_journal *journal = user;
    gw_store_drop(journal->world->store, position);
}

static void fetch(void *user, struct gw_outbox *outbox)
{
    struct gw_journal *journal = user;
    const struct gw_session *session = GW_CONTAINER(outbox, struct gw_session, outbox);
    struct errand *errand = calloc(1, sizeof(*errand));
    if (!errand) {
        outbox->fetching = false; /* tried again when the client asks for more */
        return;
    }
    gw_list_init(&errand->link);
    errand->session = session->handle;
    errand->fetch.user = errand;
    errand->fetch.positions = errand->positions;
    errand->fetch.bodies = errand->bodies;
    errand->fetch.statuses = errand->statuses;
    errand->fetch.count =
        gw_outbox_cold_next(outbox, GW_LEDGER_FETCH_MAX, GW_LEDGER_FETCH_BYTES, errand->positions);
    gw_store_fetch(journal->stream, &errand->fetch);
}

static void on_retry(struct gw_timer *timer, gw_mono_ns now);

void gw_ledger_init(struct gw_journal *journal)
{
    gw_list_init(&journal->put_off);
    gw_timer_init(&journal->retry, on_retry);
    journal->ledger = (struct gw_outbox_ledger){
        .owe = gw_journal_owe,
        .sent = gw_journal_sent,
        .release = gw_journal_release,
        .settled = gw_journal_settled,
        .hold = hold,
        .drop = drop,
        .fetch = fetch,
        .user = journal,
    };
}

static void errand_free(struct errand *errand)
{
    for (size_t i = 0; i < errand->fetch.count; i++)
        gw_blob_unref(&errand->bodies[i]);
    free(errand);
}

void gw_ledger_fini(struct gw_journal *journal)
{
    for (struct gw_store_fetch *done; (done = gw_store_fetched(journal->stream)) != NULL;)
        errand_free(done->user);
    for (struct gw_list *link; (link = gw_list_pop_front(&journal->put_off)) != NULL;)
        errand_free(GW_CONTAINER(link, struct errand, link));
    gw_wheel_cancel(gw_loop_wheel(journal->shard->loop), &journal->retry);
}

/* -- who waits -- */

void gw_ledger_on_push(struct gw_shard *shard, struct gw_session *session)
{
    const struct gw_outbox *outbox = &session->outbox;
    uint32_t hot_max = outbox->away ? 0 : GW_OUTBOX_HOT_MAX;
    if (!shard->journal || !outbox->durable || !gw_list_empty(&session->warm) ||
        outbox->queued_count + outbox->flight_count <= hot_max)
        return;
    gw_list_push_back(&shard->journal->warm, &session->warm);
}

void gw_ledger_on_wait(struct gw_shard *shard, struct gw_session *session)
{
    if (shard->journal && gw_list_empty(&session->waiting))
        gw_list_push_back(&shard->journal->waiting, &session->waiting);
}

void gw_ledger_forget(struct gw_session *session)
{
    gw_list_remove(&session->waiting);
    gw_list_remove(&session->warm);
}

/* -- progress -- */

/* Deliveries that are gone because their messages cannot be read, the first one by its place. */
static void log_lost(struct gw_shard *shard, const struct gw_session *session,
                     const struct errand *errand, uint64_t count)
{
    size_t first = 0;
    while (first + 1 < errand->fetch.count && errand->statuses[first] == GW_OK)
        first++;
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_session_client_id(session)),
        gw_log_number("segment", gw_position_segment(errand->positions[first])),
        gw_log_number("offset", gw_position_offset(errand->positions[first])),
        gw_log_str("why", gw_status_name(errand->statuses[first])),
        gw_log_number("dropped", (int64_t)count),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "store.unreadable",
                 "queued messages cannot be read back and are lost", fields, GW_COUNT_OF(fields));
}

/* A message could not be read now, but can be later: nothing that was promised is given up for a
 * want that passes. What the system refuses may pass too, but not be waited for without end. */
static bool has_to_wait(struct errand *errand)
{
    bool refused = false;
    for (size_t i = 0; i < errand->fetch.count; i++) {
        if (errand->statuses[i] == GW_NO_MEMORY || errand->statuses[i] == GW_AGAIN)
            return true;
        refused |= errand->statuses[i] == GW_OS_ERROR;
    }
    return refused && errand->refusals++ < REFUSALS_MAX;
}

static void run_errand(struct gw_journal *journal, struct errand *errand, gw_mono_ns now)
{
    struct gw_shard *shard = journal->shard;
    struct gw_session *session = gw_handles_get(&shard->sessions.handles, errand->session);
    struct gw_blob *messages[GW_LEDGER_FETCH_MAX] = {NULL};
    if (!session)
        return;
    for (size_t i = 0; i < errand->fetch.count; i++) {
        struct gw_blob *body = errand->bodies[i];
        gw_position position = errand->positions[i];
        if (errand->statuses[i] == GW_OK)
            messages[i] = gw_journal_blob(shard, gw_span_of(body->data, body->size), position);
    }
    uint64_t dropped = session->outbox.dropped;
    gw_outbox_warm(&session->outbox, &shard->sessions.host, errand->positions, messages,
                   errand->fetch.count);
    uint64_t lost =
        session->outbox.dropped - dropped; /* those evicted meanwhile are not among them */
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED, (int64_t)lost);
    if (lost > 0)
        log_lost(shard, session, errand, lost);
    gw_shard_count_outbox(shard, &session->outbox);
    if (session->link)
        gw_deliverer_pump(session->link, now);
}

/* Tries again in a while; the outbox waits for it meanwhile. */
static void put_off(struct gw_journal *journal, struct errand *errand, gw_mono_ns now)
{
    for (size_t i = 0; i < errand->fetch.count; i++)
        gw_blob_unref(&errand->bodies[i]);
    gw_list_push_back(&journal->put_off, &errand->link);
    if (!gw_timer_armed(&journal->retry))
        gw_wheel_arm(gw_loop_wheel(journal->shard->loop), &journal->retry, now + RETRY_PERIOD);
}

static void on_retry(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_journal *journal = GW_CONTAINER(timer, struct gw_journal, retry);
    (void)now;
    for (struct gw_list *link; (link = gw_list_pop_front(&journal->put_off)) != NULL;)
        gw_store_fetch(journal->stream, &GW_CONTAINER(link, struct errand, link)->fetch);
}

static void run_errands(struct gw_journal *journal, gw_mono_ns now)
{
    for (struct gw_store_fetch *done; (done = gw_store_fetched(journal->stream)) != NULL;) {
        struct errand *errand = done->user;
        if (has_to_wait(errand)) {
            put_off(journal, errand, now);
            continue;
        }
        run_errand(journal, errand, now);
        errand_free(errand);
    }
}

static void run_waiting(struct gw_journal *journal, gw_mono_ns now)
{
    struct gw_list again; /* who still waits joins the list anew */
    gw_list_init(&again);
    gw_list_splice_back(&again, &journal->waiting);
    for (struct gw_list *link; (link = gw_list_pop_front(&again)) != NULL;) {
        const struct gw_session *session = GW_CONTAINER(link, struct gw_session, waiting);
        if (session->link)
            gw_deliverer_pump(session->link, now);
    }
}

static void cool(struct gw_journal *journal)
{
    struct gw_shard *shard = journal->shard;
    for (struct gw_list *link; (link = gw_list_pop_front(&journal->warm)) != NULL;) {
        struct gw_session *session = GW_CONTAINER(link, struct gw_session, warm);
        gw_outbox_cool(&session->outbox, &shard->sessions.host);
        gw_shard_count_outbox(shard, &session->outbox);
    }
}

void gw_ledger_run(struct gw_journal *journal, gw_mono_ns now)
{
    journal->ledger.reached = gw_store_synced(journal->stream);
    cool(journal);
    run_errands(journal, now);
    run_waiting(journal, now);
}
