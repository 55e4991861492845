#include "session/parcel.h"

size_t gw_parcel_cost_of(size_t footprint, size_t ids_size)
{
    return sizeof(struct gw_delivery) + footprint +
           (ids_size > 0 ? ids_size + sizeof(struct gw_blob) : 0);
}

size_t gw_parcel_cost(const struct gw_delivery *delivery)
{
    size_t footprint = delivery->message ? delivery->message->size + sizeof(struct gw_blob) : 0;
    return gw_parcel_cost_of(footprint, delivery->ids ? delivery->ids->size : 0);
}

void gw_parcel_enqueue(struct gw_outbox *outbox, struct gw_list *to, struct gw_delivery *delivery)
{
    size_t cost = gw_parcel_cost(delivery);
    outbox->queued_count++;
    outbox->queued_bytes += cost;
    if (to == &outbox->fresh) {
        outbox->fresh_count++;
        outbox->fresh_bytes += cost;
    } else if (outbox->cursor == to) {
        outbox->cursor = &delivery->link;
    }
    gw_list_push_back(to, &delivery->link);
}

void gw_parcel_unqueue(struct gw_outbox *outbox, const struct gw_list *from,
                       struct gw_delivery *delivery)
{
    size_t cost = gw_parcel_cost(delivery);
    outbox->queued_count--;
    outbox->queued_bytes -= cost;
    if (from == &outbox->fresh) {
        outbox->fresh_count--;
        outbox->fresh_bytes -= cost;
    }
    if (outbox->cursor == &delivery->link)
        outbox->cursor = delivery->link.next;
    if (delivery->ahead && delivery->qos > 0 && !delivery->counted)
        outbox->reserved--;
    delivery->ahead = false;
    gw_list_remove(&delivery->link);
}

void gw_parcel_fly(struct gw_outbox *outbox, struct gw_list *to, struct gw_delivery *delivery)
{
    outbox->flight_count++;
    outbox->flight_bytes += gw_parcel_cost(delivery);
    gw_list_push_back(to, &delivery->link);
}

void gw_parcel_land(struct gw_outbox *outbox, struct gw_delivery *delivery)
{
    outbox->flight_count--;
    outbox->flight_bytes -= gw_parcel_cost(delivery);
    gw_list_remove(&delivery->link);
}

bool gw_parcel_is_durable(const struct gw_outbox *outbox, const struct gw_outbox_host *host,
                          const struct gw_delivery *delivery)
{
    return outbox->durable && host->ledger && delivery->qos > 0 &&
           gw_blob_position(delivery->message) != 0;
}

void gw_parcel_number(struct gw_outbox *outbox, struct gw_delivery *delivery)
{
    delivery->order = outbox->next_order++;
    delivery->numbered = true;
}

void gw_parcel_log(struct gw_outbox *outbox, struct gw_outbox_host *host,
                   struct gw_delivery *delivery)
{
    if (!delivery->numbered)
        gw_parcel_number(outbox, delivery);
    delivery->logged = true;
    host->ledger->owe(host->ledger->user, outbox, delivery);
}

enum gw_status gw_parcel_identify(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                  struct gw_delivery *delivery)
{
    GW_TRY(gw_window_open(&outbox->window, delivery, &delivery->packet_id));
    /* Until now its group stood for it; from here on it stays with this session. And if its message
     * is in no log, then at least its identifier is: a client that came back after a crash would
     * take another message under it for the same one, and there would be nobody to release it. */
    if (delivery->qos == 2 && !delivery->logged && outbox->durable && host->ledger)
        gw_parcel_log(outbox, host, delivery);
    if (delivery->logged) {
        uint64_t ticket = host->ledger->sent(host->ledger->user, outbox, delivery);
        /* With QoS 1 an identifier that a crash forgets does no harm: the message is sent anew. */
        delivery->ready = delivery->qos == 2 ? ticket : 0;
    }
    return GW_OK;
}

void gw_parcel_unwind(struct gw_outbox *outbox, struct gw_delivery *delivery)
{
    if (delivery->counted)
        gw_window_refund(&outbox->window);
    if (delivery->packet_id != 0)
        gw_window_close(&outbox->window, delivery->packet_id);
    delivery->counted = false;
}

void gw_parcel_finish(struct gw_outbox *outbox, struct gw_outbox_host *host,
                      struct gw_delivery *delivery)
{
    if (delivery->logged && host->ledger)
        host->ledger->settled(host->ledger->user, outbox, delivery->order);
    if (delivery->share != 0 && delivery->qos > 0)
        host->on_settled(host->user, outbox, delivery->share, delivery->group_order);
    else if (delivery->share == 0 && delivery->qos == 0 && delivery->group_order != 0 &&
             host->on_dropped)
        host->on_dropped(host->user, outbox, delivery->group_order);
    gw_outbox_release(host, delivery);
}
