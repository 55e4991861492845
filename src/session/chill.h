/*
 * session/chill: the part of an outbox that is in the log: how deliveries get cold and warm again,
 *                how they come back after a start. What others call is in session/outbox.h.
 *
 * Layer   session (may include proto, topic, wire, base). Pure.
 * Owner   its outbox.
 * Life    none.
 * Limits  GW_OUTBOX_HOT_MAX, GW_OUTBOX_HOT_BYTES.
 */
#ifndef GW_SESSION_CHILL_H
#define GW_SESSION_CHILL_H

#include "session/outbox.h"

/* What the window knows in place of a delivery that is cold. */
static inline void *gw_chill_item(const struct gw_outbox *outbox)
{
    return (void *)(uintptr_t)&outbox->cold;
}

/* Asks the ledger for cold ones if few are left in memory and nobody was asked yet. */
void gw_chill_fetch(struct gw_outbox *outbox, struct gw_outbox_host *host);
/* Ends the oldest cold one that was not sent, to make room; false if there is none. */
bool gw_chill_evict(struct gw_outbox *outbox, struct gw_outbox_host *host);
/* Forgets the cold ones without a word but for their holds. */
void gw_chill_forget(struct gw_outbox *outbox, struct gw_outbox_host *host);

#endif
