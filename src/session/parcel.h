/*
 * session/parcel: one delivery in an outbox: what it costs, how it is counted, named and ended.
 *
 * Layer   session (may include proto, topic, wire, base). Pure.
 * Owner   its outbox; for outbox.c and chill.c only.
 * Life    deliveries come from the host's pool and go back there.
 * Limits  none of its own.
 */
#ifndef GW_SESSION_PARCEL_H
#define GW_SESSION_PARCEL_H

#include "session/outbox.h"

static inline struct gw_delivery *gw_parcel_of(struct gw_list *link)
{
    return GW_CONTAINER(link, struct gw_delivery, link);
}

/* What a queue limit counts for it; for a message of this footprint. */
size_t gw_parcel_cost(const struct gw_delivery *delivery);
size_t gw_parcel_cost_of(size_t footprint, size_t ids_size);

/* Puts it at the end of `queued` or `fresh`, whichever `to` is. */
void gw_parcel_enqueue(struct gw_outbox *outbox, struct gw_list *to, struct gw_delivery *delivery);
/* Takes it out of `queued` or `fresh`, whichever `from` is. */
void gw_parcel_unqueue(struct gw_outbox *outbox, const struct gw_list *from,
                       struct gw_delivery *delivery);
/* The same for `in_flight` and `releasing`: `to`. */
void gw_parcel_fly(struct gw_outbox *outbox, struct gw_list *to, struct gw_delivery *delivery);
void gw_parcel_land(struct gw_outbox *outbox, struct gw_delivery *delivery);

/* True if it would be written down if it were given now. */
bool gw_parcel_is_durable(const struct gw_outbox *outbox, const struct gw_outbox_host *host,
                          const struct gw_delivery *delivery);
/* Gives it its place in the order of those that the log knows. */
void gw_parcel_number(struct gw_outbox *outbox, struct gw_delivery *delivery);
/* Writes down that it is owed. */
void gw_parcel_log(struct gw_outbox *outbox, struct gw_outbox_host *host,
                   struct gw_delivery *delivery);
/* Gives it a packet identifier and writes that down; GW_LIMIT, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_parcel_identify(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                              struct gw_delivery *delivery);
/* The ledger is where this delivery may go out. */
static inline bool gw_parcel_is_ready(const struct gw_outbox_host *host,
                                      const struct gw_delivery *delivery)
{
    return !host->ledger || delivery->ready <= host->ledger->reached;
}

/* Gives back its identifier and its part of the quota. */
void gw_parcel_unwind(struct gw_outbox *outbox, struct gw_delivery *delivery);
/* Its story has ended, and it is in no list: tells the ledger and the group, releases it. */
void gw_parcel_finish(struct gw_outbox *outbox, struct gw_outbox_host *host,
                      struct gw_delivery *delivery);

#endif
