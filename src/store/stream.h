/*
 * store/stream: the loop's end of the store: staging, submitting, tickets. Its public calls are in
 *               store/store.h.
 *
 * Layer   store (may include os, base).
 * Owner   the loop of the stream, but for gw_stream_give_back: the writer.
 * Life    that of the store.
 * Limits  GW_STREAM_KEEP_MAX chunks are kept for the next rounds.
 */
#ifndef GW_STORE_STREAM_H
#define GW_STORE_STREAM_H

#include "store/engine.h"

#define GW_STREAM_KEEP_MAX 256u

void gw_stream_init(struct gw_store_stream *stream, struct gw_store *store, unsigned index);
void gw_stream_fini(struct gw_store_stream *stream);
/* Gives a chunk its place in the log and hands it to the writer. */
gw_position gw_stream_place(struct gw_store *store, struct gw_chunk *chunk);
/* The writer has done with the chunk. */
void gw_stream_give_back(struct gw_chunk *chunk);
/* Calls on_progress. */
void gw_stream_tell(struct gw_store_stream *stream);

#endif
