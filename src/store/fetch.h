/*
 * store/fetch: records read back by position; the desk where loops ask for many at once.
 *
 * Layer   store (may include os, base).
 * Owner   any thread; gw_fetch_step: the reader's thread, or who calls step.
 * Life    that of the store.
 * Limits  GW_FETCH_WINDOW bytes are read at once and serve the next positions too.
 */
#ifndef GW_STORE_FETCH_H
#define GW_STORE_FETCH_H

#include "store/engine.h"

#define GW_FETCH_WINDOW ((size_t)64 * 1024)

void gw_fetch_init(struct gw_store *store);
void gw_fetch_fini(struct gw_store *store);
/* Answers what can be answered; true if there was anything. */
bool gw_fetch_step(struct gw_store *store);
/* The reader's thread: gw_fetch_step until gw_fetch_stop. */
void gw_fetch_run(struct gw_store *store);
void gw_fetch_stop(struct gw_store *store);
/* Gives back what nobody answers any more, as if memory were out; the reader has stopped. */
void gw_fetch_clear(struct gw_store *store);
/* The writer got further, or failed: somebody may wait for that. */
void gw_fetch_progress(struct gw_store *store);

#endif
