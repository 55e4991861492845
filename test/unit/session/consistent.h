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
};

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
        if (d->qos == 0 && (d->packet_id != 0 || d->counted))
            return false;
        if (d->packet_id != 0 && gw_window_get(&outbox->window, d->packet_id) != d)
            return false;
        sums->count++;
        sums->ids += d->packet_id != 0;
        sums->counted += d->counted;
        sums->bytes += sizeof(*d);
        sums->bytes += d->message ? sizeof(struct gw_blob) + d->message->size : 0;
        sums->bytes += d->ids ? sizeof(struct gw_blob) + d->ids->size : 0;
    }
    return true;
}

/* Each delivery is in the list that fits its state, the counts are what the lists hold, and every
 * send that the quota lacks is one that can give it back. */
static inline bool consistent(const struct gw_outbox *outbox)
{
    struct consistent_sums queued = {0}, flight = {0};
    return consistent_list(outbox, &outbox->queued, &queued) &&
           consistent_list(outbox, &outbox->in_flight, &flight) &&
           consistent_list(outbox, &outbox->releasing, &flight) &&
           queued.count == outbox->queued_count && queued.bytes == outbox->queued_bytes &&
           flight.count == outbox->flight_count && flight.bytes == outbox->flight_bytes &&
           queued.ids + flight.ids == outbox->window.count &&
           queued.counted + flight.counted ==
               (uint32_t)(outbox->window.quota_full - outbox->window.quota);
}

#endif
