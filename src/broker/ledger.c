#include "broker/ledger.h"

#include <stdlib.h>

#include "broker/deliverer.h"
#include "broker/errand.h"

/* Cold messages on their way back into memory. */
struct errand {
    struct gw_errand base;
    uint64_t session; /* handle */
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

static void on_fetched(struct gw_journal *journal, struct gw_errand *base, bool late,
                       gw_mono_ns now);

static void fetch(void *user, struct gw_outbox *outbox)
{
    struct gw_journal *journal = user;
    const struct gw_session *session = GW_CONTAINER(outbox, struct gw_session, outbox);
    struct errand *errand = calloc(1, sizeof(*errand));
    if (!errand) {
        outbox->fetching = false; /* tried again when the client asks for more */
        return;
    }
    errand->session = session->handle;
    errand->base.count = (uint32_t)gw_outbox_cold_next(outbox, GW_ERRAND_MAX, GW_ERRAND_BYTES,
                                                       errand->base.positions);
    gw_errand_send(journal, &errand->base, on_fetched);
}

void gw_ledger_init(struct gw_journal *journal)
{
    gw_errand_init(journal);
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

void gw_ledger_fini(struct gw_journal *journal)
{
    gw_errand_fini(journal);
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
                     const struct gw_errand *errand, uint64_t count)
{
    size_t first = 0;
    while (first + 1 < errand->count && errand->statuses[first] == GW_OK)
        first++;
    struct gw_log_field fields[] = {
        gw_log_text("id", gw_session_client_id(session)),
        gw_log_number("segment", gw_position_segment(errand->positions[first])),
        gw_log_number("offset", gw_position_offset(errand->positions[first])),
        gw_log_str("why", gw_status_name(errand->statuses[first])),
        gw_log_number("errno", errand->fetch.os_errno),
        gw_log_number("dropped", (int64_t)count),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "store.unreadable",
                 "queued messages cannot be read back and are lost", fields, GW_COUNT_OF(fields));
}

static void take_back(struct gw_journal *journal, const struct errand *errand, gw_mono_ns now)
{
    struct gw_shard *shard = journal->shard;
    const struct gw_errand *base = &errand->base;
    struct gw_session *session = gw_handles_get(&shard->sessions.handles, errand->session);
    struct gw_blob *messages[GW_ERRAND_MAX] = {NULL};
    enum gw_status status = GW_OK;
    size_t count = 0;
    if (!session)
        return;
    for (; count < base->count && status != GW_NO_MEMORY; count++)
        messages[count] = gw_errand_message(journal, base, count, &status);
    if (status == GW_NO_MEMORY) /* nothing is lost for that: the rest comes with the next one */
        count--;
    uint64_t dropped = session->outbox.dropped;
    uint32_t released =
        gw_outbox_warm(&session->outbox, &shard->sessions.host, base->positions, messages, count);
    uint64_t lost =
        session->outbox.dropped - dropped; /* those evicted meanwhile are not among them */
    gw_metrics_add(&shard->metrics, GW_METRIC_PUBLISH_DROPPED, (int64_t)lost);
    if (lost > 0)
        log_lost(shard, session, base, lost);
    gw_shard_count_outbox(shard, &session->outbox);
    if (!session->link)
        return;
    gw_deliverer_release(session->link, released);
    gw_deliverer_pump(session->link, now);
}

static void on_fetched(struct gw_journal *journal, struct gw_errand *base, bool late,
                       gw_mono_ns now)
{
    struct errand *errand = GW_CONTAINER(base, struct errand, base);
    if (!late)
        take_back(journal, errand, now);
    gw_errand_release(journal, base);
    free(errand);
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
    gw_errand_run(journal, now);
    run_waiting(journal, now);
}
