/*
 * topic/retained: retained messages by topic name, found by name or by filter.
 *
 * Layer   topic (may include base). Pure but for malloc when topics are added.
 * Owner   one loop; not thread-safe.
 * Life    new/free; free hands every value to the release function.
 * Limits  none of its own: the caller counts messages and bytes (limits.retained).
 *
 * A value is opaque here (the broker keeps a counted message). Names are found by hash, and stand
 * in one order ('/' before every other byte, so that a topic's subtree follows it) for the walks by
 * filter. A walk is resumable: its cursor holds the place in that order as text, so topics may come
 * and go between two steps and each one that was there during the whole walk is given exactly once.
 * Ranges that cannot match are skipped by a search, O(log topics), which counts as one visit.
 */
#ifndef GW_TOPIC_RETAINED_H
#define GW_TOPIC_RETAINED_H

#include "base/buf.h"
#include "base/span.h"
#include "base/status.h"

struct gw_retained;

typedef void gw_retained_release_fn(void *value);

/* Makes an empty set; NULL when memory is out. */
struct gw_retained *gw_retained_new(uint64_t hash_seed, gw_retained_release_fn *release);

/* Releases the set and every value in it. NULL is fine. */
void gw_retained_free(struct gw_retained *set);

/* Stores value under a valid topic name, releasing the one it replaces; takes the value over.
 * GW_NO_MEMORY (value not taken). */
GW_MUST_USE enum gw_status gw_retained_put(struct gw_retained *set, struct gw_span name,
                                           void *value);

/* The value of a name, borrowed, or NULL. */
void *gw_retained_get(const struct gw_retained *set, struct gw_span name);

/* Removes and releases; GW_NOT_FOUND. */
enum gw_status gw_retained_remove(struct gw_retained *set, struct gw_span name);

/* What a name costs here beside its value, in bytes, about. */
size_t gw_retained_cost(struct gw_span name);

/* Topics with a value. */
size_t gw_retained_count(const struct gw_retained *set);

/* A walk over the topics that match one filter. */
struct gw_retained_cursor {
    struct gw_buf filter;
    struct gw_buf place; /* names before this text are done with */
    bool exact;          /* no wildcard: a plain look-up */
    bool all;            /* no filter: every name */
    bool ended;
};

/* Prepares a walk for a valid filter (copied); GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_retained_cursor_init(struct gw_retained_cursor *cursor,
                                                   struct gw_span filter);
/* Prepares a walk over all names, those that begin with '$' too; allocates nothing. */
void gw_retained_cursor_init_all(struct gw_retained_cursor *cursor);
/* Ends a walk. */
void gw_retained_cursor_fini(struct gw_retained_cursor *cursor);

/* Called per topic; returning false ends this step, the topic counts as given. */
typedef bool gw_retained_visit_fn(void *user, struct gw_span name, void *value);

/* Goes on with a walk, visiting at most `visits_max` topics (work bound, matching or not; 0 is
 * taken as 1); GW_MORE: call again; GW_END: all given; GW_NO_MEMORY: call again later, nothing is
 * lost or doubled. fn must not change the set. */
GW_MUST_USE enum gw_status gw_retained_walk(struct gw_retained *set,
                                            struct gw_retained_cursor *cursor, size_t visits_max,
                                            gw_retained_visit_fn *fn, void *user);

#endif
