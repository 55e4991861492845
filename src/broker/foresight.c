#include "broker/foresight.h"

#include "proto/message.h"
#include "topic/subindex.h"
#include "wire/publish.h"

#define LINE  64u
#define COUNT GW_SUBINDEX_FORESEEN_MAX
#define FEW   1000u /* subscriptions that a cache holds with all that belongs to them */

_Static_assert(COUNT >= 2, "one message alone has nobody to wait with");

static bool has_few(const struct gw_shard *shard)
{
    return gw_subindex_count(shard->routes.index) < FEW;
}

static void prefetch_lines(const void *begin, size_t size)
{
    for (size_t at = 0; at < size; at += LINE)
        GW_PREFETCH((const uint8_t *)begin + at);
}

/* From their names to the sessions of their first subscribers, one step for all at a time. */
static void foresee(const struct gw_shard *shard, const struct gw_span *names, size_t count)
{
    struct gw_subindex_entry *entries[COUNT];
    const struct gw_session *sessions[COUNT];
    if (count < 2)
        return;
    gw_subindex_foresee(shard->routes.index, names, count, entries);
    for (size_t i = 0; i < count; i++)
        if (entries[i])
            GW_PREFETCH((const uint8_t *)entries[i] + LINE);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!entries[i])
            continue;
        const struct gw_target *target = GW_CONTAINER(entries[i], struct gw_target, entry);
        if (target->kind != GW_TARGET_SUBSCRIPTION)
            continue;
        sessions[found] = GW_CONTAINER_CONST(target, struct gw_subscription, target)->session;
        prefetch_lines(sessions[found++], sizeof(struct gw_session));
    }
    /* Where the next entry of a cold queue goes. */
    for (size_t i = 0; i < found; i++)
        GW_PREFETCH(sessions[i]->outbox.cold.chunks.prev);
}

const uint8_t *gw_foresight_on_bytes(const struct gw_guest *client, struct gw_span bytes)
{
    struct gw_span names[COUNT];
    size_t seen;
    if (has_few(client->shard))
        return bytes.data + bytes.size;
    size_t count =
        gw_publish_glance(bytes, (enum gw_version)client->peer.version, names, COUNT, &seen);
    foresee(client->shard, names, count);
    return bytes.data + (seen > 0 ? seen : bytes.size);
}

void gw_foresight_on_events(const struct gw_shard *shard, const struct gw_relay_event *events,
                            size_t count)
{
    struct gw_span names[COUNT];
    size_t found = 0;
    if (count < 2 || has_few(shard))
        return;
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == GW_RELAY_PUBLISH)
            prefetch_lines(events[i].blob, 2 * LINE);
    for (size_t i = 0; i < count && found < COUNT; i++) {
        struct gw_message message;
        if (events[i].kind != GW_RELAY_PUBLISH)
            continue;
        gw_message_open(events[i].blob, &message);
        names[found++] = message.topic_name;
    }
    foresee(shard, names, found);
}
