#include "broker/restore.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/group.h"
#include "broker/journal.h"
#include "broker/keeper.h"
#include "broker/registry.h"
#include "broker/router.h"
#include "broker/subscriber.h"

static struct gw_shard *owner_of(struct gw_shard_world *world, struct gw_span name)
{
    struct gw_shard *any = &world->shards[0];
    return &world->shards[gw_shard_owner(any, gw_shard_hash(any, name))];
}

static void log_lost(const struct gw_shard *shard, const char *what, gw_position position,
                     enum gw_status why)
{
    struct gw_log_field fields[] = {
        gw_log_str("what", what),
        gw_log_number("segment", gw_position_segment(position)),
        gw_log_number("offset", gw_position_offset(position)),
        gw_log_str("why", gw_status_name(why)),
    };
    gw_log_event(gw_shard_log(shard), GW_LOG_ERROR, "store.unreadable",
                 "a message cannot be read back and is lost", fields, GW_COUNT_OF(fields));
}

/* A message of the log; NULL, with a line, if it cannot be read. GW_NO_MEMORY: memory or
 * descriptors are out, which is no reason to give up what was promised. */
static enum gw_status fetch(struct gw_shard *shard, const char *what, gw_position position,
                            struct gw_restore_counts *counts, struct gw_blob **ret_message)
{
    struct gw_blob *body;
    struct gw_record_message record;
    *ret_message = NULL;
    enum gw_status status = gw_store_read(shard->journal->world->store, position, &body);
    if (status == GW_OK) {
        struct gw_span bytes = gw_blob_span(body);
        *ret_message = gw_journal_blob(shard, bytes, position);
        if (!*ret_message)
            status = gw_record_read_message(bytes, &record) == GW_OK ? GW_NO_MEMORY : GW_MALFORMED;
        gw_blob_unref(&body);
    }
    if (status == GW_OK || status == GW_NO_MEMORY)
        return status;
    counts->lost++;
    log_lost(shard, what, position, status);
    return GW_OK;
}

/* -- sessions -- */

static uint64_t ago_ms(const struct gw_shard *shard, uint64_t wall_ms)
{
    uint64_t now = (uint64_t)gw_clock_wall(gw_loop_clock(shard->loop)) / GW_NS_PER_MS;
    return now > wall_ms ? now - wall_ms : 0;
}

/* When it went offline, on the clock of this run; what is too long ago for that clock shortens its
 * expiry instead. */
static void set_closed(struct gw_shard *shard, struct gw_session *session,
                       const struct gw_image_session *image)
{
    gw_mono_ns now = gw_clock_mono(gw_loop_clock(shard->loop));
    uint64_t ago = image->online ? 0 : ago_ms(shard, image->changed_ms);
    session->expiry = image->expiry;
    session->closed_at = now;
    if (ago * GW_NS_PER_MS < now)
        session->closed_at = now - ago * GW_NS_PER_MS;
    else if (session->expiry != GW_SESSION_EXPIRY_NEVER)
        session->expiry -= ago / 1000 < session->expiry ? (uint32_t)(ago / 1000) : session->expiry;
}

static enum gw_status set_will(struct gw_shard *shard, struct gw_session *session,
                               const struct gw_image_session *image)
{
    struct gw_record_will record;
    if (!image->will)
        return GW_OK;
    if (gw_record_read_will(gw_blob_span(image->will), &record) != GW_OK || !record.present)
        return GW_OK;
    record.message.publisher = session->client_hash;
    record.message.topic_hash = gw_shard_hash(shard, record.message.topic_name);
    return gw_session_set_will(session, &record.message, record.delay);
}

static enum gw_status restore_delivery(struct gw_shard *shard, struct gw_session *session,
                                       const struct gw_image_delivery *delivery)
{
    /* QoS 1 goes out before the log has its identifier: it must not look like the first time
     * (MQTT-3.3.1-1). */
    bool may_have_gone = session->outbox.adrift && delivery->qos == 1 &&
                         (int32_t)(delivery->order - session->outbox.adrift_before) < 0;
    struct gw_outbox_restored restored = {
        .message = delivery->message,
        .group = delivery->group,
        .ids = &delivery->id,
        .id_count = delivery->id != 0 ? 1 : 0,
        .order = delivery->order,
        .group_order = delivery->group_order,
        .size = delivery->size,
        .packet_id = delivery->packet_id,
        .qos = delivery->qos,
        .retain = delivery->retain,
        .releasing = delivery->releasing,
        .sent = may_have_gone,
    };
    if (delivery->ids) {
        restored.ids = (const uint32_t *)(const void *)delivery->ids->data;
        restored.id_count = (uint32_t)(delivery->ids->size / sizeof(uint32_t));
    }
    /* Its group does not owe it any more (session/tidy) and will not say so when it is settled. */
    if (delivery->group != 0)
        gw_journal_group_settled(shard, delivery->group, delivery->group_order);
    return gw_outbox_restore(&session->outbox, &shard->sessions.host, &restored);
}

static enum gw_status restore_session(struct gw_shard *shard, const struct gw_image_session *image,
                                      struct gw_restore_counts *counts)
{
    struct gw_session *session;
    struct gw_span id = gw_span_of(image->client_id, image->client_id_size);
    GW_TRY(gw_registry_restore(shard, id, &session));
    gw_session_set_user(session, image->user);
    session->serial = image->serial;
    session->outbox.durable = true;
    session->outbox.next_order = image->next_order;
    session->outbox.adrift = image->online || image->adrift;
    session->outbox.adrift_before = image->online ? image->next_order : image->adrift_before;
    set_closed(shard, session, image);
    GW_TRY(set_will(shard, session, image));
    for (size_t i = 0; i < image->received_count; i++)
        if (gw_idset_add(&session->received, image->received[i]) == GW_NO_MEMORY)
            return GW_NO_MEMORY;
    for (size_t i = 0; i < image->delivery_count; i++)
        GW_TRY(restore_delivery(shard, session, &image->deliveries[i]));
    GW_LIST_FOREACH (link, &image->subscriptions) {
        const struct gw_image_subscription *subscription =
            GW_CONTAINER_CONST(link, struct gw_image_subscription, link);
        GW_TRY(gw_subscriber_restore(shard, session,
                                     gw_span_of(subscription->filter, subscription->filter_size),
                                     &subscription->options));
        counts->subscriptions++;
    }
    counts->sessions++;
    counts->queued += image->delivery_count;
    gw_shard_count_outbox(shard, &session->outbox);
    gw_shard_count_session(shard, session);
    return GW_OK;
}

/* When what expires at a time of the wall's clock does so on the clock of this run. */
static gw_mono_ns deadline_of(const struct gw_shard *shard, uint64_t expires_ms)
{
    gw_mono_ns now = gw_clock_mono(gw_loop_clock(shard->loop));
    uint64_t wall = (uint64_t)gw_clock_wall(gw_loop_clock(shard->loop)) / GW_NS_PER_MS;
    if (expires_ms == 0 || (expires_ms > wall && (expires_ms - wall) / 1000 > UINT32_MAX))
        return GW_NEVER;
    return now + (expires_ms > wall ? (expires_ms - wall) * GW_NS_PER_MS : 0);
}

/* Older records do not say what has to be known of it while it is cold: it is read once. */
static enum gw_status restore_unknown(struct gw_shard *shard, const struct gw_image_retained *image,
                                      struct gw_restore_counts *counts)
{
    struct gw_message message;
    struct gw_blob *blob;
    GW_TRY(fetch(shard, "retained", image->message, counts, &blob));
    if (!blob)
        return GW_OK;
    gw_message_open(blob, &message);
    enum gw_status status =
        gw_keeper_restore(shard, message.topic_name, image->message,
                          (uint32_t)gw_message_footprint(&message), gw_message_deadline(&message));
    counts->retained++;
    gw_blob_unref(&blob);
    return status;
}

/* They come back cold: their names are all that is looked at. */
static enum gw_status restore_retained(struct gw_shard *shard,
                                       const struct gw_image_retained *image,
                                       struct gw_restore_counts *counts)
{
    if (image->size == 0)
        return restore_unknown(shard, image, counts);
    counts->retained++;
    return gw_keeper_restore(shard, gw_span_of(image->topic_name, image->topic_size),
                             image->message, image->size, deadline_of(shard, image->expires_ms));
}

enum gw_status gw_restore_run(struct gw_shard_world *world, struct gw_image *image,
                              struct gw_restore_counts *ret_counts)
{
    struct gw_map_cursor cursor;
    struct gw_map_node *node;
    *ret_counts = (struct gw_restore_counts){0};
    gw_map_first(&image->groups, &cursor);
    while ((node = gw_map_next(&image->groups, &cursor))) {
        const struct gw_image_group *group = GW_CONTAINER(node, struct gw_image_group, node);
        struct gw_span filter = gw_span_of(group->filter, group->filter_size);
        gw_group_restore(owner_of(world, filter), filter, group->serial, group->next_order);
    }
    gw_map_first(&image->sessions, &cursor);
    while ((node = gw_map_next(&image->sessions, &cursor))) {
        const struct gw_image_session *session =
            GW_CONTAINER(node, struct gw_image_session, by_serial);
        struct gw_span id = gw_span_of(session->client_id, session->client_id_size);
        GW_TRY(restore_session(owner_of(world, id), session, ret_counts));
    }
    struct gw_image_retained *retained;
    gw_map_first(&image->retained, &cursor);
    while ((retained = gw_image_next_retained(image, &cursor))) {
        struct gw_span name = gw_span_of(retained->topic_name, retained->topic_size);
        GW_TRY(restore_retained(owner_of(world, name), retained, ret_counts));
        gw_image_drop_retained(image, retained); /* not twice in memory, they may be millions */
    }
    return GW_OK;
}

/* -- groups -- */

static enum gw_status restore_group(struct gw_shard *shard, const struct gw_image_group *image,
                                    struct gw_restore_counts *counts)
{
    struct gw_span filter = gw_span_of(image->filter, image->filter_size);
    if (!gw_group_restored(shard, filter))
        return GW_OK;
    counts->groups++;
    for (size_t i = 0; i < image->entry_count; i++) {
        const struct gw_image_group_entry *entry = &image->entries[i];
        struct gw_blob *blob;
        GW_TRY(fetch(shard, "of a shared subscription", entry->message, counts, &blob));
        if (!blob)
            continue;
        gw_group_restore_message(shard, filter, blob, entry->order);
        counts->queued++;
    }
    return GW_OK;
}

/* -- messages that had not reached everybody -- */

/* Somebody who has a later message of the same origin: what came before has passed him by. */
struct passed {
    uint64_t serial;
    uint32_t last; /* index of that message */
    uint8_t origin;
};

/* One message that is routed again. */
struct job {
    const struct gw_image *image;
    const struct gw_image_unfinished *unfinished;
    const struct passed *passed; /* by origin and serial */
    size_t passed_count;
    uint32_t index;
};

static int compare_passed(const void *left, const void *right)
{
    const struct passed *a = left, *b = right;
    if (a->origin != b->origin)
        return a->origin < b->origin ? -1 : 1;
    return a->serial < b->serial ? -1 : a->serial > b->serial;
}

/* Everybody with the last message that he has of each origin. *ret_count of them; NULL if there are
 * none, or no memory. */
static struct passed *list_passed(const struct gw_image *image, size_t *ret_count)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < image->unfinished_count; i++)
        count += image->unfinished[i].had_count;
    struct passed *all = count > 0 ? malloc(count * sizeof(*all)) : NULL;
    *ret_count = 0;
    if (!all)
        return NULL;
    count = 0;
    for (size_t i = 0; i < image->unfinished_count; i++) {
        const struct gw_image_unfinished *each = &image->unfinished[i];
        for (uint32_t k = 0; k < each->had_count; k++)
            all[count++] = (struct passed){each->had[k], (uint32_t)i, each->origin};
    }
    qsort(all, count, sizeof(*all), compare_passed);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_passed(&all[kept - 1], &all[i]) == 0) {
            if (all[kept - 1].last < all[i].last)
                all[kept - 1].last = all[i].last;
        } else {
            all[kept++] = all[i];
        }
    }
    *ret_count = kept;
    return all;
}

/* A shard acts on the messages of another one in their order: who has this one or a later one has
 * had all before it that were for him. */
static bool wants(const void *user, uint64_t serial)
{
    const struct job *job = user;
    const struct gw_image_session *session = gw_image_find(job->image, serial);
    if (session && session->made_at > job->unfinished->message)
        return false; /* it was not there yet; one before it of the same client may have had it */
    /* What it was to have of its own loop's messages is in one chunk with them. All unfinished ones
     * are of the broker's last life, and so is a record that is younger than the oldest. */
    if (session && session->home == job->unfinished->origin &&
        session->home_at > job->image->unfinished[0].message)
        return false;
    struct passed key = {.serial = serial, .origin = job->unfinished->origin};
    const struct passed *found =
        job->passed_count == 0
            ? NULL
            : bsearch(&key, job->passed, job->passed_count, sizeof(key), compare_passed);
    return !found || found->last < job->index;
}

static enum gw_status redo(struct gw_shard_world *world, const struct job *job,
                           struct gw_restore_counts *counts)
{
    const struct gw_image_unfinished *unfinished = job->unfinished;
    struct gw_shard *first = &world->shards[0];
    struct gw_blob *blob;
    GW_TRY(fetch(first, "on its way", unfinished->message, counts, &blob));
    if (!blob)
        return GW_OK;
    struct gw_message message;
    gw_message_open(blob, &message);
    for (unsigned i = 0; i < world->shard_count && message.qos > 0; i++)
        gw_router_redo(&world->shards[i], &message, wants, job);
    if (message.retain && !unfinished->retained)
        gw_keeper_redo(owner_of(world, message.topic_name), blob);
    counts->unfinished++;
    gw_blob_unref(&blob);
    return GW_OK;
}

static enum gw_status redo_all(struct gw_shard_world *world, const struct gw_image *image,
                               struct gw_restore_counts *counts)
{
    struct job job = {.image = image};
    struct passed *passed = list_passed(image, &job.passed_count);
    job.passed = passed;
    enum gw_status status = GW_OK;
    for (uint32_t i = 0; i < image->unfinished_count && status == GW_OK; i++) {
        job.unfinished = &image->unfinished[i];
        job.index = i;
        status =
            !passed && job.unfinished->had_count > 0 ? GW_NO_MEMORY : redo(world, &job, counts);
    }
    free(passed);
    return status;
}

/* What is redone has to be in the log before it is called complete. */
static void sync_all(struct gw_shard_world *world)
{
    for (unsigned i = 0; i < world->shard_count; i++)
        gw_journal_submit(&world->shards[i]);
    while (gw_store_step(world->journal->store))
        ;
}

/* Wills and expiry: some are due already. */
static void begin_sessions(struct gw_shard_world *world, struct gw_image *image)
{
    struct gw_map_cursor cursor;
    struct gw_map_node *node;
    gw_map_first(&image->sessions, &cursor);
    while ((node = gw_map_next(&image->sessions, &cursor))) {
        const struct gw_image_session *known =
            GW_CONTAINER(node, struct gw_image_session, by_serial);
        struct gw_span id = gw_span_of(known->client_id, known->client_id_size);
        struct gw_shard *shard = owner_of(world, id);
        struct gw_session *session = gw_registry_find(shard, id);
        if (session && known->online) /* its time runs from now on, whatever becomes of this life */
            gw_journal_offline(shard, session);
        if (session)
            gw_registry_begin(shard, session, gw_clock_mono(gw_loop_clock(shard->loop)));
    }
}

enum gw_status gw_restore_finish(struct gw_shard_world *world, struct gw_image *image,
                                 struct gw_restore_counts *ret_counts)
{
    struct gw_map_cursor cursor;
    struct gw_map_node *node;
    gw_position latest;
    gw_map_first(&image->groups, &cursor);
    while ((node = gw_map_next(&image->groups, &cursor))) {
        const struct gw_image_group *group = GW_CONTAINER(node, struct gw_image_group, node);
        struct gw_span filter = gw_span_of(group->filter, group->filter_size);
        GW_TRY(restore_group(owner_of(world, filter), group, ret_counts));
    }
    GW_TRY(redo_all(world, image, ret_counts));
    if (image->unfinished_count > 0) {
        latest = image->unfinished[image->unfinished_count - 1].message;
        sync_all(world);
        for (unsigned origin = 0; origin < GW_BROKER_SHARDS_MAX; origin++)
            gw_journal_complete(&world->shards[0], (uint8_t)origin, latest);
        sync_all(world);
    }
    /* Wills that are due come after what was published before, and after the word that all of that
     * has arrived: so what is unfinished at the next start is of one life of the broker (wants). */
    begin_sessions(world, image);
    return GW_OK;
}
