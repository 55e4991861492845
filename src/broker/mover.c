#include "broker/mover.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "broker/errand.h"

#define ENTRIES_MIN 64u
#define ENTRIES_MAX ((size_t)2 * GW_MOVER_MESSAGES) /* those that come again included */

static struct gw_mover *mover_of(const struct gw_shard *shard)
{
    return &shard->journal->world->mover;
}

static enum gw_mover_phase phase_of(const struct gw_mover *mover)
{
    return (enum gw_mover_phase)atomic_load_explicit(&mover->phase, memory_order_acquire);
}

static void set_phase(struct gw_mover *mover, enum gw_mover_phase phase)
{
    atomic_store_explicit(&mover->phase, (uint8_t)phase, memory_order_release);
}

static bool is_dense(const struct gw_mover_segment *segment)
{
    return atomic_load_explicit(&segment->dense, memory_order_relaxed);
}

static void free_entries(struct gw_mover_segment *segment)
{
    free(segment->entries);
    free(segment->moved);
    segment->entries = NULL;
    segment->moved = NULL;
    segment->count = segment->capacity = 0;
}

static void leave_out(struct gw_mover_segment *segment)
{
    atomic_store_explicit(&segment->dense, true, memory_order_relaxed);
    free_entries(segment);
}

/* -- life -- */

void gw_mover_init(struct gw_mover *mover)
{
    gw_mutex_init(&mover->mutex);
    atomic_init(&mover->phase, GW_MOVER_IDLE);
}

static void drop_batch(struct gw_mover_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        gw_blob_unref(&batch->blobs[i]);
    batch->count = 0;
}

void gw_mover_fini(struct gw_mover *mover)
{
    drop_batch(&mover->batch);
    for (size_t i = 0; i < mover->segment_count; i++)
        free_entries(&mover->segments[i]);
    gw_mutex_fini(&mover->mutex);
}

void gw_mover_leave(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    struct gw_mover_copies *copies = &shard->journal->slicer.copies;
    for (size_t i = 0; i < GW_MOVER_SEGMENTS; i++) {
        for (size_t k = 0; copies->blobs[i] && k < mover->segments[i].count; k++)
            gw_blob_unref(&copies->blobs[i][k]);
        free(copies->blobs[i]);
        copies->blobs[i] = NULL;
    }
}

/* -- what is owed -- */

static int compare_entries(const void *left, const void *right)
{
    const struct gw_mover_entry *a = left, *b = right;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Sorts them and keeps each once; false if the segment is not sparse. */
static bool tidy(struct gw_mover_segment *segment)
{
    struct gw_mover_entry *entries = segment->entries;
    size_t kept = 0;
    uint64_t bytes = 0;
    if (segment->count > 0)
        qsort(entries, segment->count, sizeof(*entries), compare_entries);
    for (size_t i = 0; i < segment->count; i++) {
        if (kept > 0 && entries[kept - 1].offset == entries[i].offset)
            continue;
        bytes += entries[i].size;
        entries[kept++] = entries[i];
    }
    segment->count = kept;
    return bytes <= segment->size / GW_MOVER_SHARE && kept <= GW_MOVER_MESSAGES;
}

static bool make_room(struct gw_mover_segment *segment)
{
    if (segment->count < segment->capacity)
        return true;
    if (segment->capacity > 0) {
        if (!tidy(segment))
            return false;
        if (segment->count < segment->capacity / 2)
            return true;
    }
    size_t capacity = segment->capacity ? segment->capacity * 2 : ENTRIES_MIN;
    if (capacity > ENTRIES_MAX)
        return segment->count < segment->capacity;
    struct gw_mover_entry *entries = realloc(segment->entries, capacity * sizeof(*entries));
    if (!entries)
        return false;
    segment->entries = entries;
    segment->capacity = capacity;
    return true;
}

static void count(struct gw_mover *mover, struct gw_mover_segment *segment, uint32_t offset,
                  size_t size)
{
    gw_mutex_lock(&mover->mutex);
    if (!is_dense(segment)) {
        if (make_room(segment))
            segment->entries[segment->count++] = (struct gw_mover_entry){offset, (uint32_t)size};
        else
            leave_out(segment);
    }
    gw_mutex_unlock(&mover->mutex);
}

static int compare_segments(const void *left, const void *right)
{
    const struct gw_mover_segment *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static struct gw_mover_segment *find_segment(struct gw_mover *mover, gw_position place)
{
    const struct gw_mover_segment key = {.number = gw_position_segment(place)};
    struct gw_mover_segment *found =
        bsearch(&key, mover->segments, mover->segment_count, sizeof(key), compare_segments);
    return found && !is_dense(found) ? found : NULL;
}

/* -- who is owed it goes over -- */

static struct gw_blob *copy_blob(struct gw_shard *shard, const struct gw_blob *blob,
                                 gw_position place)
{
    struct gw_blob *copy = gw_blob_new(blob->size);
    if (!copy)
        return NULL;
    memcpy(copy->data, blob->data, blob->size);
    copy->keeper = &shard->journal->world->keeper;
    gw_store_hold(shard->journal->world->store, place);
    gw_blob_set_position(copy, place);
    return copy;
}

static gw_position move(struct gw_shard *shard, const struct gw_mover_segment *segment,
                        gw_position place, const struct gw_blob *blob, struct gw_blob **ret_copy)
{
    struct gw_mover_entry key = {.offset = gw_position_offset(place)};
    const struct gw_mover_entry *entry =
        bsearch(&key, segment->entries, segment->count, sizeof(*segment->entries), compare_entries);
    if (!entry)
        return place;
    size_t at = (size_t)(entry - segment->entries);
    if (segment->moved[at] == 0 || !blob)
        return segment->moved[at] ? segment->moved[at] : place;
    struct gw_blob ***copies =
        &shard->journal->slicer.copies.blobs[segment - mover_of(shard)->segments];
    if (!*copies)
        *copies = calloc(segment->count, sizeof(struct gw_blob *));
    if (*copies && !(*copies)[at])
        (*copies)[at] = copy_blob(shard, blob, segment->moved[at]);
    if (!*copies || !(*copies)[at])
        return place; /* no memory: it stays */
    *ret_copy = (*copies)[at];
    return segment->moved[at];
}

gw_position gw_mover_visit(struct gw_shard *shard, gw_position place, size_t size,
                           const struct gw_blob *blob, struct gw_blob **ret_copy)
{
    struct gw_mover *mover = mover_of(shard);
    enum gw_mover_phase phase = phase_of(mover);
    *ret_copy = NULL;
    if (phase != GW_MOVER_COUNTING && phase != GW_MOVER_MOVING)
        return place;
    struct gw_mover_segment *segment = find_segment(mover, place);
    if (!segment)
        return place;
    if (phase == GW_MOVER_MOVING)
        return move(shard, segment, place, blob, ret_copy);
    count(mover, segment, gw_position_offset(place), size);
    return place;
}

void gw_mover_swap(struct gw_blob **blob, struct gw_blob *copy)
{
    if (!copy)
        return;
    (void)gw_blob_ref(copy);
    gw_blob_unref(blob);
    *blob = copy;
}

/* -- rounds -- */

/* The segments that are looked at this time: each has its turn. */
static void choose(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    struct gw_store *store = shard->journal->world->store;
    struct gw_store_held held[GW_MOVER_SEGMENTS];
    size_t found = gw_store_held_segments(store, mover->next, GW_MOVER_SEGMENTS, held);
    if (found == 0 && mover->next > 0)
        found = gw_store_held_segments(store, 0, GW_MOVER_SEGMENTS, held);
    for (size_t i = 0; i < found; i++) {
        struct gw_mover_segment *segment = &mover->segments[i];
        segment->number = held[i].number;
        segment->size = held[i].size;
        atomic_store_explicit(&segment->dense, false, memory_order_relaxed);
    }
    mover->next = found > 0 ? held[found - 1].number + 1 : 0;
    mover->segment_count = found;
    mover->segment = mover->entry = 0;
    mover->messages = mover->bytes = 0;
    if (found > 0)
        set_phase(mover, GW_MOVER_COUNTING);
}

bool gw_mover_is_ready(const struct gw_shard *shard)
{
    return phase_of(mover_of(shard)) == GW_MOVER_READY;
}

void gw_mover_on_begin(struct gw_shard *shard)
{
    if (gw_mover_is_ready(shard))
        set_phase(mover_of(shard), GW_MOVER_MOVING);
    else if (phase_of(mover_of(shard)) == GW_MOVER_IDLE)
        choose(shard);
}

void gw_mover_on_end(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    if (phase_of(mover) == GW_MOVER_COUNTING)
        set_phase(mover, GW_MOVER_COUNTED);
    else if (phase_of(mover) == GW_MOVER_MOVING)
        set_phase(mover, GW_MOVER_MOVED);
}

/* -- the first shard, between two rounds -- */

/* Decides about one segment; those of which nobody was seen to need anything stay: it is something
 * else that holds them. */
static void judge(struct gw_mover *mover)
{
    struct gw_mover_segment *segment = &mover->segments[mover->segment];
    if (!is_dense(segment)) {
        if (segment->count > 0 && tidy(segment))
            segment->moved = calloc(segment->count, sizeof(*segment->moved));
        if (!segment->moved)
            leave_out(segment);
    }
    if (++mover->segment < mover->segment_count)
        return;
    mover->segment = 0;
    set_phase(mover, GW_MOVER_COPYING);
}

/* The messages of the last batch have their places: those are held until all have moved. False if
 * they have not. */
static bool settle_batch(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    struct gw_mover_batch *batch = &mover->batch;
    if (batch->count == 0)
        return true;
    if (gw_position_segment(gw_blob_position(batch->blobs[0])) == GW_JOURNAL_PENDING)
        return false;
    for (size_t i = 0; i < batch->count; i++) {
        *batch->places[i] = gw_blob_position(batch->blobs[i]);
        gw_store_hold(shard->journal->world->store, *batch->places[i]);
        mover->messages++;
        mover->bytes += batch->blobs[i]->size;
    }
    mover->ticket = gw_journal_ticket(shard);
    drop_batch(batch);
    return true;
}

static void on_fetched(struct gw_journal *journal, struct gw_errand *errand, bool late,
                       gw_mono_ns now)
{
    struct gw_mover *mover = &journal->world->mover;
    struct gw_mover_segment *segment = &mover->segments[mover->segment];
    struct gw_mover_batch *batch = &mover->batch;
    (void)now;
    mover->fetching = false;
    for (size_t i = 0; i < errand->count && !late; i++) {
        const struct gw_blob *body = errand->bodies[i];
        if (body && gw_journal_move(journal->shard, gw_blob_span(body),
                                    &batch->blobs[batch->count]) == GW_OK)
            batch->places[batch->count++] = &segment->moved[mover->entry + i];
    }
    mover->entry += errand->count;
    gw_errand_release(journal, errand);
    free(errand);
    if (!late)
        gw_shard_want_turn(journal->shard);
}

/* Has the next ones read; false if there are none. */
static bool fetch(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    while (mover->segment < mover->segment_count &&
           (is_dense(&mover->segments[mover->segment]) ||
            mover->entry == mover->segments[mover->segment].count)) {
        mover->segment++;
        mover->entry = 0;
    }
    if (mover->segment == mover->segment_count)
        return false;
    const struct gw_mover_segment *segment = &mover->segments[mover->segment];
    struct gw_errand *errand = calloc(1, sizeof(*errand));
    if (!errand)
        return true; /* in another turn */
    size_t bytes = 0;
    for (size_t i = mover->entry; i < segment->count && errand->count < GW_MOVER_BATCH; i++) {
        bytes += segment->entries[i].size;
        if (errand->count > 0 && bytes > GW_MOVER_BYTES)
            break;
        errand->positions[errand->count++] =
            gw_position_of(segment->number, segment->entries[i].offset);
    }
    mover->fetching = true;
    gw_errand_send(shard->journal, errand, on_fetched);
    return true;
}

static void log_moved(const struct gw_shard *shard, uint64_t segments)
{
    const struct gw_mover *mover = mover_of(shard);
    struct gw_log_field fields[] = {
        gw_log_number("segments", (int64_t)segments),
        gw_log_number("messages", (int64_t)mover->messages),
        gw_log_number("bytes", (int64_t)mover->bytes),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_INFO, "store.moved",
                 "messages that wait were moved out of old segments", fields, GW_COUNT_OF(fields));
}

/* One segment a turn: the new places are held by those who are owed them. */
static void let_go(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    uint64_t segments = 0;
    if (mover->segment < mover->segment_count) {
        struct gw_mover_segment *segment = &mover->segments[mover->segment++];
        for (size_t i = 0; segment->moved && i < segment->count; i++)
            if (segment->moved[i] != 0)
                gw_store_drop(shard->journal->world->store, segment->moved[i]);
        free_entries(segment);
        return;
    }
    for (size_t i = 0; i < mover->segment_count; i++)
        segments += !is_dense(&mover->segments[i]);
    if (mover->messages > 0)
        log_moved(shard, segments);
    gw_metrics_add(&shard->metrics, GW_METRIC_STORE_MOVED, (int64_t)mover->messages);
    gw_metrics_add(&shard->metrics, GW_METRIC_STORE_MOVED_BYTES, (int64_t)mover->bytes);
    mover->segment_count = 0;
    set_phase(mover, GW_MOVER_IDLE);
}

/* Everything is written once more; nothing was, if nothing was sparse. */
static void end_copying(struct gw_mover *mover)
{
    mover->segment = 0;
    set_phase(mover, mover->messages > 0 ? GW_MOVER_COPIED : GW_MOVER_MOVED);
}

/* False if it goes on by itself: when something is fetched, or the log got further. */
static bool copy(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    if (mover->fetching || gw_journal_congested(shard))
        return false;
    if (settle_batch(shard) && !fetch(shard))
        end_copying(mover);
    return !mover->fetching;
}

void gw_mover_run(struct gw_shard *shard)
{
    struct gw_mover *mover = mover_of(shard);
    bool again = true;
    if (gw_journal_state(shard) == GW_STORE_FAILED)
        return;
    switch (phase_of(mover)) {
    case GW_MOVER_COUNTED: judge(mover); break;
    case GW_MOVER_COPYING: again = copy(shard); break;
    case GW_MOVER_COPIED:
        if (gw_journal_reached(shard, mover->ticket, true))
            set_phase(mover, GW_MOVER_READY);
        return;
    case GW_MOVER_MOVED: let_go(shard); break;
    case GW_MOVER_IDLE:
    case GW_MOVER_COUNTING:
    case GW_MOVER_READY:
    case GW_MOVER_MOVING: return;
    }
    if (again)
        gw_shard_want_turn(shard);
}
