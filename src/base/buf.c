#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/checked.h"

#define CAPACITY_MIN 64

void gw_buf_init(struct gw_buf *buf, size_t size_max)
{
    *buf = (struct gw_buf){.size_max = size_max};
}

void gw_buf_fini(struct gw_buf *buf)
{
    if (buf == NULL)
        return;
    free(buf->data);
    gw_buf_init(buf, buf->size_max);
}

/* Doubles until `need` fits, so that appending costs a constant per byte; never above size_max. */
static size_t capacity_for(const struct gw_buf *buf, size_t need)
{
    size_t capacity = buf->capacity < CAPACITY_MIN ? CAPACITY_MIN : buf->capacity;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    return capacity < buf->size_max ? capacity : buf->size_max;
}

enum gw_status gw_buf_reserve(struct gw_buf *buf, size_t extra)
{
    size_t need;
    GW_TRY(gw_checked_add(buf->size, extra, &need));
    if (need > buf->size_max)
        return GW_LIMIT;
    if (need <= buf->capacity)
        return GW_OK;
    size_t capacity = capacity_for(buf, need);
    uint8_t *data = realloc(buf->data, capacity);
    if (data == NULL)
        return GW_NO_MEMORY;
    buf->data = data;
    buf->capacity = capacity;
    return GW_OK;
}

enum gw_status gw_buf_append(struct gw_buf *buf, struct gw_span bytes)
{
    GW_TRY(gw_buf_reserve(buf, bytes.size));
    if (bytes.size > 0)
        memcpy(buf->data + buf->size, bytes.data, bytes.size);
    buf->size += bytes.size;
    return GW_OK;
}

enum gw_status gw_buf_printf(struct gw_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    GW_ASSERT(size >= 0);
    GW_TRY(gw_buf_reserve(buf, (size_t)size + 1));
    va_start(args, format);
    vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, args);
    va_end(args);
    buf->size += (size_t)size;
    return GW_OK;
}

void gw_buf_consume(struct gw_buf *buf, size_t size)
{
    GW_ASSERT(size <= buf->size);
    if (size > 0 && size < buf->size)
        memmove(buf->data, buf->data + size, buf->size - size);
    buf->size -= size;
}

void gw_buf_clear(struct gw_buf *buf)
{
    buf->size = 0;
}
