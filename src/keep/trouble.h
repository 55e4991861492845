/*
 * keep/trouble: what went wrong with a store, in the words that its operator reads.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    a value.
 * Limits  texts are cut at their size.
 */
#ifndef GW_KEEP_TROUBLE_H
#define GW_KEEP_TROUBLE_H

#include "store/store.h"

struct gw_trouble {
    int os_errno; /* 0 if it was not the system */
    bool usage;   /* what was asked for cannot be */
    char text[1024];
    char hint[1024]; /* "" if there is none */
};

/* Says what went wrong, and returns the status. */
GW_PRINTF(3, 4)
enum gw_status gw_trouble_say(struct gw_trouble *trouble, enum gw_status status, const char *format,
                              ...);
/* The same for what the system said: ": " and its words follow. */
GW_PRINTF(3, 4)
enum gw_status gw_trouble_system(struct gw_trouble *trouble, int os_errno, const char *format, ...);
/* The same for what the store said of `path`. */
enum gw_status gw_trouble_store(struct gw_trouble *trouble, enum gw_status status, const char *path,
                                const struct gw_store_error *error);
/* Adds what to do about it. */
GW_PRINTF(2, 3) void gw_trouble_hint(struct gw_trouble *trouble, const char *format, ...);

#endif
