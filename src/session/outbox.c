#include "session/outbox.h"

#include "base/assert.h"
#include "session/chill.h"
#include "session/parcel.h"

void gw_outbox_init(struct gw_outbox *outbox)
{
    *outbox = (struct gw_outbox){0};
    gw_list_init(&outbox->queued);
    gw_cold_init(&outbox->cold);
    gw_list_init(&outbox->fresh);
    gw_list_init(&outbox->in_flight);
    gw_list_init(&outbox->releasing);
    gw_window_init(&outbox->window);
    outbox->cursor = &outbox->queued;
}

void gw_outbox_release(struct gw_outbox_host *host, struct gw_delivery *delivery)
{
    gw_blob_unref(&delivery->message);
    gw_blob_unref(&delivery->ids);
    gw_pool_give(&host->deliveries, delivery);
}

void gw_outbox_fini(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    struct gw_list *lists[] = {&outbox->queued, &outbox->fresh, &outbox->in_flight,
                               &outbox->releasing};
    for (size_t i = 0; i < GW_COUNT_OF(lists); i++)
        for (struct gw_list *link; (link = gw_list_pop_front(lists[i])) != NULL;)
            gw_outbox_release(host, gw_parcel_of(link));
    gw_chill_forget(outbox, host);
    gw_window_fini(&outbox->window);
    size_t told_bytes = outbox->told_bytes;
    uint32_t told_count = outbox->told_count;
    gw_outbox_init(outbox);
    outbox->told_bytes = told_bytes;
    outbox->told_count = told_count;
}

/* -- queueing -- */

/* Ends a delivery of `queued` or `fresh`. */
static void drop_queued(struct gw_outbox *outbox, struct gw_outbox_host *host,
                        const struct gw_list *from, struct gw_delivery *delivery)
{
    gw_parcel_unqueue(outbox, from, delivery);
    gw_parcel_unwind(outbox, delivery);
    gw_parcel_finish(outbox, host, delivery);
}

/* The oldest delivery of a list that was never sent, or NULL. */
static struct gw_delivery *oldest_unsent(const struct gw_list *list)
{
    GW_LIST_FOREACH (link, list) {
        if (!gw_parcel_of(link)->sent)
            return gw_parcel_of(link);
    }
    return NULL;
}

static bool has_room(const struct gw_outbox *outbox, const struct gw_outbox_limits *limits,
                     size_t cost)
{
    if (outbox->queued_count == 0)
        return true; /* one message always passes, however large */
    return outbox->queued_count < limits->messages_max &&
           outbox->queued_bytes + cost <= limits->bytes_max;
}

static bool expired(const struct gw_delivery *delivery, gw_mono_ns now)
{
    struct gw_message message;
    gw_message_open(delivery->message, &message);
    return gw_message_expired(&message, now);
}

/* Drops the oldest one if its time is over, or if the policy says so; false if none may go. Cold
 * ones are not asked for their time: that is in the log. */
static bool evict(struct gw_outbox *outbox, struct gw_outbox_host *host,
                  const struct gw_outbox_limits *limits)
{
    bool any = limits->policy == GW_OUTBOX_DROP_OLDEST;
    const struct gw_list *list = &outbox->queued;
    struct gw_delivery *oldest = oldest_unsent(list);
    if (!oldest && any && gw_chill_evict(outbox, host))
        return true;
    if (!oldest && outbox->cold.count > 0 && any) { /* all of them were sent */
        list = &outbox->fresh;
        oldest = oldest_unsent(list);
    }
    if (!oldest || !(any || expired(oldest, limits->now)))
        return false;
    drop_queued(outbox, host, list, oldest);
    return true;
}

static enum gw_status make_room(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                const struct gw_outbox_limits *limits, size_t cost,
                                uint32_t *ret_evicted)
{
    while (!has_room(outbox, limits, cost)) {
        outbox->dropped++;
        if (!evict(outbox, host, limits))
            return GW_LIMIT;
        if (ret_evicted)
            ++*ret_evicted;
    }
    return GW_OK;
}

static enum gw_status keep_ids(struct gw_delivery *delivery,
                               const struct gw_delivery_options *options)
{
    delivery->id = options->id_count > 0 ? options->ids[0] : 0;
    if (options->id_count <= 1)
        return GW_OK;
    delivery->ids = gw_blob_new(options->id_count * sizeof(*options->ids));
    if (!delivery->ids)
        return GW_NO_MEMORY;
    memcpy(delivery->ids->data, options->ids, delivery->ids->size);
    return GW_OK;
}

/* Numbers it and writes it down, if it is one for the log. A shared group answers for what it has
 * handed out: with QoS 1 until the end, with QoS 2 until there is a packet identifier. */
static void enter(struct gw_outbox *outbox, struct gw_outbox_host *host,
                  struct gw_delivery *delivery)
{
    if (!gw_parcel_is_durable(outbox, host, delivery))
        return;
    gw_parcel_number(outbox, delivery);
    if (delivery->share == 0)
        gw_parcel_log(outbox, host, delivery);
}

enum gw_status gw_outbox_push(struct gw_outbox *outbox, struct gw_outbox_host *host,
                              struct gw_message *message, const struct gw_delivery_options *options,
                              const struct gw_outbox_limits *limits, uint32_t *ret_evicted)
{
    size_t ids_size = options->id_count > 1 ? options->id_count * sizeof(*options->ids) : 0;
    size_t cost = gw_parcel_cost_of(gw_message_footprint(message), ids_size);
    if (limits)
        GW_TRY(make_room(outbox, host, limits, cost, ret_evicted));
    GW_TRY(gw_message_keep(message));
    struct gw_delivery *delivery = gw_pool_take(&host->deliveries);
    if (!delivery)
        return GW_NO_MEMORY;
    *delivery = (struct gw_delivery){
        .share = options->share,
        .group = options->group,
        .group_order = options->group_order,
        .qos = options->qos,
        .retain = options->retain,
    };
    gw_list_init(&delivery->link);
    if (keep_ids(delivery, options) != GW_OK) {
        gw_outbox_release(host, delivery);
        return GW_NO_MEMORY;
    }
    delivery->message = gw_blob_ref(message->blob);
    gw_parcel_enqueue(outbox, outbox->cold.count > 0 ? &outbox->fresh : &outbox->queued, delivery);
    enter(outbox, host, delivery);
    return GW_OK;
}

/* -- sending -- */

/* Gives the next ones their part of the quota ahead of time, so that those which have to be in the
 * log first get there together. Nobody is passed over. */
static void prepare(struct gw_outbox *outbox, struct gw_outbox_host *host, gw_mono_ns now)
{
    while (outbox->cursor != &outbox->queued) {
        struct gw_delivery *delivery = gw_parcel_of(outbox->cursor);
        if (!delivery->sent && expired(delivery, now)) {
            outbox->dropped++;
            drop_queued(outbox, host, &outbox->queued, delivery);
            continue;
        }
        if (delivery->qos > 0 && outbox->window.quota <= outbox->reserved)
            return;
        if (delivery->qos == 2 && delivery->packet_id == 0) { /* it has to be in the log first */
            if (gw_parcel_identify(outbox, host, delivery) != GW_OK)
                return;
            delivery->counted = gw_window_spend(&outbox->window);
        } else if (delivery->qos > 0 && !delivery->counted) {
            outbox->reserved++;
        }
        delivery->ahead = true;
        outbox->cursor = delivery->link.next;
    }
}

/* The first one, if it may go out. */
static struct gw_delivery *first_ready(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                       gw_mono_ns now)
{
    while (!gw_list_empty(&outbox->queued)) {
        if (outbox->durable && host->ledger)
            prepare(outbox, host, now);
        if (gw_list_empty(&outbox->queued))
            return NULL;
        struct gw_delivery *delivery = gw_parcel_of(outbox->queued.next);
        if (!delivery->sent && expired(delivery, now)) {
            outbox->dropped++;
            drop_queued(outbox, host, &outbox->queued, delivery);
            continue;
        }
        bool may = delivery->qos == 0 || delivery->counted || outbox->window.quota > 0;
        return may && gw_parcel_is_ready(host, delivery) ? delivery : NULL;
    }
    return NULL;
}

struct gw_delivery *gw_outbox_next(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                   gw_mono_ns now)
{
    struct gw_delivery *delivery = first_ready(outbox, host, now);
    gw_chill_fetch(outbox, host);
    return delivery;
}

enum gw_status gw_outbox_begin(struct gw_outbox *outbox, struct gw_outbox_host *host,
                               struct gw_delivery *delivery, bool *ret_dup)
{
    *ret_dup = delivery->sent;
    if (delivery->qos == 0)
        return GW_OK;
    if (!delivery->counted && outbox->window.quota == 0)
        return GW_LIMIT;
    if (delivery->packet_id == 0)
        GW_TRY(gw_parcel_identify(outbox, host, delivery));
    if (!gw_parcel_is_ready(host, delivery))
        return GW_LIMIT;
    if (!delivery->counted) {
        delivery->counted = gw_window_spend(&outbox->window);
        outbox->reserved -= delivery->ahead;
    }
    delivery->sent = true; /* from here on the peer may know it, whatever becomes of the sending */
    return GW_OK;
}

void gw_outbox_sent(struct gw_outbox *outbox, struct gw_outbox_host *host,
                    struct gw_delivery *delivery)
{
    gw_parcel_unqueue(outbox, &outbox->queued, delivery);
    if (delivery->qos == 0)
        gw_outbox_release(host, delivery);
    else
        gw_parcel_fly(outbox, &outbox->in_flight, delivery);
}

void gw_outbox_skip(struct gw_outbox *outbox, struct gw_outbox_host *host,
                    struct gw_delivery *delivery)
{
    outbox->dropped++;
    drop_queued(outbox, host, &outbox->queued, delivery);
}

/* -- answers -- */

/* Ends a delivery that was sent. */
static void settle(struct gw_outbox *outbox, struct gw_outbox_host *host,
                   struct gw_delivery *delivery)
{
    gw_parcel_land(outbox, delivery);
    gw_parcel_unwind(outbox, delivery);
    gw_parcel_finish(outbox, host, delivery);
}

/* Finds a delivery that is in flight; one that waits to be sent, again or at all, is unknown to
 * this peer. */
static enum gw_status find(struct gw_outbox *outbox, gw_packet_id id, uint8_t qos,
                           struct gw_delivery **ret_delivery)
{
    void *item = gw_window_get(&outbox->window, id);
    struct gw_delivery *delivery = item;
    if (!item || item == gw_chill_item(outbox) || !delivery->sent ||
        (!delivery->counted && !delivery->releasing))
        return GW_NOT_FOUND;
    *ret_delivery = delivery;
    return delivery->qos == qos ? GW_OK : GW_PROTOCOL;
}

enum gw_status gw_outbox_on_puback(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                   gw_packet_id id)
{
    struct gw_delivery *delivery;
    GW_TRY(find(outbox, id, 1, &delivery));
    settle(outbox, host, delivery);
    return GW_OK;
}

enum gw_status gw_outbox_on_pubrec(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                   gw_packet_id id, bool refused)
{
    struct gw_delivery *delivery;
    GW_TRY(find(outbox, id, 2, &delivery));
    if (delivery->releasing)
        return GW_OK; /* a duplicate: PUBREL again */
    if (refused) {
        settle(outbox, host, delivery);
        return GW_OK;
    }
    gw_parcel_land(outbox, delivery);
    if (delivery->logged) /* before the message goes: it stays readable until this is written */
        host->ledger->release(host->ledger->user, outbox, delivery);
    gw_blob_unref(&delivery->message);
    gw_blob_unref(&delivery->ids);
    delivery->releasing = true;
    gw_parcel_fly(outbox, &outbox->releasing, delivery);
    return GW_OK;
}

enum gw_status gw_outbox_on_pubcomp(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                    gw_packet_id id)
{
    struct gw_delivery *delivery;
    GW_TRY(find(outbox, id, 2, &delivery));
    if (!delivery->releasing)
        return GW_PROTOCOL;
    settle(outbox, host, delivery);
    return GW_OK;
}

/* -- another connection, another member -- */

/* What the last connection's quota was spent for, or kept for, among what is queued. */
static void forget_quota(struct gw_outbox *outbox)
{
    GW_LIST_FOREACH (link, &outbox->queued) {
        struct gw_delivery *delivery = gw_parcel_of(link);
        delivery->counted = false; /* the first one too, which may have begun without `ahead` */
        if (link == outbox->cursor)
            break;
        delivery->ahead = false;
    }
    outbox->reserved = 0;
}

void gw_outbox_on_resume(struct gw_outbox *outbox, uint16_t quota)
{
    gw_window_restart(&outbox->window, quota);
    forget_quota(outbox);
    while (!gw_list_empty(&outbox->in_flight)) {
        struct gw_delivery *delivery = gw_parcel_of(outbox->in_flight.prev);
        gw_parcel_land(outbox, delivery);
        delivery->counted = false;
        outbox->queued_count++;
        outbox->queued_bytes += gw_parcel_cost(delivery);
        gw_list_push_front(&outbox->queued, &delivery->link);
    }
    GW_LIST_FOREACH (releasing, &outbox->releasing) {
        gw_parcel_of(releasing)->counted = false;
    }
    outbox->cursor = outbox->queued.next;
    outbox->away = false;
    outbox->adrift = false;
}

/* It goes back to its group, which has answered for it all the time or does so again. */
static void hand_back(struct gw_outbox *outbox, struct gw_outbox_host *host,
                      struct gw_delivery *delivery, struct gw_list *to)
{
    gw_parcel_unwind(outbox, delivery);
    if (delivery->logged)
        host->ledger->settled(host->ledger->user, outbox, delivery->order);
    delivery->logged = false;
    gw_list_push_back(to, &delivery->link);
}

void gw_outbox_take_shared(struct gw_outbox *outbox, struct gw_outbox_host *host,
                           struct gw_list *to)
{
    const struct gw_list *lists[] = {&outbox->queued, &outbox->fresh};
    GW_LIST_FOREACH (link, &outbox->in_flight) {
        struct gw_delivery *delivery = gw_parcel_of(link);
        if (delivery->share == 0 || delivery->qos != 1)
            continue;
        gw_parcel_land(outbox, delivery);
        hand_back(outbox, host, delivery, to);
    }
    for (size_t i = 0; i < GW_COUNT_OF(lists); i++) {
        GW_LIST_FOREACH (link, lists[i]) {
            struct gw_delivery *delivery = gw_parcel_of(link);
            /* QoS 2 that the log knows as this session's is so, sent or not. */
            bool is_bound =
                delivery->sent || (delivery->logged && gw_blob_position(delivery->message) != 0);
            if (delivery->share == 0 || (is_bound && delivery->qos != 1))
                continue;
            gw_parcel_unqueue(outbox, lists[i], delivery);
            hand_back(outbox, host, delivery, to);
        }
    }
}

size_t gw_outbox_bytes(const struct gw_outbox *outbox)
{
    return outbox->queued_bytes - outbox->cold_bytes + outbox->cold.memory_bytes +
           outbox->flight_bytes;
}
