#include "session/image.h"

#include <stdlib.h>

#include "session/pending.h"
#include "session/tidy.h"

#define KIND_MASK 0x7Fu

_Static_assert(offsetof(struct gw_image_subscription, filter) ==
                   offsetof(struct gw_image_subscription, serial) + sizeof(uint64_t),
               "serial and filter are one key");

/* -- keys -- */

static struct gw_span serial_key(const uint64_t *serial)
{
    return gw_span_of(serial, sizeof(*serial));
}

static struct gw_span session_serial(const struct gw_map_node *node)
{
    return serial_key(&GW_CONTAINER_CONST(node, struct gw_image_session, by_serial)->serial);
}

static struct gw_span session_client_id(const struct gw_map_node *node)
{
    const struct gw_image_session *session =
        GW_CONTAINER_CONST(node, struct gw_image_session, by_client_id);
    return gw_span_of(session->client_id, session->client_id_size);
}

static struct gw_span subscription_key(const struct gw_map_node *node)
{
    const struct gw_image_subscription *subscription =
        GW_CONTAINER_CONST(node, struct gw_image_subscription, node);
    return gw_span_of(&subscription->serial,
                      sizeof(subscription->serial) + (size_t)subscription->filter_size);
}

static struct gw_span retained_topic(const struct gw_map_node *node)
{
    const struct gw_image_retained *retained =
        GW_CONTAINER_CONST(node, struct gw_image_retained, node);
    return gw_span_of(retained->topic_name, retained->topic_size);
}

static struct gw_span group_filter(const struct gw_map_node *node)
{
    const struct gw_image_group *group = GW_CONTAINER_CONST(node, struct gw_image_group, node);
    return gw_span_of(group->filter, group->filter_size);
}

static struct gw_span group_serial(const struct gw_map_node *node)
{
    return serial_key(&GW_CONTAINER_CONST(node, struct gw_image_group, by_serial)->serial);
}

/* -- life -- */

struct gw_image *gw_image_new(uint64_t seed)
{
    struct gw_image *image = calloc(1, sizeof(*image));
    if (!image)
        return NULL;
    gw_map_init(&image->sessions, session_serial, seed);
    gw_map_init(&image->by_client_id, session_client_id, seed);
    gw_map_init(&image->subscriptions, subscription_key, seed);
    gw_map_init(&image->retained, retained_topic, seed);
    gw_map_init(&image->groups, group_filter, seed);
    gw_map_init(&image->groups_by_serial, group_serial, seed);
    gw_numset_init(&image->ended);
    return image;
}

static void drop_subscription(struct gw_image *image, struct gw_image_subscription *subscription)
{
    gw_map_remove(&image->subscriptions, &subscription->node);
    gw_list_remove(&subscription->link);
    free(subscription);
}

static void free_session(struct gw_image_session *session)
{
    struct gw_image_delivery *deliveries = (void *)session->orders.items;
    for (uint32_t i = 0; i < session->orders.count; i++)
        gw_blob_unref(&deliveries[i].ids);
    gw_orders_fini(&session->orders);
    gw_idset_fini(&session->receiving);
    free(session->received);
    gw_blob_unref(&session->will);
    gw_blob_unref(&session->user);
    free(session);
}

void gw_image_drop_session(struct gw_image *image, struct gw_image_session *session)
{
    GW_LIST_FOREACH (link, &session->subscriptions)
        drop_subscription(image, GW_CONTAINER(link, struct gw_image_subscription, link));
    gw_map_remove(&image->sessions, &session->by_serial);
    gw_map_remove(&image->by_client_id, &session->by_client_id);
    if (image->last == session)
        image->last = NULL;
    free_session(session);
}

void gw_image_drop_group(struct gw_image *image, struct gw_image_group *group)
{
    gw_map_remove(&image->groups, &group->node);
    gw_map_remove(&image->groups_by_serial, &group->by_serial);
    gw_orders_fini(&group->orders);
    free(group);
}

void gw_image_drop_retained(struct gw_image *image, struct gw_image_retained *retained)
{
    gw_map_remove(&image->retained, &retained->node);
    free(retained);
}

void gw_image_free(struct gw_image *image)
{
    struct gw_image_session *session;
    struct gw_image_group *group;
    struct gw_image_retained *retained;
    struct gw_map_cursor cursor;
    if (!image)
        return;
    gw_map_first(&image->sessions, &cursor);
    while ((session = gw_image_next_session(image, &cursor)) != NULL)
        gw_image_drop_session(image, session);
    gw_map_first(&image->groups, &cursor);
    while ((group = gw_image_next_group(image, &cursor)) != NULL)
        gw_image_drop_group(image, group);
    gw_map_first(&image->retained, &cursor);
    while ((retained = gw_image_next_retained(image, &cursor)) != NULL)
        gw_image_drop_retained(image, retained);
    for (size_t i = 0; i < image->unfinished_count; i++)
        free(image->unfinished[i].had);
    free(image->unfinished);
    free(image->taken);
    gw_map_fini(&image->sessions);
    gw_map_fini(&image->by_client_id);
    gw_map_fini(&image->subscriptions);
    gw_map_fini(&image->retained);
    gw_map_fini(&image->groups);
    gw_map_fini(&image->groups_by_serial);
    gw_numset_fini(&image->ended);
    free(image);
}

struct gw_image_session *gw_image_find(const struct gw_image *image, uint64_t serial)
{
    struct gw_map_node *node = gw_map_find(&image->sessions, serial_key(&serial));
    return node ? GW_CONTAINER(node, struct gw_image_session, by_serial) : NULL;
}

struct gw_image_group *gw_image_find_group(const struct gw_image *image, uint64_t serial)
{
    struct gw_map_node *node = gw_map_find(&image->groups_by_serial, serial_key(&serial));
    return node ? GW_CONTAINER(node, struct gw_image_group, by_serial) : NULL;
}

/* -- what the records have in common; apply counts what they return -- */

/* Finds the session of a record; GW_NOT_FOUND. */
static enum gw_status session_of(struct gw_image *image, uint64_t serial,
                                 struct gw_image_session **ret_session)
{
    if (serial > image->serial_max)
        image->serial_max = serial;
    if (!image->last || image->last->serial != serial) {
        struct gw_image_session *session = gw_image_find(image, serial);
        if (!session)
            return GW_NOT_FOUND;
        image->last = session;
    }
    *ret_session = image->last;
    return GW_OK;
}

static enum gw_status group_of(struct gw_image *image, uint64_t serial,
                               struct gw_image_group **ret_group)
{
    if (serial > image->serial_max)
        image->serial_max = serial;
    *ret_group = gw_image_find_group(image, serial);
    return *ret_group ? GW_OK : GW_NOT_FOUND;
}

/* Replaces a blob by other bytes, by none if there are none. */
static enum gw_status set_blob(struct gw_blob **blob, struct gw_span bytes)
{
    struct gw_blob *made = NULL;
    if (bytes.size > 0) {
        if (*blob && gw_span_equal(bytes, gw_blob_span(*blob)))
            return GW_OK;
        made = gw_blob_copy(bytes);
        if (!made)
            return GW_NO_MEMORY;
    }
    gw_blob_unref(blob);
    *blob = made;
    return GW_OK;
}

/* The position that a reference means; those that go back stay in the segment. */
static enum gw_status place_of(const struct gw_record_ref *ref, gw_position own,
                               gw_position *ret_place)
{
    if (ref->back > gw_position_offset(own))
        return GW_MALFORMED;
    *ret_place = gw_record_place(ref, own);
    return ref->back > 0 && *ret_place == 0 ? GW_MALFORMED : GW_OK;
}

/* -- messages -- */

static enum gw_status on_message(struct gw_image *image, gw_position position, struct gw_span body)
{
    struct gw_record_message record;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_message(body, &record));
    image->last_origin = record.origin;
    if (record.relayed)
        GW_TRY(gw_pending_add(image, position, record.origin));
    if (record.session == 0)
        return GW_OK;
    GW_TRY(session_of(image, record.session, &session));
    enum gw_status status = gw_idset_add(&session->receiving, record.packet_id);
    return status == GW_EXISTS ? GW_OK : status;
}

static enum gw_status on_complete(struct gw_image *image, struct gw_span body)
{
    struct gw_record_complete record;
    GW_TRY(gw_record_read_complete(body, &record));
    if (record.upto > image->complete[record.origin])
        image->complete[record.origin] = record.upto;
    return GW_OK;
}

/* -- sessions -- */

static enum gw_status end_session(struct gw_image *image, struct gw_image_session *session)
{
    enum gw_status status = gw_numset_add(&image->ended, session->serial);
    gw_image_drop_session(image, session);
    return status;
}

static enum gw_status new_session(struct gw_image *image, const struct gw_record_session *record,
                                  struct gw_image_session **ret_session)
{
    struct gw_map_node *node = gw_map_find(&image->by_client_id, record->client_id);
    if (node) { /* its END was lost with a damaged chunk, or this record comes again */
        struct gw_image_session *other = GW_CONTAINER(node, struct gw_image_session, by_client_id);
        if (other->serial > record->serial)
            return GW_NOT_FOUND;
        GW_TRY(end_session(image, other));
    }
    struct gw_image_session *session = calloc(1, sizeof(*session) + record->client_id.size);
    if (!session)
        return GW_NO_MEMORY;
    session->serial = record->serial;
    session->client_id_size = (uint16_t)record->client_id.size;
    memcpy(session->client_id, record->client_id.data, record->client_id.size);
    gw_list_init(&session->subscriptions);
    gw_orders_init(&session->orders, sizeof(struct gw_image_delivery));
    gw_idset_init(&session->receiving);
    if (gw_map_insert(&image->sessions, &session->by_serial) != GW_OK) {
        free(session);
        return GW_NO_MEMORY;
    }
    if (gw_map_insert(&image->by_client_id, &session->by_client_id) != GW_OK) {
        gw_map_remove(&image->sessions, &session->by_serial);
        free(session);
        return GW_NO_MEMORY;
    }
    *ret_session = session;
    return GW_OK;
}

static enum gw_status on_session(struct gw_image *image, gw_position position, struct gw_span body)
{
    struct gw_record_session record;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_session(body, &record));
    if (session_of(image, record.serial, &session) != GW_OK) {
        if (gw_numset_has(&image->ended, record.serial))
            return GW_NOT_FOUND;
        GW_TRY(new_session(image, &record, &session));
        session->made_at = record.made ? position : 0;
    }
    if (!gw_span_equal(record.client_id, gw_span_of(session->client_id, session->client_id_size)))
        return GW_MALFORMED;
    session->changed_ms = record.changed_ms;
    session->expiry = record.expiry;
    session->online = record.online;
    session->adrift = record.adrift;
    session->adrift_before = record.adrift_before;
    return set_blob(&session->user, record.user);
}

static enum gw_status on_end(struct gw_image *image, struct gw_span body)
{
    uint64_t serial;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_serial(body, &serial));
    GW_TRY(gw_numset_add(&image->ended, serial));
    GW_TRY(session_of(image, serial, &session));
    gw_image_drop_session(image, session);
    return GW_OK;
}

static enum gw_status on_will(struct gw_image *image, struct gw_span body)
{
    struct gw_record_will record;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_will(body, &record));
    GW_TRY(session_of(image, record.serial, &session));
    return set_blob(&session->will, record.present ? body : GW_SPAN_NONE);
}

static struct gw_image_subscription *find_subscription(const struct gw_image *image,
                                                       const struct gw_record_subscription *record)
{
    uint8_t key[sizeof(record->serial) + UINT16_MAX];
    memcpy(key, &record->serial, sizeof(record->serial));
    memcpy(key + sizeof(record->serial), record->filter.data, record->filter.size);
    struct gw_map_node *node = gw_map_find(
        &image->subscriptions, gw_span_of(key, sizeof(record->serial) + record->filter.size));
    return node ? GW_CONTAINER(node, struct gw_image_subscription, node) : NULL;
}

static enum gw_status on_subscribe(struct gw_image *image, struct gw_span body)
{
    struct gw_record_subscription record;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_subscription(body, GW_RECORD_SUBSCRIBE, &record));
    GW_TRY(session_of(image, record.serial, &session));
    struct gw_image_subscription *subscription = find_subscription(image, &record);
    if (subscription) {
        subscription->options = record.options;
        return GW_OK;
    }
    subscription = calloc(1, sizeof(*subscription) + record.filter.size);
    if (!subscription)
        return GW_NO_MEMORY;
    subscription->serial = record.serial;
    subscription->options = record.options;
    subscription->filter_size = (uint16_t)record.filter.size;
    memcpy(subscription->filter, record.filter.data, record.filter.size);
    if (gw_map_insert(&image->subscriptions, &subscription->node) != GW_OK) {
        free(subscription);
        return GW_NO_MEMORY;
    }
    gw_list_push_back(&session->subscriptions, &subscription->link);
    return GW_OK;
}

static enum gw_status on_unsubscribe(struct gw_image *image, struct gw_span body)
{
    struct gw_record_subscription record;
    GW_TRY(gw_record_read_subscription(body, GW_RECORD_UNSUBSCRIBE, &record));
    struct gw_image_subscription *subscription = find_subscription(image, &record);
    if (!subscription)
        return GW_NOT_FOUND;
    drop_subscription(image, subscription);
    return GW_OK;
}

/* -- deliveries -- */

static enum gw_status set_ids(struct gw_image_delivery *delivery,
                              const struct gw_record_owe *record)
{
    struct gw_blob *ids = NULL;
    if (record->id_count > 1) {
        ids = gw_blob_new(record->id_count * sizeof(uint32_t));
        if (!ids)
            return GW_NO_MEMORY;
        for (uint32_t i = 0; i < record->id_count; i++) {
            uint32_t id = gw_record_owe_id(record, i);
            memcpy(ids->data + i * sizeof(id), &id, sizeof(id));
        }
    }
    gw_blob_unref(&delivery->ids);
    delivery->ids = ids;
    delivery->id = record->id_count > 0 ? gw_record_owe_id(record, 0) : 0;
    return GW_OK;
}

/* From here on the session answers for it, even if it has settled it when the log names the group
 * at last. */
static enum gw_status take_from_group(struct gw_image *image, uint64_t serial, uint32_t order)
{
    struct gw_image_group *group = gw_image_find_group(image, serial);
    if (group)
        return gw_orders_settle(&group->orders, order) == GW_NO_MEMORY ? GW_NO_MEMORY : GW_OK;
    if (image->taken_count == image->taken_capacity) {
        size_t capacity = image->taken_capacity ? image->taken_capacity * 2 : 16;
        struct gw_image_taken *taken = realloc(image->taken, capacity * sizeof(*taken));
        if (!taken)
            return GW_NO_MEMORY;
        image->taken = taken;
        image->taken_capacity = capacity;
    }
    image->taken[image->taken_count++] = (struct gw_image_taken){serial, order};
    return GW_OK;
}

static enum gw_status on_owe(struct gw_image *image, gw_position position, struct gw_span body)
{
    struct gw_record_owe record;
    struct gw_image_session *session;
    gw_position place;
    void *item;
    GW_TRY(gw_record_read_owe(body, &record));
    GW_TRY(place_of(&record.message, position, &place));
    if (record.group > image->serial_max)
        image->serial_max = record.group; /* its group may have ended before the log begins */
    /* What came by way of a group is the group's; a subscription of its own may still be owed. */
    if (record.group == 0)
        GW_TRY(gw_pending_note(image, place, record.serial));
    else
        GW_TRY(take_from_group(image, record.group, record.group_order));
    GW_TRY(session_of(image, record.serial, &session));
    if (record.message.back != 0) { /* in one chunk with its message, so by the same loop */
        session->home = image->last_origin;
        session->home_at = position;
    }
    GW_TRY(gw_orders_add(&session->orders, record.order, &item));
    struct gw_image_delivery *delivery = item;
    if (!delivery->releasing) {
        delivery->message = place;
        delivery->qos = record.qos;
    }
    delivery->size = record.size;
    delivery->group = record.group;
    delivery->group_order = record.group_order;
    delivery->retain = record.retain;
    return set_ids(delivery, &record);
}

/* SENT, RELEASE. */
static enum gw_status on_progress(struct gw_image *image, enum gw_record_kind kind,
                                  struct gw_span body)
{
    struct gw_record_step record;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_step(body, kind, &record));
    GW_TRY(session_of(image, record.serial, &session));
    gw_orders_see(&session->orders, record.order);
    struct gw_image_delivery *delivery = gw_orders_find(&session->orders, record.order);
    if (!delivery)
        return GW_NOT_FOUND;
    if (kind == GW_RECORD_SENT) {
        delivery->packet_id = record.packet_id;
        return GW_OK;
    }
    if (delivery->qos != 2)
        return GW_MALFORMED;
    if (delivery->packet_id == 0)
        return GW_NOT_FOUND; /* written again before its session's slice, which will say all */
    delivery->releasing = true;
    delivery->message = 0;
    return GW_OK;
}

static enum gw_status on_settled(struct gw_image *image, struct gw_span body)
{
    struct gw_record_step record;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_step(body, GW_RECORD_SETTLED, &record));
    GW_TRY(session_of(image, record.serial, &session));
    struct gw_image_delivery *delivery = gw_orders_find(&session->orders, record.order);
    if (delivery)
        gw_blob_unref(&delivery->ids);
    return gw_orders_settle(&session->orders, record.order);
}

/* RECEIVED, RELEASED. */
static enum gw_status on_received(struct gw_image *image, enum gw_record_kind kind,
                                  struct gw_span body)
{
    struct gw_record_step record;
    struct gw_image_session *session;
    GW_TRY(gw_record_read_step(body, kind, &record));
    GW_TRY(session_of(image, record.serial, &session));
    if (kind == GW_RECORD_RELEASED)
        return gw_idset_remove(&session->receiving, record.packet_id);
    enum gw_status status = gw_idset_add(&session->receiving, record.packet_id);
    return status == GW_EXISTS ? GW_OK : status;
}

/* -- retained messages and groups -- */

static void note_retained(struct gw_image *image, gw_position position)
{
    struct gw_image_unfinished *message = gw_pending_find(image, position);
    if (message)
        message->retained = true;
}

static enum gw_status on_retained(struct gw_image *image, gw_position position, struct gw_span body)
{
    struct gw_record_retained record;
    gw_position place;
    gw_position cleared_by;
    GW_TRY(gw_record_read_retained(body, &record));
    GW_TRY(place_of(&record.message, position, &place));
    GW_TRY(place_of(&record.cleared_by, position, &cleared_by));
    note_retained(image, place ? place : cleared_by);
    struct gw_map_node *node = gw_map_find(&image->retained, record.topic_name);
    struct gw_image_retained *retained =
        node ? GW_CONTAINER(node, struct gw_image_retained, node) : NULL;
    if (place == 0) {
        if (!retained)
            return GW_NOT_FOUND;
        gw_image_drop_retained(image, retained);
        return GW_OK;
    }
    if (!retained) {
        retained = calloc(1, sizeof(*retained) + record.topic_name.size);
        if (!retained)
            return GW_NO_MEMORY;
        retained->topic_size = (uint32_t)record.topic_name.size;
        memcpy(retained->topic_name, record.topic_name.data, record.topic_name.size);
        if (gw_map_insert(&image->retained, &retained->node) != GW_OK) {
            free(retained);
            return GW_NO_MEMORY;
        }
    }
    retained->message = place;
    retained->size = record.size;
    retained->expires_ms = record.expires_ms;
    return GW_OK;
}

static enum gw_status new_group(struct gw_image *image, const struct gw_record_group *record)
{
    struct gw_map_node *node = gw_map_find(&image->groups, record->filter);
    if (node) { /* as in new_session */
        struct gw_image_group *other = GW_CONTAINER(node, struct gw_image_group, node);
        if (other->serial > record->serial)
            return GW_NOT_FOUND;
        GW_TRY(gw_numset_add(&image->ended, other->serial));
        gw_image_drop_group(image, other);
    }
    struct gw_image_group *group = calloc(1, sizeof(*group) + record->filter.size);
    if (!group)
        return GW_NO_MEMORY;
    group->serial = record->serial;
    group->filter_size = (uint16_t)record->filter.size;
    memcpy(group->filter, record->filter.data, record->filter.size);
    gw_orders_init(&group->orders, sizeof(struct gw_image_group_entry));
    if (gw_map_insert(&image->groups, &group->node) != GW_OK) {
        free(group);
        return GW_NO_MEMORY;
    }
    if (gw_map_insert(&image->groups_by_serial, &group->by_serial) != GW_OK) {
        gw_map_remove(&image->groups, &group->node);
        free(group);
        return GW_NO_MEMORY;
    }
    return GW_OK;
}

static enum gw_status on_group(struct gw_image *image, struct gw_span body)
{
    struct gw_record_group record;
    struct gw_image_group *group;
    GW_TRY(gw_record_read_group(body, &record));
    if (group_of(image, record.serial, &group) == GW_OK)
        return gw_span_equal(record.filter, gw_span_of(group->filter, group->filter_size))
                   ? GW_OK
                   : GW_MALFORMED;
    if (gw_numset_has(&image->ended, record.serial))
        return GW_NOT_FOUND;
    return new_group(image, &record);
}

static enum gw_status on_group_end(struct gw_image *image, struct gw_span body)
{
    uint64_t serial;
    struct gw_image_group *group;
    GW_TRY(gw_record_read_serial(body, &serial));
    GW_TRY(gw_numset_add(&image->ended, serial));
    GW_TRY(group_of(image, serial, &group));
    gw_image_drop_group(image, group);
    return GW_OK;
}

static enum gw_status on_group_owe(struct gw_image *image, gw_position position,
                                   struct gw_span body)
{
    struct gw_record_group_owe record;
    struct gw_image_group *group;
    gw_position place;
    void *item;
    GW_TRY(gw_record_read_group_owe(body, GW_RECORD_GROUP_OWE, &record));
    GW_TRY(place_of(&record.message, position, &place));
    GW_TRY(gw_pending_note(image, place, record.serial));
    GW_TRY(group_of(image, record.serial, &group));
    GW_TRY(gw_orders_add(&group->orders, record.order, &item));
    struct gw_image_group_entry *entry = item;
    entry->message = place;
    entry->size = record.size;
    return GW_OK;
}

static enum gw_status on_group_settled(struct gw_image *image, struct gw_span body)
{
    struct gw_record_group_owe record;
    struct gw_image_group *group;
    GW_TRY(gw_record_read_group_owe(body, GW_RECORD_GROUP_SETTLED, &record));
    GW_TRY(group_of(image, record.serial, &group));
    return gw_orders_settle(&group->orders, record.order);
}

/* -- apply -- */

static enum gw_status dispatch(struct gw_image *image, enum gw_record_kind kind,
                               gw_position position, struct gw_span body)
{
    switch (kind) {
    case GW_RECORD_MESSAGE: return on_message(image, position, body);
    case GW_RECORD_SESSION: return on_session(image, position, body);
    case GW_RECORD_WILL: return on_will(image, body);
    case GW_RECORD_END: return on_end(image, body);
    case GW_RECORD_SUBSCRIBE: return on_subscribe(image, body);
    case GW_RECORD_UNSUBSCRIBE: return on_unsubscribe(image, body);
    case GW_RECORD_OWE: return on_owe(image, position, body);
    case GW_RECORD_SENT:
    case GW_RECORD_RELEASE: return on_progress(image, kind, body);
    case GW_RECORD_SETTLED: return on_settled(image, body);
    case GW_RECORD_RECEIVED:
    case GW_RECORD_RELEASED: return on_received(image, kind, body);
    case GW_RECORD_RETAINED: return on_retained(image, position, body);
    case GW_RECORD_GROUP: return on_group(image, body);
    case GW_RECORD_GROUP_END: return on_group_end(image, body);
    case GW_RECORD_GROUP_OWE: return on_group_owe(image, position, body);
    case GW_RECORD_GROUP_SETTLED: return on_group_settled(image, body);
    case GW_RECORD_COMPLETE: return on_complete(image, body);
    case GW_RECORD_KIND_COUNT: break;
    }
    return GW_END;
}

void gw_image_apply(struct gw_image *image, uint8_t kind, gw_position position, struct gw_span body)
{
    kind &= KIND_MASK;
    if (kind == 0 || kind >= GW_RECORD_KIND_COUNT) {
        image->unknown++;
        return;
    }
    enum gw_status status = dispatch(image, (enum gw_record_kind)kind, position, body);
    image->ignored += status == GW_NOT_FOUND;
    image->malformed += status == GW_MALFORMED;
    if (status == GW_NO_MEMORY)
        image->out_of_memory = true;
}

enum gw_status gw_image_finish(struct gw_image *image)
{
    enum gw_status status = gw_tidy_image(image);
    return image->out_of_memory ? GW_NO_MEMORY : status;
}

/* -- going through it -- */

struct gw_image_session *gw_image_next_session(struct gw_image *image, struct gw_map_cursor *cursor)
{
    struct gw_map_node *node = gw_map_next(&image->sessions, cursor);
    return node ? GW_CONTAINER(node, struct gw_image_session, by_serial) : NULL;
}

struct gw_image_group *gw_image_next_group(struct gw_image *image, struct gw_map_cursor *cursor)
{
    struct gw_map_node *node = gw_map_next(&image->groups, cursor);
    return node ? GW_CONTAINER(node, struct gw_image_group, node) : NULL;
}

struct gw_image_retained *gw_image_next_retained(struct gw_image *image,
                                                 struct gw_map_cursor *cursor)
{
    struct gw_map_node *node = gw_map_next(&image->retained, cursor);
    return node ? GW_CONTAINER(node, struct gw_image_retained, node) : NULL;
}

size_t gw_image_delivery_ids(const struct gw_image_delivery *delivery, const uint32_t **ret_ids)
{
    if (delivery->ids) {
        *ret_ids = (const void *)delivery->ids->data;
        return delivery->ids->size / sizeof(uint32_t);
    }
    *ret_ids = &delivery->id;
    return delivery->id != 0;
}

void gw_image_holds(struct gw_image *image, gw_image_position_fn *fn, void *user)
{
    const struct gw_image_session *session;
    const struct gw_image_group *group;
    const struct gw_image_retained *retained;
    struct gw_map_cursor cursor;
    gw_map_first(&image->sessions, &cursor);
    while ((session = gw_image_next_session(image, &cursor)) != NULL) {
        for (size_t i = 0; i < session->delivery_count; i++) {
            if (!session->deliveries[i].releasing)
                fn(user, session->deliveries[i].message);
        }
    }
    gw_map_first(&image->groups, &cursor);
    while ((group = gw_image_next_group(image, &cursor)) != NULL) {
        for (size_t i = 0; i < group->entry_count; i++)
            fn(user, group->entries[i].message);
    }
    gw_map_first(&image->retained, &cursor);
    while ((retained = gw_image_next_retained(image, &cursor)) != NULL)
        fn(user, retained->message);
    for (size_t i = 0; i < image->unfinished_count; i++)
        fn(user, image->unfinished[i].message);
}
