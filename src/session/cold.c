#include "session/cold.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/blob.h"
#include "base/compiler.h"

/* A queue of few entries takes little, one of many has few headers: a chunk is as large as what is
 * there already, between these. */
#define CHUNK_MIN 4u
#define CHUNK_MAX 168u

struct chunk {
    struct gw_list link;
    uint16_t first;
    uint16_t end;
    uint16_t capacity;
    struct gw_cold entries[];
};

static struct chunk *chunk_of(const struct gw_list *link)
{
    return GW_CONTAINER((struct gw_list *)(uintptr_t)link, struct chunk, link);
}

static size_t chunk_bytes(const struct chunk *chunk)
{
    return sizeof(*chunk) + chunk->capacity * sizeof(chunk->entries[0]);
}

static size_t more_bytes(const struct gw_cold_more *more)
{
    return sizeof(*more) + (more->ids ? sizeof(*more->ids) + more->ids->size : 0);
}

void gw_cold_init(struct gw_cold_queue *queue)
{
    *queue = (struct gw_cold_queue){0};
    gw_list_init(&queue->chunks);
    gw_list_init(&queue->more);
}

void gw_cold_fini(struct gw_cold_queue *queue)
{
    for (struct gw_list *link; (link = gw_list_pop_front(&queue->chunks)) != NULL;)
        free(chunk_of(link));
    for (struct gw_list *link; (link = gw_list_pop_front(&queue->more)) != NULL;) {
        struct gw_cold_more *more = GW_CONTAINER(link, struct gw_cold_more, link);
        gw_blob_unref(&more->ids);
        free(more);
    }
    gw_cold_init(queue);
}

static struct chunk *chunk_with_room(struct gw_cold_queue *queue)
{
    if (!gw_list_empty(&queue->chunks)) {
        struct chunk *last = chunk_of(queue->chunks.prev);
        if (last->end < last->capacity)
            return last;
    }
    uint32_t capacity = queue->count < CHUNK_MIN ? CHUNK_MIN : queue->count;
    if (capacity > CHUNK_MAX)
        capacity = CHUNK_MAX;
    struct chunk *chunk = malloc(sizeof(*chunk) + capacity * sizeof(chunk->entries[0]));
    if (!chunk)
        return NULL;
    *chunk = (struct chunk){.capacity = (uint16_t)capacity};
    gw_list_init(&chunk->link);
    gw_list_push_back(&queue->chunks, &chunk->link);
    queue->memory_bytes += chunk_bytes(chunk);
    return chunk;
}

enum gw_status gw_cold_push(struct gw_cold_queue *queue, const struct gw_cold *entry,
                            struct gw_cold_more *more)
{
    struct chunk *chunk = chunk_with_room(queue);
    if (!chunk)
        return GW_NO_MEMORY;
    struct gw_cold *place = &chunk->entries[chunk->end++];
    *place = *entry;
    place->more = more != NULL;
    if (more) {
        more->order = entry->order;
        gw_list_init(&more->link);
        gw_list_push_back(&queue->more, &more->link);
        queue->memory_bytes += more_bytes(more);
    }
    queue->count++;
    queue->message_bytes += entry->size;
    return GW_OK;
}

bool gw_cold_first(const struct gw_cold_queue *queue, struct gw_cold *ret_entry)
{
    if (queue->count == 0)
        return false;
    const struct chunk *chunk = chunk_of(queue->chunks.next);
    *ret_entry = chunk->entries[chunk->first];
    return true;
}

/* Takes off the first place; what was in it is `entry`, wherever it stood. */
static void shrink(struct gw_cold_queue *queue, const struct gw_cold *entry)
{
    struct chunk *chunk = chunk_of(queue->chunks.next);
    queue->count--;
    queue->gone++;
    queue->message_bytes -= entry->size;
    if (++chunk->first < chunk->end)
        return;
    queue->memory_bytes -= chunk_bytes(chunk);
    gw_list_remove(&chunk->link);
    free(chunk);
}

static struct gw_cold_more *take_more(struct gw_cold_queue *queue, uint32_t order)
{
    GW_LIST_FOREACH (link, &queue->more) {
        struct gw_cold_more *more = GW_CONTAINER(link, struct gw_cold_more, link);
        if (more->order != order)
            continue;
        gw_list_remove(&more->link);
        queue->memory_bytes -= more_bytes(more);
        return more;
    }
    GW_ASSERT(false); /* an entry that says that it has more has more */
    return NULL;
}

bool gw_cold_pop(struct gw_cold_queue *queue, struct gw_cold *ret_entry,
                 struct gw_cold_more **ret_more)
{
    if (!gw_cold_first(queue, ret_entry))
        return false;
    *ret_more = ret_entry->more ? take_more(queue, ret_entry->order) : NULL;
    shrink(queue, ret_entry);
    return true;
}

bool gw_cold_pop_unsent(struct gw_cold_queue *queue, struct gw_cold *ret_entry,
                        struct gw_cold_more **ret_more)
{
    struct gw_cold_cursor cursor;
    const struct gw_cold_more *more;
    gw_cold_begin(queue, &cursor);
    do {
        if (!gw_cold_each(queue, &cursor, ret_entry, &more))
            return false;
    } while (ret_entry->sent);
    *ret_more = ret_entry->more ? take_more(queue, ret_entry->order) : NULL;
    /* Those before it move up by one. */
    struct chunk *chunk = chunk_of(queue->chunks.next);
    uint32_t at = chunk->first;
    struct gw_cold moving = chunk->entries[at];
    while (moving.sent) {
        if (++at == chunk->end) {
            chunk = chunk_of(chunk->link.next);
            at = chunk->first;
        }
        struct gw_cold next = chunk->entries[at];
        chunk->entries[at] = moving;
        moving = next;
    }
    shrink(queue, ret_entry);
    return true;
}

void gw_cold_begin(const struct gw_cold_queue *queue, struct gw_cold_cursor *cursor)
{
    cursor->chunk = queue->chunks.next;
    cursor->more = queue->more.next;
    cursor->at = 0;
}

void gw_cold_seek(const struct gw_cold_queue *queue, struct gw_cold_cursor *cursor, uint64_t number)
{
    struct gw_cold entry;
    const struct gw_cold_more *more;
    uint64_t skip = number > queue->gone ? number - queue->gone : 0;
    gw_cold_begin(queue, cursor);
    while (skip > 0 && gw_list_empty(&queue->more) && cursor->chunk != &queue->chunks) {
        const struct chunk *chunk = chunk_of(cursor->chunk);
        uint64_t size = (uint64_t)(chunk->end - chunk->first);
        if (skip < size)
            break;
        skip -= size;
        cursor->chunk = chunk->link.next;
    }
    while (skip-- > 0 && gw_cold_each(queue, cursor, &entry, &more))
        ;
}

bool gw_cold_each(const struct gw_cold_queue *queue, struct gw_cold_cursor *cursor,
                  struct gw_cold *ret_entry, const struct gw_cold_more **ret_more)
{
    if (cursor->chunk == &queue->chunks)
        return false;
    const struct chunk *chunk = chunk_of(cursor->chunk);
    *ret_entry = chunk->entries[chunk->first + cursor->at];
    *ret_more = NULL;
    if (ret_entry->more) {
        *ret_more = GW_CONTAINER_CONST(cursor->more, struct gw_cold_more, link);
        cursor->more = cursor->more->next;
    }
    if (chunk->first + ++cursor->at == chunk->end) {
        cursor->chunk = chunk->link.next;
        cursor->at = 0;
    }
    return true;
}

void gw_cold_move(struct gw_cold_queue *queue, const struct gw_cold_cursor *cursor,
                  gw_position message)
{
    GW_ASSERT(cursor->chunk != &queue->chunks);
    struct chunk *chunk = chunk_of(cursor->chunk);
    chunk->entries[chunk->first + cursor->at].message = message;
}
