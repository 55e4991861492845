#include "broker/held.h"

#include <stdlib.h>

#include "base/assert.h"
#include "broker/guest.h"
#include "broker/journal.h"

struct gw_held_item {
    gw_store_ticket ticket;
    struct gw_blob *packet; /* a whole packet, or NULL: an acknowledgement */
    gw_packet_id packet_id;
    uint8_t type;       /* enum gw_packet_type */
    uint8_t reason;     /* enum gw_reason */
    uint8_t durability; /* enum gw_durability */
};

void gw_held_init(struct gw_held *held)
{
    *held = (struct gw_held){0};
    gw_list_init(&held->link);
}

static struct gw_held_item *item_at(const struct gw_held *held, uint32_t index)
{
    return &held->items[(held->head + index) & (held->capacity - 1)];
}

static void pop(struct gw_held *held)
{
    gw_blob_unref(&item_at(held, 0)->packet);
    held->head = (held->head + 1) & (held->capacity - 1);
    if (--held->count > 0)
        return;
    free(held->items); /* idle clients hold nothing */
    held->items = NULL;
    held->capacity = 0;
    held->head = 0;
    gw_list_remove(&held->link);
}

void gw_held_fini(struct gw_held *held)
{
    while (held->count > 0)
        pop(held);
    gw_list_remove(&held->link);
}

static bool grow(struct gw_held *held)
{
    if (held->count < held->capacity)
        return true;
    uint32_t capacity = held->capacity ? held->capacity * 2 : 8;
    struct gw_held_item *items = malloc(capacity * sizeof(*items));
    if (!items)
        return false;
    for (uint32_t i = 0; i < held->count; i++)
        items[i] = *item_at(held, i);
    free(held->items);
    held->items = items;
    held->capacity = capacity;
    held->head = 0;
    return true;
}

static void give_ack(struct gw_guest *client, const struct gw_held_item *item)
{
    struct gw_ack ack = {
        .type = (enum gw_packet_type)item->type,
        .packet_id = item->packet_id,
        .reason = item->reason,
    };
    if (client->peer.tell_durability && item->reason < GW_REASON_UNSPECIFIED &&
        (item->type == GW_PACKET_PUBACK || item->type == GW_PACKET_PUBREC))
        ack.props.raw = gw_durability_property((enum gw_durability)item->durability);
    gw_guest_send_ack(client, &ack);
}

static void give(struct gw_guest *client, const struct gw_held_item *item)
{
    if (item->type == GW_PACKET_RESERVED && !item->packet) {
        gw_conn_cork(client->conn, false);
        return;
    }
    if (client->state == GW_GUEST_CLOSING) /* its output is complete: all it may wait for is this */
        return;
    if (!item->packet) {
        give_ack(client, item);
        return;
    }
    uint8_t *memory = gw_guest_reserve(client, item->packet->size);
    if (!memory)
        return;
    memcpy(memory, item->packet->data, item->packet->size);
    gw_guest_commit(client, item->packet->size);
}

static bool may_go(const struct gw_shard *shard, const struct gw_held_item *item)
{
    return item->durability == GW_DURABILITY_MEMORY ||
           gw_journal_reached(shard, item->ticket, item->durability == GW_DURABILITY_DISK);
}

/* Sends at once or queues; takes the packet's reference over. */
static void add(struct gw_guest *client, struct gw_held_item item)
{
    struct gw_held *held = &client->held;
    struct gw_shard *shard = client->shard;
    if (item.durability == GW_DURABILITY_OS && shard->journal)
        gw_store_hurry(shard->journal->stream, true); /* it need not wait for the sync */
    item.ticket = gw_journal_ticket(shard);
    if (held->count == 0 && may_go(shard, &item)) {
        give(client, &item);
        gw_blob_unref(&item.packet);
        return;
    }
    GW_ASSERT(shard->journal != NULL); /* without one nothing waits */
    if (shard->journal->failed || !grow(held)) {
        gw_blob_unref(&item.packet);
        gw_guest_end(client, GW_REASON_SERVER_BUSY,
                     shard->journal->failed ? "the store has failed" : "out of memory", NULL);
        return;
    }
    if (held->count++ == 0)
        gw_list_push_back(&shard->journal->held, &held->link);
    *item_at(held, held->count - 1) = item;
}

void gw_held_send(struct gw_guest *client, const struct gw_held_ack *ack)
{
    add(client, (struct gw_held_item){
                    .type = (uint8_t)ack->type,
                    .packet_id = ack->packet_id,
                    .reason = ack->reason,
                    .durability = (uint8_t)ack->durability,
                });
}

void gw_held_send_bytes(struct gw_guest *client, struct gw_span bytes,
                        enum gw_durability durability)
{
    struct gw_blob *packet = gw_blob_new(bytes.size);
    if (!packet) {
        gw_guest_end(client, GW_REASON_SERVER_BUSY, "out of memory", NULL);
        return;
    }
    memcpy(packet->data, bytes.data, bytes.size);
    add(client, (struct gw_held_item){.packet = packet, .durability = (uint8_t)durability});
}

void gw_held_cork(struct gw_guest *client)
{
    gw_conn_cork(client->conn, true);
    add(client, (struct gw_held_item){.durability = GW_DURABILITY_DISK});
}

static void run(struct gw_guest *client)
{
    struct gw_held *held = &client->held;
    while (held->count > 0 && may_go(client->shard, item_at(held, 0))) {
        give(client, item_at(held, 0));
        if (held->count > 0) /* sending may end the client */
            pop(held);
    }
}

void gw_held_run(struct gw_shard *shard)
{
    GW_LIST_FOREACH (link, &shard->journal->held) {
        run(GW_CONTAINER(link, struct gw_guest, held.link));
    }
}

void gw_held_fail(struct gw_shard *shard)
{
    GW_LIST_FOREACH (link, &shard->journal->held) {
        gw_guest_end(GW_CONTAINER(link, struct gw_guest, held.link), GW_REASON_SERVER_BUSY,
                     "the store has failed: nothing can be acknowledged", NULL);
    }
}
