#include "session/outbox.h"

#include "base/assert.h"

static struct gw_delivery *delivery_of(struct gw_list *link)
{
    return GW_CONTAINER(link, struct gw_delivery, link);
}

static size_t cost_of(const struct gw_delivery *delivery)
{
    size_t ids = delivery->ids ? delivery->ids->size + sizeof(struct gw_blob) : 0;
    size_t message = delivery->message ? delivery->message->size + sizeof(struct gw_blob) : 0;
    return sizeof(*delivery) + ids + message;
}

void gw_outbox_init(struct gw_outbox *outbox)
{
    *outbox = (struct gw_outbox){0};
    gw_list_init(&outbox->queued);
    gw_cold_init(&outbox->cold);
    gw_list_init(&outbox->fresh);
    outbox->cursor = &outbox->queued;
    gw_list_init(&outbox->in_flight);
    gw_list_init(&outbox->releasing);
    gw_window_init(&outbox->window);
}

void gw_outbox_release(struct gw_outbox_host *host, struct gw_delivery *delivery)
{
    gw_blob_unref(&delivery->message);
    gw_blob_unref(&delivery->ids);
    gw_pool_give(&host->deliveries, delivery);
}

void gw_outbox_fini(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    struct gw_list *lists[] = {&outbox->queued, &outbox->in_flight, &outbox->releasing};
    for (size_t i = 0; i < GW_COUNT_OF(lists); i++)
        for (struct gw_list *link; (link = gw_list_pop_front(lists[i])) != NULL;)
            gw_outbox_release(host, delivery_of(link));
    gw_window_fini(&outbox->window);
    size_t told_bytes = outbox->told_bytes;
    uint32_t told_count = outbox->told_count;
    gw_outbox_init(outbox);
    outbox->told_bytes = told_bytes;
    outbox->told_count = told_count;
}

/* Releases a delivery whose story has ended. */
static void finish(struct gw_outbox *outbox, struct gw_outbox_host *host,
                   struct gw_delivery *delivery)
{
    if (delivery->share != 0 && delivery->qos > 0)
        host->on_settled(host->user, outbox, delivery->share, delivery->group_order);
    gw_outbox_release(host, delivery);
}

static void count_queued(struct gw_outbox *outbox, const struct gw_delivery *delivery, int sign)
{
    size_t cost = cost_of(delivery);
    if (sign > 0) {
        outbox->queued_count++;
        outbox->queued_bytes += cost;
    } else {
        outbox->queued_count--;
        outbox->queued_bytes -= cost;
    }
}

static void count_flight(struct gw_outbox *outbox, const struct gw_delivery *delivery, int sign)
{
    size_t cost = cost_of(delivery);
    if (sign > 0) {
        outbox->flight_count++;
        outbox->flight_bytes += cost;
    } else {
        outbox->flight_count--;
        outbox->flight_bytes -= cost;
    }
}

/* Ends a queued delivery. */
static void drop_queued(struct gw_outbox *outbox, struct gw_outbox_host *host,
                        struct gw_delivery *delivery)
{
    count_queued(outbox, delivery, -1);
    gw_list_remove(&delivery->link);
    if (delivery->packet_id != 0)
        gw_window_close(&outbox->window, delivery->packet_id);
    finish(outbox, host, delivery);
}

/* The oldest queued delivery that was never sent, or NULL. */
static struct gw_delivery *oldest_unsent(const struct gw_outbox *outbox)
{
    GW_LIST_FOREACH (link, &outbox->queued) {
        if (!delivery_of(link)->sent)
            return delivery_of(link);
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

/* What goes to make room: the oldest one if its time is over, else as the policy has it. */
static struct gw_delivery *victim(const struct gw_outbox *outbox,
                                  const struct gw_outbox_limits *limits)
{
    struct gw_delivery *oldest = oldest_unsent(outbox);
    bool goes = oldest && (limits->policy == GW_OUTBOX_DROP_OLDEST || expired(oldest, limits->now));
    return goes ? oldest : NULL;
}

static enum gw_status make_room(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                const struct gw_outbox_limits *limits, size_t cost,
                                uint32_t *ret_evicted)
{
    while (!has_room(outbox, limits, cost)) {
        struct gw_delivery *oldest = victim(outbox, limits);
        outbox->dropped++;
        if (!oldest)
            return GW_LIMIT;
        drop_queued(outbox, host, oldest);
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

/* What cost_of will say of the delivery of a message. */
static size_t cost_to_come(const struct gw_message *message,
                           const struct gw_delivery_options *options)
{
    size_t ids = options->id_count > 1
                     ? options->id_count * sizeof(*options->ids) + sizeof(struct gw_blob)
                     : 0;
    return sizeof(struct gw_delivery) + ids + gw_message_footprint(message);
}

enum gw_status gw_outbox_push(struct gw_outbox *outbox, struct gw_outbox_host *host,
                              struct gw_message *message, const struct gw_delivery_options *options,
                              const struct gw_outbox_limits *limits, uint32_t *ret_evicted)
{
    size_t cost = cost_to_come(message, options);
    if (limits)
        GW_TRY(make_room(outbox, host, limits, cost, ret_evicted));
    GW_TRY(gw_message_keep(message));
    struct gw_delivery *delivery = gw_pool_take(&host->deliveries);
    if (!delivery)
        return GW_NO_MEMORY;
    *delivery = (struct gw_delivery){
        .share = options->share,
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
    gw_list_push_back(&outbox->queued, &delivery->link);
    count_queued(outbox, delivery, 1);
    return GW_OK;
}

struct gw_delivery *gw_outbox_next(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                   gw_mono_ns now)
{
    while (!gw_list_empty(&outbox->queued)) {
        struct gw_delivery *delivery = delivery_of(outbox->queued.next);
        if (!delivery->sent && expired(delivery, now)) {
            outbox->dropped++;
            drop_queued(outbox, host, delivery);
            continue;
        }
        if (delivery->qos > 0 && outbox->window.quota == 0)
            return NULL;
        return delivery;
    }
    return NULL;
}

enum gw_status gw_outbox_begin(struct gw_outbox *outbox, struct gw_outbox_host *host,
                               struct gw_delivery *delivery, bool *ret_dup)
{
    (void)host;
    *ret_dup = delivery->sent;
    if (delivery->qos == 0)
        return GW_OK;
    if (outbox->window.quota == 0)
        return GW_LIMIT;
    if (delivery->packet_id == 0)
        GW_TRY(gw_window_open(&outbox->window, delivery, &delivery->packet_id));
    delivery->counted = gw_window_spend(&outbox->window);
    delivery->sent = true; /* from here on the peer may know it, whatever becomes of the sending */
    return GW_OK;
}

void gw_outbox_sent(struct gw_outbox *outbox, struct gw_outbox_host *host,
                    struct gw_delivery *delivery)
{
    count_queued(outbox, delivery, -1);
    gw_list_remove(&delivery->link);
    if (delivery->qos == 0) {
        gw_outbox_release(host, delivery);
        return;
    }
    gw_list_push_back(&outbox->in_flight, &delivery->link);
    count_flight(outbox, delivery, 1);
}

void gw_outbox_skip(struct gw_outbox *outbox, struct gw_outbox_host *host,
                    struct gw_delivery *delivery)
{
    if (delivery->counted)
        gw_window_refund(&outbox->window);
    outbox->dropped++;
    drop_queued(outbox, host, delivery);
}

/* Ends a delivery that was sent. */
static void settle(struct gw_outbox *outbox, struct gw_outbox_host *host,
                   struct gw_delivery *delivery)
{
    if (delivery->counted)
        gw_window_refund(&outbox->window);
    count_flight(outbox, delivery, -1);
    gw_window_close(&outbox->window, delivery->packet_id);
    gw_list_remove(&delivery->link);
    finish(outbox, host, delivery);
}

/* Finds a delivery that is in flight; one that waits to be sent again is unknown to this peer. */
static enum gw_status find(struct gw_outbox *outbox, gw_packet_id id, uint8_t qos,
                           struct gw_delivery **ret_delivery)
{
    struct gw_delivery *delivery = gw_window_get(&outbox->window, id);
    if (!delivery || (!delivery->counted && !delivery->releasing))
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
    count_flight(outbox, delivery, -1);
    gw_blob_unref(&delivery->message);
    gw_blob_unref(&delivery->ids);
    delivery->releasing = true;
    count_flight(outbox, delivery, 1);
    gw_list_remove(&delivery->link);
    gw_list_push_back(&outbox->releasing, &delivery->link);
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

void gw_outbox_on_resume(struct gw_outbox *outbox, uint16_t quota)
{
    gw_window_restart(&outbox->window, quota);
    if (!gw_list_empty(&outbox->queued)) /* the last connection may have ended in its sending */
        delivery_of(outbox->queued.next)->counted = false;
    while (!gw_list_empty(&outbox->in_flight)) {
        struct gw_delivery *delivery = delivery_of(outbox->in_flight.prev);
        count_flight(outbox, delivery, -1);
        gw_list_remove(&delivery->link);
        delivery->counted = false;
        gw_list_push_front(&outbox->queued, &delivery->link);
        count_queued(outbox, delivery, 1);
    }
    GW_LIST_FOREACH (link, &outbox->releasing) {
        delivery_of(link)->counted = false;
    }
}

void gw_outbox_take_shared(struct gw_outbox *outbox, struct gw_outbox_host *host,
                           struct gw_list *to)
{
    (void)host;
    GW_LIST_FOREACH (link, &outbox->in_flight) {
        struct gw_delivery *delivery = delivery_of(link);
        if (delivery->share == 0 || delivery->qos != 1)
            continue;
        count_flight(outbox, delivery, -1);
        gw_window_refund(&outbox->window);
        gw_window_close(&outbox->window, delivery->packet_id);
        gw_list_remove(link);
        gw_list_push_back(to, link);
    }
    GW_LIST_FOREACH (waiting, &outbox->queued) {
        struct gw_delivery *delivery = delivery_of(waiting);
        if (delivery->share == 0 || (delivery->sent && delivery->qos != 1))
            continue;
        count_queued(outbox, delivery, -1);
        if (delivery->counted)
            gw_window_refund(&outbox->window);
        if (delivery->packet_id != 0)
            gw_window_close(&outbox->window, delivery->packet_id);
        gw_list_remove(waiting);
        gw_list_push_back(to, waiting);
    }
}

size_t gw_outbox_bytes(const struct gw_outbox *outbox)
{
    return outbox->queued_bytes - outbox->cold_bytes + outbox->cold.memory_bytes +
           outbox->flight_bytes;
}
