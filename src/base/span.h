/*
 * base/span: bytes that belong to somebody else.
 *
 * Layer   base. Pure.
 * Owner   a value; the bytes live as long as their owner says.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_BASE_SPAN_H
#define GW_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gw_span {
    const uint8_t *data; /* may be NULL only if size is 0 */
    size_t size;
};

#define GW_SPAN_NONE      ((struct gw_span){NULL, 0})
#define GW_SPAN_LIT(text) ((struct gw_span){(const uint8_t *)(text), sizeof(text) - 1})
/* The arguments of a "%.*s". */
#define GW_SPAN_FMT(span)                                                                          \
    (int)(span).size, (const char *)((span).data ? (const void *)(span).data : "")

static inline struct gw_span gw_span_of(const void *data, size_t size)
{
    return (struct gw_span){(const uint8_t *)data, size};
}

/* The bytes of a C string without its end mark; NULL gives an empty span. */
static inline struct gw_span gw_span_str(const char *text)
{
    return (struct gw_span){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool gw_span_equal(struct gw_span a, struct gw_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool gw_span_starts_with(struct gw_span span, struct gw_span prefix)
{
    return span.size >= prefix.size &&
           (prefix.size == 0 || memcmp(span.data, prefix.data, prefix.size) == 0);
}

/* The part from `offset` on; offset must not be behind the end. */
static inline struct gw_span gw_span_from(struct gw_span span, size_t offset)
{
    return (struct gw_span){offset ? span.data + offset : span.data, span.size - offset};
}

/* A C string of its bytes, to be freed; NULL when memory is out. */
char *gw_span_dup(struct gw_span span);

#endif
