#include "session/chill.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "session/parcel.h"

#define UNCOOL_MAX 64u /* how many at the end that can never be cold are looked behind */

static size_t cold_cost(const struct gw_cold *entry, const struct gw_cold_more *more)
{
    return gw_parcel_cost_of(entry->size, more && more->ids ? more->ids->size : 0);
}

/* -- to the log -- */

/* Where it can be read back, 0 if it has to stay. What the quota was spent for is about to go. */
static gw_position place_of(const struct gw_outbox_host *host, const struct gw_delivery *delivery)
{
    if (!delivery->logged || delivery->counted || delivery->ahead ||
        (delivery->share != 0 && !delivery->sent) || /* its group may want that back */
        !gw_parcel_is_ready(host, delivery))         /* a cold one does not know its ticket */
        return 0;
    gw_position position = gw_blob_position(delivery->message);
    return position <= host->ledger->written ? position : 0;
}

static bool needs_more(const struct gw_delivery *delivery)
{
    return delivery->share != 0 || delivery->group != 0 || delivery->ids != NULL;
}

static enum gw_status push_cold(struct gw_outbox *outbox, struct gw_delivery *delivery,
                                gw_position position)
{
    struct gw_cold entry = {
        .message = position,
        .order = delivery->order,
        .id = delivery->id,
        .size = (uint32_t)(delivery->message->size + sizeof(struct gw_blob)),
        .packet_id = delivery->packet_id,
        .qos = delivery->qos & 3u,
        .retain = delivery->retain,
        .sent = delivery->sent,
    };
    if (!needs_more(delivery))
        return gw_cold_push(&outbox->cold, &entry, NULL);
    struct gw_cold_more *more = malloc(sizeof(*more));
    if (!more)
        return GW_NO_MEMORY;
    *more = (struct gw_cold_more){.share = delivery->share,
                                  .group = delivery->group,
                                  .ids = delivery->ids,
                                  .group_order = delivery->group_order};
    enum gw_status status = gw_cold_push(&outbox->cold, &entry, more);
    if (status == GW_OK)
        delivery->ids = NULL; /* the entry has them now */
    else
        free(more);
    return status;
}

/* Makes the delivery cold; false if memory is out. It is in `queued` or `fresh`: `from`. */
static bool cool_one(struct gw_outbox *outbox, struct gw_outbox_host *host,
                     const struct gw_list *from, struct gw_delivery *delivery)
{
    size_t cost = gw_parcel_cost(delivery);
    gw_position position = place_of(host, delivery);
    gw_packet_id id = delivery->packet_id;
    if (push_cold(outbox, delivery, position) != GW_OK)
        return false;
    host->ledger->hold(host->ledger->user, position);
    if (id != 0)
        gw_window_replace(&outbox->window, id, gw_chill_item(outbox));
    if (from == &outbox->fresh) {
        outbox->fresh_count--;
        outbox->fresh_bytes -= cost;
    } else if (outbox->cursor == &delivery->link) {
        outbox->cursor = delivery->link.next;
    }
    outbox->cold_bytes += cost;
    gw_list_remove(&delivery->link);
    gw_outbox_release(host, delivery);
    return true;
}

/* The client is not there: what was in flight waits to be sent again now, not at its return. */
static void ground(struct gw_outbox *outbox)
{
    gw_outbox_on_resume(outbox, 0);
    outbox->away = true;
}

/* It is in the log, but cannot be read back yet. */
static bool is_unwritten(const struct gw_outbox_host *host, const struct gw_delivery *delivery)
{
    return delivery->logged && gw_blob_position(delivery->message) > host->ledger->written;
}

/* From where on `queued` can be cold up to what comes in the end and cannot be; the head if
 * nowhere. As many as the limits say stay before it, and one that may be on its way out. */
static struct gw_list *find_coolable(const struct gw_outbox *outbox,
                                     const struct gw_outbox_host *host)
{
    struct gw_list *end = outbox->queued.next->prev; /* the head, not const */
    struct gw_list *from = end, *link = end->prev;
    uint32_t hot = outbox->queued_count;
    size_t bytes = outbox->queued_bytes;
    for (uint32_t stuck = 0; stuck < UNCOOL_MAX && link != end; link = link->prev) {
        if (gw_parcel_of(link)->ahead || place_of(host, gw_parcel_of(link)) != 0)
            break;
        stuck += !is_unwritten(host, gw_parcel_of(link)); /* the others' time comes soon */
        hot--;
        bytes -= gw_parcel_cost(gw_parcel_of(link));
    }
    for (; link != end && place_of(host, gw_parcel_of(link)) != 0; link = link->prev) {
        bool fits = hot <= GW_OUTBOX_HOT_MAX && bytes <= GW_OUTBOX_HOT_BYTES;
        if (!outbox->away && (fits || hot == 1))
            break;
        hot--;
        bytes -= gw_parcel_cost(gw_parcel_of(link));
        from = link;
    }
    return from;
}

/* Nothing is cold yet: what is beyond the limits gets cold, and what comes after it is fresh. */
static void start_cold(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    struct gw_list *link = find_coolable(outbox, host), *next;
    for (; link != &outbox->queued; link = next) {
        next = link->next;
        if (place_of(host, gw_parcel_of(link)) == 0 ||
            !cool_one(outbox, host, &outbox->queued, gw_parcel_of(link)))
            break;
    }
    if (outbox->cold.count == 0)
        return;
    for (; link != &outbox->queued; link = next) {
        next = link->next;
        gw_parcel_unqueue(outbox, &outbox->queued, gw_parcel_of(link));
        gw_parcel_enqueue(outbox, &outbox->fresh, gw_parcel_of(link));
    }
}

void gw_outbox_cool(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    if (!outbox->durable || !host->ledger)
        return;
    if (outbox->away && outbox->window.quota_full > 0)
        ground(outbox);
    if (outbox->cold.count == 0) {
        if (outbox->away || outbox->queued_count > GW_OUTBOX_HOT_MAX ||
            outbox->queued_bytes > GW_OUTBOX_HOT_BYTES)
            start_cold(outbox, host);
        return;
    }
    while (!gw_list_empty(&outbox->fresh)) {
        struct gw_delivery *delivery = gw_parcel_of(outbox->fresh.next);
        if (place_of(host, delivery) == 0 || !cool_one(outbox, host, &outbox->fresh, delivery))
            return;
    }
}

/* -- back from the log -- */

/* The last cold one has gone: what came after it comes next. */
static void join_fresh(struct gw_outbox *outbox)
{
    if (outbox->cold.count > 0 || gw_list_empty(&outbox->fresh))
        return;
    if (outbox->cursor == &outbox->queued)
        outbox->cursor = outbox->fresh.next;
    gw_list_splice_back(&outbox->queued, &outbox->fresh);
    outbox->fresh_count = 0;
    outbox->fresh_bytes = 0;
}

/* An entry that has been taken off is not counted and holds nothing any more. */
static void thaw(struct gw_outbox *outbox, struct gw_outbox_host *host, const struct gw_cold *entry,
                 const struct gw_cold_more *more)
{
    size_t cost = cold_cost(entry, more);
    outbox->queued_count--;
    outbox->queued_bytes -= cost;
    outbox->cold_bytes -= cost;
    host->ledger->drop(host->ledger->user, entry->message);
}

/* Ends an entry that has been taken off. */
static void end_cold(struct gw_outbox *outbox, struct gw_outbox_host *host,
                     const struct gw_cold *entry, struct gw_cold_more *more)
{
    /* Written down while the message is held: it stays readable until that is synced. */
    host->ledger->settled(host->ledger->user, outbox, entry->order);
    thaw(outbox, host, entry, more);
    if (entry->packet_id != 0)
        gw_window_close(&outbox->window, entry->packet_id);
    if (!more)
        return;
    if (more->share != 0)
        host->on_settled(host->user, outbox, more->share, more->group_order);
    gw_blob_unref(&more->ids);
    free(more);
}

bool gw_chill_evict(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    struct gw_cold entry;
    struct gw_cold_more *more;
    if (!gw_cold_pop_unsent(&outbox->cold, &entry, &more))
        return false;
    end_cold(outbox, host, &entry, more);
    join_fresh(outbox);
    return true;
}

void gw_chill_forget(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    struct gw_cold_cursor cursor;
    struct gw_cold entry;
    const struct gw_cold_more *more;
    gw_cold_begin(&outbox->cold, &cursor);
    while (gw_cold_each(&outbox->cold, &cursor, &entry, &more))
        host->ledger->drop(host->ledger->user, entry.message);
    gw_cold_fini(&outbox->cold);
}

void gw_chill_fetch(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    uint32_t hot = outbox->queued_count - outbox->cold.count - outbox->fresh_count;
    size_t bytes = outbox->queued_bytes - outbox->cold_bytes - outbox->fresh_bytes;
    bool low = hot < GW_OUTBOX_HOT_MAX / 2 && bytes < GW_OUTBOX_HOT_BYTES / 2;
    if (outbox->cold.count == 0 || outbox->fetching || !low)
        return;
    outbox->fetching = true;
    host->ledger->fetch(host->ledger->user, outbox);
}

size_t gw_outbox_cold_next(const struct gw_outbox *outbox, size_t count_max, size_t bytes_max,
                           gw_position *ret_positions)
{
    struct gw_cold_cursor cursor;
    struct gw_cold entry;
    const struct gw_cold_more *more;
    size_t count = 0, bytes = 0;
    gw_cold_begin(&outbox->cold, &cursor);
    while (count < count_max && gw_cold_each(&outbox->cold, &cursor, &entry, &more)) {
        bytes += entry.size;
        if (count > 0 && bytes > bytes_max)
            break;
        ret_positions[count++] = entry.message;
    }
    return count;
}

/* Makes the delivery of an entry that has been taken off, without its message. */
static void warm_one(struct gw_outbox *outbox, struct gw_outbox_host *host,
                     struct gw_delivery *delivery, const struct gw_cold *entry,
                     struct gw_cold_more *more)
{
    thaw(outbox, host, entry, more);
    *delivery = (struct gw_delivery){
        .ids = more ? more->ids : NULL,
        .share = more ? more->share : 0,
        .group = more ? more->group : 0,
        .group_order = more ? more->group_order : 0,
        .id = entry->id,
        .order = entry->order,
        .packet_id = entry->packet_id,
        .qos = entry->qos & 3u,
        .retain = entry->retain,
        .sent = entry->sent,
        .numbered = true,
        .logged = true,
    };
    free(more);
    if (entry->packet_id != 0)
        gw_window_replace(&outbox->window, entry->packet_id, delivery);
    gw_list_init(&delivery->link);
}

/* Ends the first entry, whose message cannot be read. What may have gone out with QoS 2 is not
 * forgotten: the client may have it and wait for PUBREL before it takes another one under the same
 * identifier. False if there is no memory for that. */
static bool lose_one(struct gw_outbox *outbox, struct gw_outbox_host *host, uint32_t *releasing)
{
    struct gw_cold entry;
    struct gw_cold_more *more;
    bool any = gw_cold_first(&outbox->cold, &entry);
    GW_ASSERT(any);
    bool may_be_there = entry.qos == 2 && entry.packet_id != 0 && entry.sent;
    struct gw_delivery *delivery = may_be_there ? gw_pool_take(&host->deliveries) : NULL;
    if (may_be_there && !delivery)
        return false;
    any = gw_cold_pop(&outbox->cold, &entry, &more);
    GW_ASSERT(any);
    outbox->dropped++;
    if (!may_be_there) {
        end_cold(outbox, host, &entry, more);
        return true;
    }
    warm_one(outbox, host, delivery, &entry, more);
    delivery->releasing = true;
    host->ledger->release(host->ledger->user, outbox, delivery);
    gw_blob_unref(&delivery->ids);
    gw_parcel_fly(outbox, &outbox->releasing, delivery);
    ++*releasing;
    return true;
}

uint32_t gw_outbox_warm(struct gw_outbox *outbox, struct gw_outbox_host *host,
                        const gw_position *positions, struct gw_blob **messages, size_t count)
{
    bool memory = true;
    uint32_t releasing = 0;
    for (size_t i = 0; i < count; i++) {
        struct gw_cold entry;
        struct gw_cold_more *more;
        if (!memory || !gw_cold_first(&outbox->cold, &entry) || entry.message != positions[i]) {
            gw_blob_unref(&messages[i]);
            continue;
        }
        if (!messages[i]) {
            memory = lose_one(outbox, host, &releasing);
            continue;
        }
        struct gw_delivery *delivery = gw_pool_take(&host->deliveries);
        memory = delivery != NULL;
        if (!delivery) {
            gw_blob_unref(&messages[i]);
            continue;
        }
        bool taken = gw_cold_pop(&outbox->cold, &entry, &more);
        GW_ASSERT(taken);
        warm_one(outbox, host, delivery, &entry, more);
        delivery->message = messages[i];
        messages[i] = NULL;
        gw_parcel_enqueue(outbox, &outbox->queued, delivery);
    }
    outbox->fetching = false;
    join_fresh(outbox);
    return releasing;
}

/* -- after a start, and for snapshots -- */

static struct gw_blob *ids_blob(const struct gw_outbox_restored *restored)
{
    struct gw_blob *blob = gw_blob_new(restored->id_count * sizeof(*restored->ids));
    if (blob)
        memcpy(blob->data, restored->ids, blob->size);
    return blob;
}

/* A log that gives an identifier twice is not ours; the second one goes without. */
static enum gw_status claim(struct gw_outbox *outbox, gw_packet_id *id, void *item)
{
    if (*id == 0)
        return GW_OK;
    enum gw_status status = gw_window_claim(&outbox->window, *id, item);
    if (status == GW_LIMIT)
        *id = 0;
    return status == GW_NO_MEMORY ? status : GW_OK;
}

static enum gw_status restore_releasing(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                        const struct gw_outbox_restored *restored)
{
    struct gw_delivery *delivery = gw_pool_take(&host->deliveries);
    if (!delivery)
        return GW_NO_MEMORY;
    *delivery = (struct gw_delivery){
        .share = restored->share,
        .group = restored->group,
        .group_order = restored->group_order,
        .order = restored->order,
        .packet_id = restored->packet_id,
        .qos = 2,
        .releasing = true,
        .sent = true,
        .numbered = true,
        .logged = true,
    };
    gw_list_init(&delivery->link);
    enum gw_status status = claim(outbox, &delivery->packet_id, delivery);
    if (status != GW_OK || delivery->packet_id == 0) {
        gw_pool_give(&host->deliveries, delivery);
        return status;
    }
    gw_parcel_fly(outbox, &outbox->releasing, delivery);
    return GW_OK;
}

static enum gw_status restore_cold(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                   const struct gw_outbox_restored *restored)
{
    struct gw_cold_more *more = NULL;
    struct gw_cold entry = {
        .message = restored->message,
        .order = restored->order,
        .id = restored->id_count > 0 ? restored->ids[0] : 0,
        .size = restored->size,
        .packet_id = restored->packet_id,
        .qos = restored->qos & 3u,
        .retain = restored->retain,
    };
    if (restored->share != 0 || restored->group != 0 || restored->id_count > 1) {
        more = malloc(sizeof(*more));
        if (!more)
            return GW_NO_MEMORY;
        *more = (struct gw_cold_more){.share = restored->share,
                                      .group = restored->group,
                                      .group_order = restored->group_order};
        if (restored->id_count > 1 && !(more->ids = ids_blob(restored)))
            goto fail;
    }
    if (claim(outbox, &entry.packet_id, gw_chill_item(outbox)) != GW_OK)
        goto fail;
    entry.sent = restored->sent || entry.packet_id != 0;
    if (gw_cold_push(&outbox->cold, &entry, more) != GW_OK) {
        if (entry.packet_id != 0)
            gw_window_close(&outbox->window, entry.packet_id);
        goto fail;
    }
    size_t cost = cold_cost(&entry, more);
    outbox->queued_count++;
    outbox->queued_bytes += cost;
    outbox->cold_bytes += cost;
    host->ledger->hold(host->ledger->user, entry.message);
    return GW_OK;
fail:
    if (more)
        gw_blob_unref(&more->ids);
    free(more);
    return GW_NO_MEMORY;
}

enum gw_status gw_outbox_restore(struct gw_outbox *outbox, struct gw_outbox_host *host,
                                 const struct gw_outbox_restored *restored)
{
    GW_TRY(restored->releasing ? restore_releasing(outbox, host, restored)
                               : restore_cold(outbox, host, restored));
    uint32_t next = restored->order + 1;
    if (outbox->next_order == 0 || (int32_t)(next - outbox->next_order) > 0)
        outbox->next_order = next;
    return GW_OK;
}

static void tell_one(struct gw_delivery *delivery, gw_outbox_told_fn *fn, void *user)
{
    const struct gw_blob *message = delivery->message;
    struct gw_outbox_restored told = {
        .message = message ? gw_blob_position(message) : 0,
        .share = delivery->share,
        .group = delivery->group,
        .ids = &delivery->id,
        .id_count = delivery->id != 0 ? 1 : 0,
        .order = delivery->order,
        .group_order = delivery->group_order,
        .size = message ? (uint32_t)(message->size + sizeof(*message)) : 0,
        .packet_id = delivery->packet_id,
        .qos = delivery->qos,
        .retain = delivery->retain,
        .releasing = delivery->releasing,
    };
    if (delivery->ids) {
        told.ids = (const uint32_t *)(const void *)delivery->ids->data;
        told.id_count = (uint32_t)(delivery->ids->size / sizeof(uint32_t));
    }
    if (delivery->logged || message)
        (void)fn(user, delivery->logged ? &told : NULL, message ? &delivery->message : NULL);
}

static void tell_list(struct gw_list *head, gw_outbox_told_fn *fn, void *user)
{
    GW_LIST_FOREACH (link, head)
        tell_one(gw_parcel_of(link), fn, user);
}

static void tell_cold_one(struct gw_outbox_host *host, struct gw_cold_queue *cold,
                          const struct gw_cold_cursor *at, gw_outbox_told_fn *fn, void *user)
{
    struct gw_cold_cursor cursor = *at;
    struct gw_cold entry;
    const struct gw_cold_more *more;
    bool there = gw_cold_each(cold, &cursor, &entry, &more);
    GW_ASSERT(there);
    struct gw_outbox_restored told = {
        .message = entry.message,
        .share = more ? more->share : 0,
        .group = more ? more->group : 0,
        .ids = &entry.id,
        .id_count = entry.id != 0 ? 1 : 0,
        .order = entry.order,
        .group_order = more ? more->group_order : 0,
        .size = entry.size,
        .packet_id = entry.packet_id,
        .qos = entry.qos & 3u,
        .retain = entry.retain,
    };
    if (more && more->ids) {
        told.ids = (const uint32_t *)(const void *)more->ids->data;
        told.id_count = (uint32_t)(more->ids->size / sizeof(uint32_t));
    }
    gw_position place = fn(user, &told, NULL);
    if (place == entry.message)
        return;
    host->ledger->hold(host->ledger->user, place);
    gw_cold_move(cold, at, place);
    host->ledger->drop(host->ledger->user, entry.message);
}

static uint64_t tell_cold(struct gw_outbox_host *host, struct gw_cold_queue *cold, uint64_t from,
                          uint32_t count_max, gw_outbox_told_fn *fn, void *user)
{
    struct gw_cold_cursor cursor;
    struct gw_cold entry;
    const struct gw_cold_more *more;
    uint32_t told_count = 0;
    gw_cold_seek(cold, &cursor, from);
    for (struct gw_cold_cursor at = cursor;
         told_count < count_max && gw_cold_each(cold, &cursor, &entry, &more); at = cursor) {
        tell_cold_one(host, cold, &at, fn, user);
        told_count++;
    }
    uint64_t next = (from > cold->gone ? from : cold->gone) + told_count;
    return next < cold->gone + cold->count ? next : GW_OUTBOX_ALL_TOLD;
}

uint64_t gw_outbox_tell(struct gw_outbox *outbox, struct gw_outbox_host *host, uint64_t from,
                        uint32_t count_max, gw_outbox_told_fn *fn, void *user)
{
    tell_list(&outbox->releasing, fn, user);
    tell_list(&outbox->in_flight, fn, user);
    tell_list(&outbox->queued, fn, user);
    tell_list(&outbox->fresh, fn, user);
    return tell_cold(host, &outbox->cold, from, count_max, fn, user);
}

void gw_outbox_tell_queued(struct gw_outbox *outbox, uint32_t count_max, gw_outbox_told_fn *fn,
                           void *user)
{
    GW_LIST_FOREACH (link, &outbox->queued) {
        if (count_max-- == 0)
            return;
        (void)fn(user, NULL, &gw_parcel_of(link)->message);
    }
}
