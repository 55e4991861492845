#include "broker/errand.h"

#define REFUSALS_MAX 60u /* with RETRY_PERIOD between them */
#define RETRY_PERIOD GW_NS_PER_S

static void on_retry(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_journal *journal = GW_CONTAINER(timer, struct gw_journal, retry);
    (void)now;
    for (struct gw_list *link; (link = gw_list_pop_front(&journal->put_off)) != NULL;)
        gw_store_fetch(journal->stream, &GW_CONTAINER(link, struct gw_errand, link)->fetch);
}

void gw_errand_init(struct gw_journal *journal)
{
    gw_list_init(&journal->put_off);
    gw_timer_init(&journal->retry, on_retry);
}

void gw_errand_fini(struct gw_journal *journal)
{
    for (struct gw_store_fetch *done; (done = gw_store_fetched(journal->stream)) != NULL;) {
        struct gw_errand *errand = done->user;
        errand->done(journal, errand, true, 0);
    }
    for (struct gw_list *link; (link = gw_list_pop_front(&journal->put_off)) != NULL;) {
        struct gw_errand *errand = GW_CONTAINER(link, struct gw_errand, link);
        errand->done(journal, errand, true, 0);
    }
    gw_wheel_cancel(gw_loop_wheel(journal->shard->loop), &journal->retry);
}

/* -- on its way -- */

static void prepare(struct gw_journal *journal, struct gw_errand *errand, gw_errand_fn *done)
{
    gw_list_init(&errand->link);
    errand->done = done;
    errand->refusals = 0;
    errand->fetch = (struct gw_store_fetch){
        .user = errand,
        .positions = errand->positions,
        .bodies = errand->bodies,
        .statuses = errand->statuses,
        .count = errand->count,
    };
    for (size_t i = 0; i < errand->count; i++) {
        errand->bodies[i] = NULL;
        gw_store_hold(journal->world->store, errand->positions[i]);
    }
}

/* Tries again in a while; whoever sent it waits for it meanwhile. */
static void put_off(struct gw_journal *journal, struct gw_errand *errand, gw_mono_ns now)
{
    for (size_t i = 0; i < errand->count; i++)
        gw_blob_unref(&errand->bodies[i]);
    gw_list_push_back(&journal->put_off, &errand->link);
    if (!gw_timer_armed(&journal->retry))
        gw_wheel_arm(gw_loop_wheel(journal->shard->loop), &journal->retry, now + RETRY_PERIOD);
}

void gw_errand_send(struct gw_journal *journal, struct gw_errand *errand, gw_errand_fn *done)
{
    prepare(journal, errand, done);
    gw_store_fetch(journal->stream, &errand->fetch);
}

void gw_errand_send_later(struct gw_journal *journal, struct gw_errand *errand, gw_errand_fn *done,
                          gw_mono_ns now)
{
    prepare(journal, errand, done);
    put_off(journal, errand, now);
}

void gw_errand_release(struct gw_journal *journal, struct gw_errand *errand)
{
    for (size_t i = 0; i < errand->count; i++) {
        gw_blob_unref(&errand->bodies[i]);
        gw_store_drop(journal->world->store, errand->positions[i]);
    }
    errand->count = 0;
}

/* -- back -- */

struct gw_blob *gw_errand_message(struct gw_journal *journal, const struct gw_errand *errand,
                                  size_t index, enum gw_status *ret_status)
{
    struct gw_record_message record;
    const struct gw_blob *body = errand->bodies[index];
    *ret_status = errand->statuses[index];
    if (*ret_status != GW_OK)
        return NULL;
    struct gw_span bytes = gw_blob_span(body);
    struct gw_blob *message = gw_journal_blob(journal->shard, bytes, errand->positions[index]);
    if (!message)
        *ret_status = gw_record_read_message(bytes, &record) == GW_OK ? GW_NO_MEMORY : GW_MALFORMED;
    return message;
}

struct gw_blob *gw_errand_message_at(struct gw_journal *journal, const struct gw_errand *errand,
                                     gw_position position, enum gw_status *ret_status)
{
    for (size_t i = 0; i < errand->count; i++)
        if (errand->positions[i] == position)
            return gw_errand_message(journal, errand, i, ret_status);
    *ret_status = GW_AGAIN;
    return NULL;
}

/* A message could not be read now, but can be later: nothing that was promised is given up for a
 * want that passes. What the system refuses may pass too, but not be waited for without end. */
static bool has_to_wait(struct gw_errand *errand)
{
    bool refused = false;
    for (size_t i = 0; i < errand->count; i++) {
        if (errand->statuses[i] == GW_NO_MEMORY || errand->statuses[i] == GW_AGAIN)
            return true;
        refused |= errand->statuses[i] == GW_OS_ERROR;
    }
    return refused && errand->refusals++ < REFUSALS_MAX;
}

void gw_errand_run(struct gw_journal *journal, gw_mono_ns now)
{
    for (struct gw_store_fetch *back; (back = gw_store_fetched(journal->stream)) != NULL;) {
        struct gw_errand *errand = back->user;
        if (has_to_wait(errand))
            put_off(journal, errand, now);
        else
            errand->done(journal, errand, false, now);
    }
}
