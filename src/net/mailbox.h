/*
 * net/mailbox: messages from any loop to one loop, in the order in which they were posted.
 *
 * Layer   net (may include os, base). One of the few files with a lock.
 * Owner   post from any thread; take by the owner loop only.
 * Life    init/fini; a posted mail belongs to the receiver.
 * Limits  `weight` counts what waits (bytes, as the sender says); posting never fails. Senders ask
 *         gw_mailbox_weight and stop taking in new work above their limit: pressure, not loss.
 *
 * Causality: whoever saw an effect of a loop's write after it posted must find that mail. So loops
 * post before they flush, and drain after they read a socket and before they act on the bytes.
 */
#ifndef GW_NET_MAILBOX_H
#define GW_NET_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/time.h"
#include "os/thread.h"

struct gw_mail;
/* Handles a mail on the receiving loop; releases it. `owner` is what the receiver registered. */
typedef void gw_mail_fn(void *owner, struct gw_mail *mail, gw_mono_ns now);

/* Embed in a message. */
struct gw_mail {
    struct gw_mail *next;
    gw_mail_fn *fn;
    size_t weight;
};

struct gw_mailbox {
    struct gw_mutex mutex;
    struct gw_mail *head;
    struct gw_mail **tail;
    atomic_size_t weight; /* relaxed: a hint for pressure */
    atomic_bool filled;   /* release on post, acquire on take */
};

void gw_mailbox_init(struct gw_mailbox *box);
/* Asserts that it is empty. */
void gw_mailbox_fini(struct gw_mailbox *box);

/* Adds a mail; returns true if the box was empty, that is, the owner wants a wake-up. */
GW_MUST_USE bool gw_mailbox_post(struct gw_mailbox *box, struct gw_mail *mail);

/* Takes everything that waits, oldest first, as a chain; NULL if nothing does. */
struct gw_mail *gw_mailbox_take(struct gw_mailbox *box);

/* True if something waits (one atomic load). */
bool gw_mailbox_filled(const struct gw_mailbox *box);

/* What waits, in the senders' weights; any thread. */
size_t gw_mailbox_weight(const struct gw_mailbox *box);

#endif
