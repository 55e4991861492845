#include "net/mailbox.h"

#include "base/assert.h"

void gw_mailbox_init(struct gw_mailbox *box)
{
    gw_mutex_init(&box->mutex);
    box->head = NULL;
    box->tail = &box->head;
    atomic_init(&box->weight, 0);
    atomic_init(&box->filled, false);
}

void gw_mailbox_fini(struct gw_mailbox *box)
{
    GW_ASSERT(box->head == NULL);
    gw_mutex_fini(&box->mutex);
}

bool gw_mailbox_post(struct gw_mailbox *box, struct gw_mail *mail)
{
    mail->next = NULL;
    gw_mutex_lock(&box->mutex);
    bool was_empty = box->head == NULL;
    *box->tail = mail;
    box->tail = &mail->next;
    atomic_fetch_add_explicit(&box->weight, mail->weight, memory_order_relaxed);
    if (was_empty)
        atomic_store_explicit(&box->filled, true, memory_order_release);
    gw_mutex_unlock(&box->mutex);
    return was_empty;
}

struct gw_mail *gw_mailbox_take(struct gw_mailbox *box)
{
    if (!gw_mailbox_filled(box))
        return NULL;
    gw_mutex_lock(&box->mutex);
    struct gw_mail *chain = box->head;
    box->head = NULL;
    box->tail = &box->head;
    atomic_store_explicit(&box->weight, 0, memory_order_relaxed);
    atomic_store_explicit(&box->filled, false, memory_order_relaxed); /* the mutex orders it */
    gw_mutex_unlock(&box->mutex);
    return chain;
}

bool gw_mailbox_filled(const struct gw_mailbox *box)
{
    return atomic_load_explicit(&box->filled, memory_order_acquire);
}

size_t gw_mailbox_weight(const struct gw_mailbox *box)
{
    return atomic_load_explicit(&box->weight, memory_order_relaxed);
}
