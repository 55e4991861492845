#include "broker/resettle.h"

#include <stdlib.h>

#include "broker/errand.h"
#include "broker/keeper.h"

#define VISITS 256u
#define AHEAD_MAX                                                                                  \
    ((int64_t)1024 * 1024) /* of the share of hot ones: moved, and not written yet                 \
                            */

struct gw_resettle {
    struct gw_errand errand;
    struct gw_retained_cursor cursor;
    struct gw_keeper_doomed lost;
    struct gw_shard *shard;
    size_t bytes;    /* of what is to be fetched */
    bool is_away;    /* the errand is under way */
    bool is_cold;    /* the next one has to be fetched */
    bool is_starved; /* and came back, but there was no memory for it */
};

static bool is_old(const struct gw_resettle *resettle, gw_position position)
{
    const struct gw_slicer_world *world = &resettle->shard->journal->world->slicer;
    gw_position from = atomic_load_explicit(&world->from, memory_order_relaxed);
    return gw_position_segment(position) < gw_position_segment(from);
}

/* Makes a cold one hot, to be written anew; false: *ret_step says how to go on without it. */
static bool warm(struct gw_resettle *resettle, struct gw_span name, struct gw_retained_value *value,
                 enum gw_retained_step *ret_step)
{
    struct gw_shard *shard = resettle->shard;
    gw_position position = gw_keeper_position(value);
    enum gw_status status;
    struct gw_blob *blob =
        gw_errand_message_at(shard->journal, &resettle->errand, position, &status);
    if (blob) {
        gw_keeper_warm(shard, value, blob);
        return true;
    }
    resettle->is_cold = status == GW_AGAIN || status == GW_NO_MEMORY;
    resettle->is_starved = status == GW_NO_MEMORY;
    *ret_step = resettle->is_cold ? GW_RETAINED_LATER : GW_RETAINED_ON;
    if (!resettle->is_cold)
        gw_keeper_lose(shard, &resettle->lost, name, position, status);
    return false;
}

/* On a full disk there is no room for them either, and what a round frees there it frees without.
 */
static bool can_move_cold(const struct gw_shard *shard)
{
    return gw_journal_state(shard) == GW_STORE_RUNNING;
}

static enum gw_retained_step slice_visit(void *user, struct gw_span name,
                                         struct gw_retained_value *value)
{
    struct gw_resettle *resettle = user;
    struct gw_shard *shard = resettle->shard;
    enum gw_retained_step step;
    gw_position position = gw_keeper_position(value);
    if (position == 0)
        return GW_RETAINED_ON;
    /* An old segment would stay for it: it moves along. But what others hold too is in the log
     * under the place that it has now, and keeps that segment anyway; and what has expired goes
     * soon. */
    bool moves = is_old(resettle, position) &&
                 !gw_keeper_expired(value, gw_loop_now(shard->loop)) &&
                 (gw_keeper_is_cold(value) ? can_move_cold(shard)
                                           : gw_blob_refs(gw_keeper_blob(value)) == 1);
    if (moves && gw_keeper_is_cold(value) && !warm(resettle, name, value, &step))
        return step;
    uint64_t expires_ms = gw_keeper_expires_ms(shard, value);
    if (!moves || gw_journal_move_retained(shard, gw_keeper_blob(value), expires_ms) != GW_OK)
        gw_journal_retained(shard, name, position, value->size, expires_ms);
    return gw_store_staged(shard->journal->stream) < GW_SLICER_BYTES ? GW_RETAINED_ON
                                                                     : GW_RETAINED_ENOUGH;
}

/* -- fetching -- */

static enum gw_retained_step scout_visit(void *user, struct gw_span name,
                                         struct gw_retained_value *value)
{
    struct gw_resettle *resettle = user;
    struct gw_errand *errand = &resettle->errand;
    gw_position position = gw_keeper_position(value);
    (void)name;
    if (!gw_keeper_is_cold(value) || !is_old(resettle, position))
        return GW_RETAINED_ON;
    resettle->bytes += value->size;
    if (errand->count == GW_ERRAND_MAX || (errand->count > 0 && resettle->bytes > GW_ERRAND_BYTES))
        return GW_RETAINED_ENOUGH;
    errand->positions[errand->count++] = position;
    return GW_RETAINED_ON;
}

static void on_fetched(struct gw_journal *journal, struct gw_errand *errand, bool late,
                       gw_mono_ns now)
{
    struct gw_resettle *resettle = GW_CONTAINER(errand, struct gw_resettle, errand);
    (void)now;
    resettle->is_away = false;
    resettle->is_cold = false; /* or it is found so again */
    if (late)
        gw_errand_release(journal, errand);
    else
        gw_shard_want_turn(journal->shard);
}

static void fetch(struct gw_resettle *resettle)
{
    struct gw_shard *shard = resettle->shard;
    struct gw_errand *errand = &resettle->errand;
    struct gw_retained_cursor ahead;
    resettle->bytes = 0;
    resettle->is_away = true;
    if (!resettle->is_starved && gw_retained_cursor_copy(&ahead, &resettle->cursor) == GW_OK) {
        if (gw_retained_walk(shard->retained.set, &ahead, VISITS, scout_visit, resettle) ==
            GW_NO_MEMORY)
            resettle->is_starved = true;
        gw_retained_cursor_fini(&ahead);
        gw_errand_send(shard->journal, errand, on_fetched);
    } else {
        gw_errand_send_later(shard->journal, errand, on_fetched, gw_loop_now(shard->loop));
    }
}

/* -- a round -- */

static struct gw_resettle *begin(struct gw_shard *shard)
{
    struct gw_resettle *resettle = calloc(1, sizeof(*resettle));
    if (!resettle)
        return NULL; /* tried again in the next turn */
    resettle->shard = shard;
    gw_retained_cursor_init_all(&resettle->cursor);
    gw_keeper_doomed_init(&resettle->lost);
    shard->retained.resettle = resettle;
    return resettle;
}

bool gw_resettle_has_to_wait(const struct gw_shard *shard)
{
    const struct gw_resettle *resettle = shard->retained.resettle;
    if (!resettle || (!resettle->is_away && !resettle->is_cold))
        return false;
    return resettle->is_away || shard->clients.draining ||
           (can_move_cold(shard) && gw_keeper_excess(shard) > AHEAD_MAX);
}

bool gw_resettle_slice(struct gw_shard *shard)
{
    struct gw_resettle *resettle = shard->retained.resettle;
    if (!resettle)
        resettle = begin(shard);
    if (!resettle || gw_resettle_has_to_wait(shard))
        return false;
    if (resettle->is_cold) {
        fetch(resettle);
        return false;
    }
    resettle->is_starved = false;
    enum gw_status status =
        gw_retained_walk(shard->retained.set, &resettle->cursor, VISITS, slice_visit, resettle);
    gw_keeper_bury(shard, &resettle->lost);
    if (status != GW_END && !resettle->is_cold)
        return false;
    if (status != GW_END) { /* fetched next turn, when there is room for more */
        gw_errand_release(shard->journal, &resettle->errand);
        return false;
    }
    gw_resettle_fini(shard);
    return true;
}

void gw_resettle_fini(struct gw_shard *shard)
{
    struct gw_resettle *resettle = shard->retained.resettle;
    if (!resettle)
        return;
    gw_errand_release(shard->journal, &resettle->errand);
    gw_retained_cursor_fini(&resettle->cursor);
    free(resettle);
    shard->retained.resettle = NULL;
}
