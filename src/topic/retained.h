/*
 * topic/retained: what is retained, by topic name, found by name or by filter.
 *
 * Layer   topic (may include base). Pure but for malloc when topics come and go.
 * Owner   one loop; not thread-safe.
 * Life    new/free; what the values mean, and what they hold, is the caller's.
 * Limits  none of its own: the caller counts messages and bytes (limits.retained).
 *
 * Names stand in one order ('/' before every other byte, so that a topic's subtree follows it), up
 * to GW_RETAINED_PAGE of them with their values in one piece of memory, so that a topic takes
 * little more than its name and its value. A walk is resumable: its cursor holds the place in that
 * order as text, so topics may come and go between two steps and each one that was there during the
 * whole walk is given exactly once. Ranges that cannot match are skipped by a search, O(log
 * topics), which counts as one visit.
 */
#ifndef GW_TOPIC_RETAINED_H
#define GW_TOPIC_RETAINED_H

#include "base/buf.h"
#include "base/span.h"
#include "base/status.h"

#define GW_RETAINED_PAGE 32u

struct gw_retained;

/* What the caller keeps under a name; nothing here looks at it. */
struct gw_retained_value {
    uint64_t word;
    uint32_t deadline;
    uint32_t size : 31;
    uint32_t used : 1;
};

_Static_assert(sizeof(struct gw_retained_value) == 16, "there are millions");

typedef void gw_retained_release_fn(void *user, struct gw_span name,
                                    struct gw_retained_value *value);

/* Makes an empty set; NULL when memory is out. */
struct gw_retained *gw_retained_new(uint64_t hash_seed);

/* Releases the set, after a call for every value that is in it. NULL is fine. */
void gw_retained_free(struct gw_retained *set, gw_retained_release_fn *release, void *user);

/* The value of a name, to be read and changed until the next add or remove; NULL if there is none.
 */
struct gw_retained_value *gw_retained_find(struct gw_retained *set, struct gw_span name);

/* Adds a valid topic name that is not there; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_retained_add(struct gw_retained *set, struct gw_span name,
                                           const struct gw_retained_value *value);

/* Takes a name out, which may be that of a walk's visit or of the caller; false if it is not there.
 */
bool gw_retained_remove(struct gw_retained *set, struct gw_span name);

/* What a name and its value take here, in bytes, about. */
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
/* Prepares a walk that goes on from where another one is; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_retained_cursor_copy(struct gw_retained_cursor *cursor,
                                                   const struct gw_retained_cursor *from);
/* Ends a walk. */
void gw_retained_cursor_fini(struct gw_retained_cursor *cursor);

/* What a visit says: to go on; to end this step, the topic counts as given; to end it, the topic is
 * given again next time. */
enum gw_retained_step { GW_RETAINED_ON, GW_RETAINED_ENOUGH, GW_RETAINED_LATER };

/* Called per topic; may change the value, not the set. */
typedef enum gw_retained_step gw_retained_visit_fn(void *user, struct gw_span name,
                                                   struct gw_retained_value *value);

/* Goes on with a walk, visiting at most `visits_max` topics (work bound, matching or not; 0 is
 * taken as 1); GW_MORE: call again; GW_END: all given; GW_NO_MEMORY: call again later, nothing is
 * lost or doubled. fn must not change the set. */
GW_MUST_USE enum gw_status gw_retained_walk(struct gw_retained *set,
                                            struct gw_retained_cursor *cursor, size_t visits_max,
                                            gw_retained_visit_fn *fn, void *user);

#endif
