#include "keep/walk.h"

#include <stdlib.h>

struct walk {
    const struct gw_vault *vault;
    gw_item_fn *fn;
    void *user;
    struct gw_walk_counts *counts;
    struct gw_trouble *trouble;
    struct gw_image_session **sessions;  /* by serial */
    struct gw_image_group **groups;      /* by serial */
    struct gw_image_retained **retained; /* by topic name */
};

static enum gw_status out_of_memory(const struct walk *walk)
{
    gw_trouble_say(walk->trouble, GW_NO_MEMORY, "out of memory");
    return GW_NO_MEMORY;
}

static enum gw_status give(const struct walk *walk, const struct gw_item *item)
{
    GW_TRY(walk->fn(walk->user, item));
    walk->counts->items[item->kind]++;
    return GW_OK;
}

/* Gives an item with the message of this place, or leaves it out if that cannot be read. */
static enum gw_status give_with(const struct walk *walk, struct gw_item *item, gw_position position)
{
    struct gw_blob *body;
    enum gw_status status = gw_vault_read(walk->vault, position, &body, &item->message);
    if (status == GW_END)
        return GW_OK;
    if (status == GW_NOT_FOUND || status == GW_MALFORMED) {
        walk->counts->lost++;
        return GW_OK;
    }
    if (status != GW_OK)
        return gw_trouble_say(walk->trouble, status, "cannot read segment %08x of %s: %s",
                              gw_position_segment(position), walk->vault->path,
                              gw_status_name(status));
    item->key = (struct gw_item_key){{position, 0}};
    item->has_message = true;
    /* Only what is unfinished still has to be relayed. */
    item->message.relayed = item->kind == GW_ITEM_UNFINISHED;
    item->message.session = 0;
    status = give(walk, item);
    gw_blob_unref(&body);
    return status;
}

/* -- the order -- */

static int compare_u64(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

static int compare_sessions(const void *a, const void *b)
{
    const struct gw_image_session *const *left = a;
    const struct gw_image_session *const *right = b;
    return compare_u64((*left)->serial, (*right)->serial);
}

static int compare_groups(const void *a, const void *b)
{
    const struct gw_image_group *const *left = a;
    const struct gw_image_group *const *right = b;
    return compare_u64((*left)->serial, (*right)->serial);
}

static int compare_retained(const void *a, const void *b)
{
    const struct gw_image_retained *const *left = a;
    const struct gw_image_retained *const *right = b;
    size_t shorter =
        (*left)->topic_size < (*right)->topic_size ? (*left)->topic_size : (*right)->topic_size;
    int order = memcmp((*left)->topic_name, (*right)->topic_name, shorter);
    return order ? order : compare_u64((*left)->topic_size, (*right)->topic_size);
}

static enum gw_status sort(struct walk *walk)
{
    struct gw_image *image = walk->vault->image;
    struct gw_image_session *session;
    struct gw_image_group *group;
    struct gw_image_retained *retained;
    struct gw_map_cursor cursor;
    walk->sessions = calloc(image->sessions.count + 1, sizeof(void *));
    walk->groups = calloc(image->groups.count + 1, sizeof(void *));
    walk->retained = calloc(image->retained.count + 1, sizeof(void *));
    if (!walk->sessions || !walk->groups || !walk->retained)
        return out_of_memory(walk);
    gw_map_first(&image->sessions, &cursor);
    for (size_t i = 0; (session = gw_image_next_session(image, &cursor)) != NULL; i++)
        walk->sessions[i] = session;
    gw_map_first(&image->groups, &cursor);
    for (size_t i = 0; (group = gw_image_next_group(image, &cursor)) != NULL; i++)
        walk->groups[i] = group;
    gw_map_first(&image->retained, &cursor);
    for (size_t i = 0; (retained = gw_image_next_retained(image, &cursor)) != NULL; i++)
        walk->retained[i] = retained;
    qsort(walk->sessions, image->sessions.count, sizeof(void *), compare_sessions);
    qsort(walk->groups, image->groups.count, sizeof(void *), compare_groups);
    qsort(walk->retained, image->retained.count, sizeof(void *), compare_retained);
    return GW_OK;
}

/* -- what there is -- */

static struct gw_span client_id_of(const struct gw_image_session *session)
{
    return gw_span_of(session->client_id, session->client_id_size);
}

static struct gw_span filter_of(const struct gw_image_group *group)
{
    return gw_span_of(group->filter, group->filter_size);
}

static int compare_ids(const void *a, const void *b)
{
    return compare_u64(*(const gw_packet_id *)a, *(const gw_packet_id *)b);
}

static enum gw_status give_will(const struct walk *walk, const struct gw_image_session *session)
{
    struct gw_record_will record;
    struct gw_item item = {
        .kind = GW_ITEM_WILL, .client_id = client_id_of(session), .has_message = true};
    if (!session->will || gw_record_read_will(gw_blob_span(session->will), &record) != GW_OK)
        return GW_OK;
    item.delay = record.delay;
    item.message.message = record.message;
    return give(walk, &item);
}

static enum gw_status give_session(const struct walk *walk, const struct gw_image_session *session)
{
    struct gw_item item = {
        .kind = GW_ITEM_SESSION,
        .client_id = client_id_of(session),
        .session = {.changed_ms = session->changed_ms,
                    .expiry = session->expiry,
                    .online = session->online,
                    .user = gw_blob_span(session->user)},
        .received = session->received,
        .received_count = session->received_count,
    };
    if (session->received_count > 0)
        qsort(session->received, session->received_count, sizeof *session->received, compare_ids);
    GW_TRY(give(walk, &item));
    GW_TRY(give_will(walk, session));
    GW_LIST_FOREACH (link, &session->subscriptions) {
        const struct gw_image_subscription *subscription =
            GW_CONTAINER_CONST(link, struct gw_image_subscription, link);
        item = (struct gw_item){
            .kind = GW_ITEM_SUBSCRIPTION,
            .client_id = client_id_of(session),
            .filter = gw_span_of(subscription->filter, subscription->filter_size),
            .options = subscription->options,
        };
        GW_TRY(give(walk, &item));
    }
    return GW_OK;
}

static enum gw_status give_unfinished(const struct walk *walk,
                                      const struct gw_image_unfinished *unfinished)
{
    const struct gw_image *image = walk->vault->image;
    struct gw_span *sessions = calloc((size_t)unfinished->had_count * 2 + 1, sizeof *sessions);
    if (!sessions)
        return out_of_memory(walk);
    struct gw_span *groups = sessions + unfinished->had_count;
    struct gw_item item = {.kind = GW_ITEM_UNFINISHED,
                           .had_sessions.list = sessions,
                           .had_groups.list = groups,
                           .retained = unfinished->retained};
    for (uint32_t i = 0; i < unfinished->had_count; i++) {
        const struct gw_image_session *session = gw_image_find(image, unfinished->had[i]);
        const struct gw_image_group *group = gw_image_find_group(image, unfinished->had[i]);
        if (session)
            sessions[item.had_sessions.count++] = client_id_of(session);
        else if (group)
            groups[item.had_groups.count++] = filter_of(group);
    }
    enum gw_status status = give_with(walk, &item, unfinished->message);
    free(sessions);
    return status;
}

static enum gw_status give_queued(const struct walk *walk, const struct gw_image_session *session,
                                  const struct gw_image_delivery *delivery)
{
    const struct gw_image_group *group = gw_image_find_group(walk->vault->image, delivery->group);
    struct gw_item item = {
        .kind = GW_ITEM_QUEUED,
        .client_id = client_id_of(session),
        .filter = group ? filter_of(group) : GW_SPAN_NONE,
        .packet_id = delivery->packet_id,
        .qos = delivery->qos,
        .retain = delivery->retain,
        .releasing = delivery->releasing,
    };
    item.id_count = (uint32_t)gw_image_delivery_ids(delivery, &item.ids);
    if (delivery->releasing)
        return give(walk, &item);
    return give_with(walk, &item, delivery->message);
}

static enum gw_status give_owed(const struct walk *walk)
{
    const struct gw_image *image = walk->vault->image;
    for (size_t i = 0; i < image->sessions.count; i++) {
        const struct gw_image_session *session = walk->sessions[i];
        for (size_t j = 0; j < session->delivery_count; j++)
            GW_TRY(give_queued(walk, session, &session->deliveries[j]));
    }
    for (size_t i = 0; i < image->groups.count; i++) {
        const struct gw_image_group *group = walk->groups[i];
        struct gw_item item = {.kind = GW_ITEM_GROUP_QUEUED, .filter = filter_of(group)};
        for (size_t j = 0; j < group->entry_count; j++)
            GW_TRY(give_with(walk, &item, group->entries[j].message));
    }
    return GW_OK;
}

static enum gw_status give_all(const struct walk *walk)
{
    const struct gw_image *image = walk->vault->image;
    struct gw_item item = {.kind = GW_ITEM_STORE, .version = GW_ITEM_VERSION};
    GW_TRY(give(walk, &item));
    for (size_t i = 0; i < image->groups.count; i++) {
        item = (struct gw_item){.kind = GW_ITEM_GROUP, .filter = filter_of(walk->groups[i])};
        GW_TRY(give(walk, &item));
    }
    for (size_t i = 0; i < image->sessions.count; i++)
        GW_TRY(give_session(walk, walk->sessions[i]));
    for (size_t i = 0; i < image->unfinished_count; i++)
        GW_TRY(give_unfinished(walk, &image->unfinished[i]));
    GW_TRY(give_owed(walk));
    for (size_t i = 0; i < image->retained.count; i++) {
        item = (struct gw_item){.kind = GW_ITEM_RETAINED};
        GW_TRY(give_with(walk, &item, walk->retained[i]->message));
    }
    return GW_OK;
}

enum gw_status gw_walk_run(const struct gw_vault *vault, gw_item_fn *fn, void *user,
                           struct gw_walk_counts *ret_counts, struct gw_trouble *trouble)
{
    struct walk walk = {
        .vault = vault, .fn = fn, .user = user, .counts = ret_counts, .trouble = trouble};
    *ret_counts = (struct gw_walk_counts){0};
    enum gw_status status = sort(&walk);
    if (status == GW_OK)
        status = give_all(&walk);
    free(walk.sessions);
    free(walk.groups);
    free(walk.retained);
    return status;
}
