#include "broker/watchlist.h"

#include <stdlib.h>

#include "base/hash.h"
#include "os/thread.h"

#define WAYS     8u /* entries that a host may stand in */
#define HOST_MAX 16u

struct entry {
    uint8_t host[HOST_MAX];
    uint8_t size; /* 0: free */
    uint32_t failures;
    gw_mono_ns since; /* the first of these failures */
    gw_mono_ns banned_until;
};

struct gw_watchlist {
    struct gw_mutex mutex;
    uint64_t seed;
    struct entry entries[GW_WATCHLIST_SIZE];
};

struct gw_watchlist *gw_watchlist_new(uint64_t seed)
{
    struct gw_watchlist *list = calloc(1, sizeof(*list));
    if (!list)
        return NULL;
    gw_mutex_init(&list->mutex);
    list->seed = seed;
    return list;
}

void gw_watchlist_free(struct gw_watchlist *list)
{
    if (!list)
        return;
    gw_mutex_fini(&list->mutex);
    free(list);
}

static struct entry *row_of(struct gw_watchlist *list, struct gw_span host)
{
    uint64_t hash = gw_hash_bytes(host, list->seed);
    return &list->entries[hash % (GW_WATCHLIST_SIZE / WAYS) * WAYS];
}

static struct entry *find(struct gw_watchlist *list, struct gw_span host)
{
    struct entry *row = row_of(list, host);
    for (unsigned i = 0; i < WAYS; i++)
        if (gw_span_equal(gw_span_of(row[i].host, row[i].size), host))
            return &row[i];
    return NULL;
}

static bool is_stale(const struct entry *entry, gw_mono_ns now)
{
    return entry->size == 0 ||
           (now >= entry->banned_until && now - entry->since >= GW_WATCHLIST_TIME);
}

/* True if one says less than the other, so that it is forgotten first. */
static bool says_less(const struct entry *one, const struct entry *other, gw_mono_ns now)
{
    if (is_stale(one, now) != is_stale(other, now))
        return is_stale(one, now);
    if (one->banned_until != other->banned_until)
        return one->banned_until < other->banned_until;
    return one->failures < other->failures;
}

static struct entry *take(struct gw_watchlist *list, struct gw_span host, gw_mono_ns now)
{
    struct entry *row = row_of(list, host), *least = row;
    for (unsigned i = 1; i < WAYS; i++)
        if (says_less(&row[i], least, now))
            least = &row[i];
    *least = (struct entry){.size = (uint8_t)host.size, .since = now};
    memcpy(least->host, host.data, host.size);
    return least;
}

bool gw_watchlist_fail(struct gw_watchlist *list, struct gw_span host, uint32_t failures,
                       gw_mono_ns ban, gw_mono_ns now)
{
    if (host.size == 0 || host.size > HOST_MAX || failures == 0)
        return false;
    gw_mutex_lock(&list->mutex);
    struct entry *entry = find(list, host);
    if (!entry)
        entry = take(list, host, now);
    if (is_stale(entry, now)) {
        entry->failures = 0;
        entry->since = now;
    }
    /* While it is banned, logins that were under way are no news. */
    bool news = now >= entry->banned_until && ++entry->failures >= failures;
    if (news) {
        entry->failures = 0;
        entry->since = now;
        entry->banned_until = now + ban;
    }
    gw_mutex_unlock(&list->mutex);
    return news;
}

bool gw_watchlist_banned(struct gw_watchlist *list, struct gw_span host, gw_mono_ns now)
{
    if (host.size == 0 || host.size > HOST_MAX)
        return false;
    gw_mutex_lock(&list->mutex);
    const struct entry *entry = find(list, host);
    bool banned = entry && now < entry->banned_until;
    gw_mutex_unlock(&list->mutex);
    return banned;
}
