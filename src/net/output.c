#include "net/output.h"

#include <stdlib.h>

#include "base/assert.h"

/* Copied bytes, then at most one part of a blob: a message with a large payload is one chunk. */
struct gw_chunk {
    struct gw_chunk *next;
    struct gw_blob *blob; /* NULL: none; else nothing is copied behind it */
    const uint8_t *blob_at;
    size_t blob_size; /* unsent */
    size_t capacity;  /* of bytes */
    size_t begin;     /* bytes sent */
    size_t end;       /* bytes filled */
    uint8_t bytes[];
};

static const struct {
    size_t capacity;
    uint32_t spare_max;
} classes[GW_OUTPUT_CLASSES] = {
    {256 - sizeof(struct gw_chunk), 1024},
    {2048 - sizeof(struct gw_chunk), 64},
    {16 * 1024 - sizeof(struct gw_chunk), 16},
};

_Static_assert((size_t)256 * 1024 + (size_t)2048 * 64 + (size_t)16 * 1024 * 16 ==
                   GW_OUTPUT_CACHE_SIZE,
               "the cache's limit is the sum of the classes'");

/* Full chunks make the next one larger; behind a blob only another message's head follows. */
static int class_for(const struct gw_chunk *tail, size_t size)
{
    int class = tail == NULL || tail->blob != NULL      ? 0
                : tail->capacity <= classes[0].capacity ? 1
                                                        : 2;
    while (class < GW_OUTPUT_CLASSES && classes[class].capacity < size)
        class ++;
    return class;
}

static struct gw_chunk *chunk_new(struct gw_output_cache *cache, int class, size_t size)
{
    struct gw_chunk *chunk;
    if (cache != NULL && class < GW_OUTPUT_CLASSES && cache->spare[class] != NULL) {
        chunk = cache->spare[class];
        cache->spare[class] = chunk->next;
        cache->spare_count[class]--;
    } else {
        size_t capacity = class < GW_OUTPUT_CLASSES ? classes[class].capacity : size;
        chunk = malloc(sizeof *chunk + capacity);
        if (chunk == NULL)
            return NULL;
        chunk->capacity = capacity;
    }
    chunk->next = NULL;
    chunk->blob = NULL;
    chunk->blob_at = NULL;
    chunk->blob_size = 0;
    chunk->begin = chunk->end = 0;
    return chunk;
}

static void chunk_free(struct gw_output_cache *cache, struct gw_chunk *chunk)
{
    gw_blob_unref(&chunk->blob);
    for (int class = 0; cache != NULL && class < GW_OUTPUT_CLASSES; class ++) {
        if (chunk->capacity != classes[class].capacity ||
            cache->spare_count[class] == classes[class].spare_max)
            continue;
        chunk->next = cache->spare[class];
        cache->spare[class] = chunk;
        cache->spare_count[class]++;
        return;
    }
    free(chunk);
}

static size_t chunk_room(const struct gw_chunk *chunk)
{
    return chunk == NULL || chunk->blob != NULL ? 0 : chunk->capacity - chunk->end;
}

/* Adds a chunk at the end with room for `size` bytes at least. */
static struct gw_chunk *extend(struct gw_output *output, struct gw_output_cache *cache, size_t size)
{
    struct gw_chunk *chunk = chunk_new(cache, class_for(output->tail, size), size);
    if (chunk == NULL)
        return NULL;
    if (output->tail == NULL)
        output->head = chunk;
    else
        output->tail->next = chunk;
    output->tail = chunk;
    return chunk;
}

void gw_output_init(struct gw_output *output)
{
    *output = (struct gw_output){NULL, NULL, 0};
}

void gw_output_clear(struct gw_output *output, struct gw_output_cache *cache)
{
    while (output->head != NULL) {
        struct gw_chunk *chunk = output->head;
        output->head = chunk->next;
        chunk_free(cache, chunk);
    }
    output->tail = NULL;
    output->size = 0;
}

enum gw_status gw_output_append(struct gw_output *output, struct gw_output_cache *cache,
                                struct gw_span bytes)
{
    while (bytes.size > 0) {
        size_t room = chunk_room(output->tail);
        if (room == 0) {
            /* A long piece is cut to chunks of the cache rather than given one of its own. */
            size_t want = bytes.size < classes[GW_OUTPUT_CLASSES - 1].capacity
                              ? bytes.size
                              : classes[GW_OUTPUT_CLASSES - 1].capacity;
            if (extend(output, cache, want) == NULL)
                return GW_NO_MEMORY;
            room = chunk_room(output->tail);
        }
        size_t part = bytes.size < room ? bytes.size : room;
        memcpy(output->tail->bytes + output->tail->end, bytes.data, part);
        output->tail->end += part;
        output->size += part;
        bytes = gw_span_from(bytes, part);
    }
    return GW_OK;
}

enum gw_status gw_output_append_blob(struct gw_output *output, struct gw_output_cache *cache,
                                     struct gw_blob *blob, struct gw_span bytes)
{
    if (bytes.size == 0)
        return GW_OK;
    struct gw_chunk *chunk = output->tail;
    if (chunk == NULL || chunk->blob != NULL)
        chunk = extend(output, cache, 0);
    if (chunk == NULL)
        return GW_NO_MEMORY;
    chunk->blob = gw_blob_ref(blob);
    chunk->blob_at = bytes.data;
    chunk->blob_size = bytes.size;
    output->size += bytes.size;
    return GW_OK;
}

uint8_t *gw_output_reserve(struct gw_output *output, struct gw_output_cache *cache, size_t size)
{
    struct gw_chunk *chunk = output->tail;
    if (chunk == NULL || chunk_room(chunk) < size)
        chunk = extend(output, cache, size);
    return chunk == NULL ? NULL : chunk->bytes + chunk->end;
}

void gw_output_commit(struct gw_output *output, struct gw_output_cache *cache, size_t size)
{
    GW_ASSERT(output->tail != NULL && size <= chunk_room(output->tail));
    output->tail->end += size;
    output->size += size;
    if (output->size == 0)
        gw_output_clear(output, cache); /* nothing came after all: an idle queue holds no chunk */
}

static struct iovec part_of(const void *at, size_t size)
{
    struct iovec part = {.iov_len = size};
    memcpy(&part.iov_base, &at, sizeof at); /* sending does not write; the member lacks the const */
    return part;
}

int gw_output_gather(const struct gw_output *output, struct iovec *ret_parts, int parts_max,
                     size_t *ret_size)
{
    int count = 0;
    *ret_size = 0;
    for (const struct gw_chunk *chunk = output->head; chunk != NULL; chunk = chunk->next) {
        if (chunk->end > chunk->begin && count < parts_max) {
            ret_parts[count] = part_of(chunk->bytes + chunk->begin, chunk->end - chunk->begin);
            *ret_size += ret_parts[count++].iov_len;
        }
        if (chunk->blob_size > 0 && count < parts_max) {
            ret_parts[count] = part_of(chunk->blob_at, chunk->blob_size);
            *ret_size += ret_parts[count++].iov_len;
        }
        if (count == parts_max)
            break;
    }
    return count;
}

void gw_output_consume(struct gw_output *output, struct gw_output_cache *cache, size_t size)
{
    GW_ASSERT(size <= output->size);
    output->size -= size;
    if (output->size == 0) {
        gw_output_clear(output, cache);
        return;
    }
    for (;;) {
        struct gw_chunk *chunk = output->head;
        size_t copied = chunk->end - chunk->begin;
        size_t part = size < copied ? size : copied;
        chunk->begin += part;
        size -= part;
        part = size < chunk->blob_size ? size : chunk->blob_size;
        if (part > 0) {
            chunk->blob_at += part;
            chunk->blob_size -= part;
            size -= part;
        }
        if (chunk->begin < chunk->end || chunk->blob_size > 0)
            break;
        output->head = chunk->next; /* not the last: bytes are left */
        chunk_free(cache, chunk);
    }
    GW_ASSERT(size == 0);
}

void gw_output_cache_fini(struct gw_output_cache *cache)
{
    for (int class = 0; class < GW_OUTPUT_CLASSES; class ++) {
        while (cache->spare[class] != NULL) {
            struct gw_chunk *chunk = cache->spare[class];
            cache->spare[class] = chunk->next;
            free(chunk);
        }
        cache->spare_count[class] = 0;
    }
}
