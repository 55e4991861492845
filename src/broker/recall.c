#include "broker/recall.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/keeper.h"

#define STEP_VISITS 128u /* topics looked at in one step */

_Static_assert(GW_REPLAY_BATCH <= GW_ERRAND_MAX, "what is asked for can be fetched at once");

/* One walk. */
struct look {
    struct gw_shard *shard;
    struct gw_recall *recall;
    struct gw_keeper_doomed lost;
    size_t topics; /* scouting: met so far */
    size_t bytes;
};

/* -- collecting -- */

/* The message of a cold one that the errand brought, a reference of the caller's; NULL: *ret_step
 * says how to go on without it. */
static struct gw_blob *take_cold(struct look *look, struct gw_span name,
                                 struct gw_retained_value *value, enum gw_retained_step *ret_step)
{
    struct gw_shard *shard = look->shard;
    const struct gw_errand *errand = &look->recall->errand;
    gw_position position = gw_keeper_position(value);
    enum gw_status status;
    struct gw_blob *blob = gw_errand_message_at(shard->journal, errand, position, &status);
    *ret_step = GW_RETAINED_LATER;
    if (!blob && (status == GW_AGAIN || status == GW_NO_MEMORY)) {
        look->recall->is_cold = true;
        look->recall->is_starved = status == GW_NO_MEMORY;
        return NULL;
    }
    if (!blob) {
        gw_keeper_lose(shard, &look->lost, name, position, status);
        *ret_step = GW_RETAINED_ON;
        return NULL;
    }
    /* One walk through everything is no reason to keep it in memory in the place of others. */
    if (value->used || gw_keeper_excess(shard) < 0)
        gw_keeper_warm(shard, value, gw_blob_ref(blob));
    return blob;
}

static enum gw_retained_step collect_visit(void *user, struct gw_span name,
                                           struct gw_retained_value *value)
{
    struct look *look = user;
    struct gw_recall *recall = look->recall;
    enum gw_retained_step step = GW_RETAINED_ON;
    struct gw_message message;
    struct gw_blob *blob;
    if (gw_keeper_expired(value, recall->now))
        return GW_RETAINED_ON;
    if (gw_keeper_is_cold(value))
        blob = take_cold(look, name, value, &step);
    else
        blob = gw_blob_ref(gw_keeper_blob(value));
    if (!blob)
        return step;
    value->used = true;
    gw_message_open(blob, &message);
    if (gw_message_expired(&message, recall->now)) {
        gw_blob_unref(&blob);
        return GW_RETAINED_ON;
    }
    recall->messages[recall->count++] = blob;
    return recall->count < recall->wanted ? GW_RETAINED_ON : GW_RETAINED_ENOUGH;
}

void gw_recall_collect(struct gw_shard *shard, struct gw_recall *recall, gw_mono_ns now)
{
    struct look look = {.shard = shard, .recall = recall};
    GW_ASSERT(recall->wanted <= GW_REPLAY_BATCH);
    recall->now = now;
    recall->is_cold = false;
    recall->is_starved = false;
    gw_keeper_doomed_init(&look.lost);
    recall->ended = gw_retained_walk(shard->retained.set, &recall->cursor, STEP_VISITS,
                                     collect_visit, &look) == GW_END;
    gw_keeper_bury(shard, &look.lost);
}

bool gw_recall_has_to_wait(const struct gw_recall *recall)
{
    return recall->count == 0 && recall->is_cold;
}

void gw_recall_clear(struct gw_recall *recall)
{
    for (uint32_t i = 0; i < recall->count; i++)
        gw_blob_unref(&recall->messages[i]);
    recall->count = 0;
    gw_retained_cursor_fini(&recall->cursor);
}

/* -- fetching -- */

/* What of the next ones is cold: no more than will be given at once. */
static enum gw_retained_step scout_visit(void *user, struct gw_span name,
                                         struct gw_retained_value *value)
{
    struct look *look = user;
    struct gw_errand *errand = &look->recall->errand;
    (void)name;
    if (gw_keeper_expired(value, look->recall->now))
        return GW_RETAINED_ON;
    if (gw_keeper_is_cold(value)) {
        look->bytes += value->size;
        if (errand->count > 0 && look->bytes > GW_ERRAND_BYTES)
            return GW_RETAINED_ENOUGH;
        errand->positions[errand->count++] = gw_keeper_position(value);
    }
    return ++look->topics < look->recall->wanted ? GW_RETAINED_ON : GW_RETAINED_ENOUGH;
}

static int compare_positions(const void *left, const void *right)
{
    gw_position a = *(const gw_position *)left;
    gw_position b = *(const gw_position *)right;
    return (a > b) - (a < b);
}

static enum gw_status scout(struct gw_shard *shard, struct gw_recall *recall)
{
    struct look look = {.shard = shard, .recall = recall};
    struct gw_retained_cursor ahead;
    recall->errand.count = 0;
    GW_TRY(gw_retained_cursor_copy(&ahead, &recall->cursor));
    enum gw_status status =
        gw_retained_walk(shard->retained.set, &ahead, STEP_VISITS, scout_visit, &look);
    gw_retained_cursor_fini(&ahead);
    /* What was kept together is often asked for together: then one read serves many. */
    qsort(recall->errand.positions, recall->errand.count, sizeof(gw_position), compare_positions);
    return status == GW_NO_MEMORY ? status : GW_OK;
}

static void on_fetched(struct gw_journal *journal, struct gw_errand *errand, bool late,
                       gw_mono_ns now);

/* Sends for what is cold, if not too many are under way and the shard does not end. */
static void go_fetch(struct gw_shard *shard, struct gw_recall *recall, gw_mono_ns now)
{
    if (shard->retained.recalls_away == GW_RECALLS_MAX || shard->clients.draining) {
        gw_list_push_back(&shard->retained.recalls, &recall->link);
        return;
    }
    shard->retained.recalls_away++;
    bool is_starved = recall->is_starved;
    if (scout(shard, recall) != GW_OK || is_starved)
        gw_errand_send_later(shard->journal, &recall->errand, on_fetched, now);
    else
        gw_errand_send(shard->journal, &recall->errand, on_fetched);
}

/* Collects, and gives that back or sends for what is cold. */
static void answer(struct gw_shard *shard, struct gw_recall *recall, gw_mono_ns now)
{
    gw_recall_collect(shard, recall, now);
    if (recall->errand.count > 0)
        gw_errand_release(shard->journal, &recall->errand);
    if (gw_recall_has_to_wait(recall)) {
        go_fetch(shard, recall, now);
        return;
    }
    gw_relay_post(shard, recall->from,
                  &(struct gw_relay_event){
                      .kind = GW_RELAY_REPLAY_GIVE, .object = recall, .target = recall->asker});
}

static void on_fetched(struct gw_journal *journal, struct gw_errand *errand, bool late,
                       gw_mono_ns now)
{
    struct gw_shard *shard = journal->shard;
    struct gw_recall *recall = GW_CONTAINER(errand, struct gw_recall, errand);
    shard->retained.recalls_away--;
    if (late) {
        gw_errand_release(journal, errand);
        gw_recall_clear(recall);
        free(recall);
        return;
    }
    answer(shard, recall, now);
    while (shard->retained.recalls_away < GW_RECALLS_MAX && !shard->clients.draining &&
           !gw_list_empty(&shard->retained.recalls)) {
        struct gw_list *next = gw_list_pop_front(&shard->retained.recalls);
        answer(shard, GW_CONTAINER(next, struct gw_recall, link), now);
    }
}

void gw_recall_on_ask(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now)
{
    struct gw_recall *recall = event->object;
    gw_list_init(&recall->link);
    recall->from = event->from;
    recall->asker = event->origin;
    answer(shard, recall, now);
}

void gw_recall_init(struct gw_shard *shard)
{
    gw_list_init(&shard->retained.recalls);
}

void gw_recall_fini(struct gw_shard *shard)
{
    for (struct gw_list *link; (link = gw_list_pop_front(&shard->retained.recalls)) != NULL;) {
        struct gw_recall *recall = GW_CONTAINER(link, struct gw_recall, link);
        gw_recall_clear(recall);
        free(recall);
    }
}
