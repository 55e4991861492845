/*
 * test/unit/session: does an outbox agree with itself? Shared with the fuzz target.
 */
#ifndef GW_TEST_CONSISTENT_H
#define GW_TEST_CONSISTENT_H

#include "session/outbox.h"

struct consistent_sums {
    size_t bytes;
    uint32_t count;
    uint32_t ids;
    uint32_t counted;
    uint32_t reserved;
};

static inline size_t consistent_cost(size_t message, const struct gw_blob *ids)
{
    return sizeof(struct gw_delivery) + message + (ids ? sizeof(*ids) + ids->size : 0);
}

/* What the outbox must have counted for one list; false if a member is in the wrong one. */
static inline bool consistent_list(const struct gw_outbox *outbox, const struct gw_list *head,
                                   struct consistent_sums *sums)
{
    for (const struct gw_list *link = head->next; link != head; link = link->next) {
        const struct gw_delivery *d = GW_CONTAINER_CONST(link, struct gw_delivery, link);
        bool releasing = head == &outbox->releasing;
        bool in_flight = head == &outbox->in_flight;
        if (d->releasing != releasing || (d->message == NULL) != releasing)
            return false;
        if ((in_flight && (!d->counted || d->packet_id == 0)) || (releasing && d->qos != 2))
            return false;
        if (d->qos == 0 && (d->packet_id != 0 || d->counted || d->logged))
            return false;
        if (d->packet_id != 0 && gw_window_get(&outbox->window, d->packet_id) != d)
            return false;
        if ((in_flight || releasing) && !d->sent)
            return false;
        if (d->ahead && head != &outbox->queued)
            return false;
        sums->count++;
        sums->ids += d->packet_id != 0;
        sums->counted += d->counted;
        sums->reserved += d->ahead && d->qos > 0 && !d->counted;
        sums->bytes +=
            consistent_cost(d->message ? sizeof(struct gw_blob) + d->message->size : 0, d->ids);
    }
    return true;
}

/* The same for the cold ones. */
static inline bool consistent_cold(const struct gw_outbox *outbox, struct consistent_sums *sums)
{
    struct gw_cold_cursor cursor;
    struct gw_cold entry;
    const struct gw_cold_more *more;
    size_t messages = 0;
    gw_cold_begin(&outbox->cold, &cursor);
    while (gw_cold_each(&outbox->cold, &cursor, &entry, &more)) {
        if ((more != NULL) != entry.more || (more && more->order != entry.order))
            return false;
        if (entry.qos == 0 || entry.message == 0)
            return false;
        const void *item = gw_window_get(&outbox->window, entry.packet_id);
        if (item != (entry.packet_id != 0 ? &outbox->cold : NULL))
            return false;
        sums->count++;
        sums->ids += entry.packet_id != 0;
        sums->bytes += consistent_cost(entry.size, more ? more->ids : NULL);
        messages += entry.size;
    }
    return sums->count == outbox->cold.count && messages == outbox->cold.message_bytes &&
           sums->bytes == outbox->cold_bytes;
}

/* Those before the cursor are `ahead`, those from there on are not. */
static inline bool consistent_cursor(const struct gw_outbox *outbox)
{
    bool ahead = true;
    const struct gw_list *link = outbox->queued.next;
    for (; link != &outbox->queued; link = link->next) {
        ahead = ahead && link != outbox->cursor;
        if (GW_CONTAINER_CONST(link, struct gw_delivery, link)->ahead != ahead)
            return false;
    }
    return !ahead || outbox->cursor == &outbox->queued;
}

/* Each delivery is in the list that fits its state, the counts are what the lists hold, and every
 * send that the quota lacks is one that can give it back. */
static inline bool consistent(const struct gw_outbox *outbox)
{
    struct consistent_sums queued = {0}, cold = {0}, fresh = {0}, flight = {0};
    return consistent_list(outbox, &outbox->queued, &queued) && consistent_cold(outbox, &cold) &&
           consistent_list(outbox, &outbox->fresh, &fresh) &&
           consistent_list(outbox, &outbox->in_flight, &flight) &&
           consistent_list(outbox, &outbox->releasing, &flight) && consistent_cursor(outbox) &&
           queued.count + cold.count + fresh.count == outbox->queued_count &&
           queued.bytes + cold.bytes + fresh.bytes == outbox->queued_bytes &&
           fresh.count == outbox->fresh_count && fresh.bytes == outbox->fresh_bytes &&
           (fresh.count == 0 || cold.count > 0) && fresh.counted == 0 &&
           flight.count == outbox->flight_count && flight.bytes == outbox->flight_bytes &&
           queued.ids + cold.ids + fresh.ids + flight.ids == outbox->window.count &&
           queued.reserved == outbox->reserved && queued.reserved <= outbox->window.quota &&
           queued.counted + flight.counted ==
               (uint32_t)(outbox->window.quota_full - outbox->window.quota);
}

#endif
