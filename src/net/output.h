/*
 * net/output: what a connection has to send: a queue of chunks, copied bytes and parts of blobs.
 *
 * Layer   net (may include os, base). Knows no socket.
 * Owner   its connection; a chunk may outlive its loop, so queues move between loops freely.
 * Life    init on the caller's memory, clear releases; an empty queue holds no chunk.
 * Limits  none here (see net/conn); a cache keeps at most GW_OUTPUT_CACHE_SIZE bytes.
 *
 * Chunks come in three sizes. The first of a queue is small, so that a thousand connections with a
 * small message each touch a quarter of a megabyte of warm memory, not four cold ones.
 */
#ifndef GW_NET_OUTPUT_H
#define GW_NET_OUTPUT_H

#include <sys/uio.h>

#include "base/blob.h"

#define GW_OUTPUT_CLASSES    3
#define GW_OUTPUT_CACHE_SIZE ((size_t)640 * 1024)

struct gw_chunk;

/* Chunks kept for re-use by one loop. */
struct gw_output_cache {
    struct gw_chunk *spare[GW_OUTPUT_CLASSES];
    uint32_t spare_count[GW_OUTPUT_CLASSES];
};

struct gw_output {
    struct gw_chunk *head;
    struct gw_chunk *tail;
    size_t size; /* bytes not yet consumed */
};

/* Every `cache` may be NULL: then chunks come from malloc and go back to it. */

void gw_output_init(struct gw_output *output);
/* Drops everything. */
void gw_output_clear(struct gw_output *output, struct gw_output_cache *cache);

/* Appends a copy; on GW_NO_MEMORY a part of it may have been appended. */
GW_MUST_USE enum gw_status gw_output_append(struct gw_output *output, struct gw_output_cache *cache,
                                            struct gw_span bytes);
/* Appends bytes of a blob by reference; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_output_append_blob(struct gw_output *output,
                                                 struct gw_output_cache *cache,
                                                 struct gw_blob *blob, struct gw_span bytes);
/* Room for `size` contiguous bytes at the end; NULL when memory is out. */
uint8_t *gw_output_reserve(struct gw_output *output, struct gw_output_cache *cache, size_t size);
/* Says how much of the last reserve was filled. */
void gw_output_commit(struct gw_output *output, struct gw_output_cache *cache, size_t size);

/* Lists the first parts to send; returns their number and adds up their bytes. */
int gw_output_gather(const struct gw_output *output, struct iovec *ret_parts, int parts_max,
                     size_t *ret_size);
/* Drops `size` bytes at the front, which were sent. */
void gw_output_consume(struct gw_output *output, struct gw_output_cache *cache, size_t size);

/* Gives the memory of a cache back. */
void gw_output_cache_fini(struct gw_output_cache *cache);

#endif
