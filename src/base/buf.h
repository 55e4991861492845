/*
 * base/buf: owned bytes that grow up to a bound.
 *
 * Layer   base. Allocates with malloc.
 * Owner   whoever holds it; not thread-safe.
 * Life    init on the caller's memory, fini releases; an empty buffer holds no memory.
 * Limits  `size_max`, given at init; beyond it GW_LIMIT.
 */
#ifndef GW_BASE_BUF_H
#define GW_BASE_BUF_H

#include "base/span.h"
#include "base/status.h"

struct gw_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t size_max;
};

/* Prepares an empty buffer that may hold up to size_max bytes. */
void gw_buf_init(struct gw_buf *buf, size_t size_max);

/* Releases the memory; the buffer is empty and usable afterwards. NULL is fine. */
void gw_buf_fini(struct gw_buf *buf);

/* Makes room for `extra` more bytes behind `size`; GW_LIMIT, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_buf_reserve(struct gw_buf *buf, size_t extra);

/* Appends a copy of bytes; GW_LIMIT, GW_NO_MEMORY; on failure nothing changed. */
GW_MUST_USE enum gw_status gw_buf_append(struct gw_buf *buf, struct gw_span bytes);

/* Appends printf's text; its end mark wants a byte within the bound as well. Not on message paths.
 * GW_LIMIT, GW_NO_MEMORY: nothing changed. */
GW_PRINTF(2, 3)
GW_MUST_USE enum gw_status gw_buf_printf(struct gw_buf *buf, const char *format, ...);

/* Drops `size` bytes at the front; the rest moves down. */
void gw_buf_consume(struct gw_buf *buf, size_t size);

/* Forgets the content, keeps the memory. */
void gw_buf_clear(struct gw_buf *buf);

/* The content, borrowed until the next change. */
static inline struct gw_span gw_buf_span(const struct gw_buf *buf)
{
    return (struct gw_span){buf->data, buf->size};
}

#endif
