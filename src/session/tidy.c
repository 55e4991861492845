#include "session/tidy.h"

#include <stdlib.h>

#include "session/pending.h"

/* Packet identifiers in use while one session is looked at: place of the delivery + 1. */
struct in_use {
    uint32_t by_id[UINT16_MAX + 1];
};

/* What a group chose this session for, and the log names here, is this session's (MQTT 5.0 section
 * 4.8.2): the group may have been read later. */
static void take_from_group(struct gw_image *image, uint64_t serial, uint32_t order)
{
    struct gw_image_group *group = gw_image_find_group(image, serial);
    if (group && gw_orders_settle(&group->orders, order) == GW_NO_MEMORY)
        image->out_of_memory = true;
}

static bool keeps(struct gw_image *image, struct gw_image_delivery *delivery)
{
    if (delivery->message == 0 && !delivery->releasing) {
        /* Only what is being released is written without its message; if the record that says so
         * is gone with a damaged chunk, the identifier still tells. */
        if (delivery->qos != 2 || delivery->packet_id == 0)
            return false;
        delivery->releasing = true;
    }
    if (delivery->group != 0)
        take_from_group(image, delivery->group, delivery->group_order);
    return true;
}

/* An identifier is given again only when the delivery before was settled: if two have it, then
 * that was lost with a damaged chunk. The older one becomes QoS 0, that is nothing. */
static void settle_reused(struct gw_image_session *session, struct in_use *in_use)
{
    struct gw_image_delivery *deliveries = session->deliveries;
    for (uint32_t i = 0; i < session->delivery_count; i++) {
        uint32_t *holder = &in_use->by_id[deliveries[i].packet_id];
        if (deliveries[i].packet_id == 0)
            continue;
        if (*holder != 0)
            deliveries[*holder - 1].qos = 0;
        *holder = i + 1;
    }
    for (uint32_t i = 0; i < session->delivery_count; i++)
        in_use->by_id[deliveries[i].packet_id] = 0;
}

static enum gw_status finish_received(struct gw_image_session *session)
{
    const struct gw_idset *set = &session->receiving;
    if (set->count == 0)
        return GW_OK;
    session->received = malloc(set->count * sizeof(*session->received));
    if (!session->received)
        return GW_NO_MEMORY;
    for (uint32_t i = 0; i < set->capacity; i++) {
        if (set->slots[i] != 0)
            session->received[session->received_count++] = set->slots[i];
    }
    gw_idset_fini(&session->receiving);
    return GW_OK;
}

static enum gw_status finish_session(struct gw_image *image, struct gw_image_session *session,
                                     struct in_use *in_use)
{
    session->next_order = gw_orders_next(&session->orders);
    GW_TRY(gw_orders_finish(&session->orders));
    session->deliveries = (void *)session->orders.items;
    session->delivery_count = session->orders.count;
    settle_reused(session, in_use);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < session->delivery_count; i++) {
        struct gw_image_delivery *delivery = &session->deliveries[i];
        if (delivery->qos > 0 && keeps(image, delivery))
            session->deliveries[kept++] = *delivery;
        else
            gw_blob_unref(&delivery->ids);
    }
    session->delivery_count = session->orders.count = kept;
    return finish_received(session);
}

static enum gw_status finish_group(struct gw_image_group *group)
{
    group->next_order = gw_orders_next(&group->orders);
    GW_TRY(gw_orders_finish(&group->orders));
    group->entries = (void *)group->orders.items;
    group->entry_count = group->orders.count;
    return GW_OK;
}

enum gw_status gw_tidy_image(struct gw_image *image)
{
    struct gw_image_session *session;
    struct gw_image_group *group;
    struct gw_map_cursor cursor;
    struct in_use *in_use = calloc(1, sizeof(*in_use));
    enum gw_status status = in_use && !image->out_of_memory ? GW_OK : GW_NO_MEMORY;
    gw_map_first(&image->sessions, &cursor);
    while (status == GW_OK && (session = gw_image_next_session(image, &cursor)) != NULL)
        status = finish_session(image, session, in_use);
    for (size_t i = 0; i < image->taken_count; i++)
        take_from_group(image, image->taken[i].group, image->taken[i].order);
    gw_map_first(&image->groups, &cursor);
    while (status == GW_OK && (group = gw_image_next_group(image, &cursor)) != NULL)
        status = finish_group(group);
    free(in_use);
    gw_pending_finish(image);
    return status;
}
