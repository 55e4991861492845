#include "store/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void gw_segment_init(struct gw_segment_table *table, const struct gw_disk *disk,
                     const char *directory)
{
    *table = (struct gw_segment_table){.disk = disk, .directory = directory};
    gw_mutex_init(&table->mutex);
}

static void close_file(struct gw_segment_table *table, struct gw_segment *segment)
{
    if (segment->file < 0)
        return;
    table->disk->ops->close(table->disk->ctx, segment->file);
    segment->file = -1;
    table->open_count--;
}

void gw_segment_fini(struct gw_segment_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        GW_ASSERT(table->list[i]->pins == 0);
        close_file(table, table->list[i]);
        free(table->list[i]->needs);
        free(table->list[i]);
    }
    free(table->list);
    gw_mutex_fini(&table->mutex);
}

void gw_segment_path(const struct gw_segment_table *table, uint32_t number,
                     char ret_path[GW_SEGMENT_PATH_SIZE])
{
    snprintf(ret_path, GW_SEGMENT_PATH_SIZE, "%s/%08" PRIx32 ".seg", table->directory, number);
}

/* The place of the first segment whose number is not below this one. */
static size_t place_of(const struct gw_segment_table *table, uint32_t number)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->list[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum gw_status add_locked(struct gw_segment_table *table, uint32_t number, uint64_t size,
                                 struct gw_segment **ret_segment)
{
    size_t place = place_of(table, number);
    if (place < table->count && table->list[place]->number == number) {
        *ret_segment = table->list[place];
        return GW_EXISTS;
    }
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 16;
        struct gw_segment **list = realloc(table->list, capacity * sizeof(struct gw_segment *));
        if (list == NULL)
            return GW_NO_MEMORY;
        table->list = list;
        table->capacity = capacity;
    }
    struct gw_segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL)
        return GW_NO_MEMORY;
    segment->number = number;
    segment->size = segment->limit = size;
    segment->live = true;
    segment->file = -1;
    memmove(&table->list[place + 1], &table->list[place],
            (table->count - place) * sizeof(struct gw_segment *));
    table->list[place] = segment;
    table->count++;
    *ret_segment = segment;
    return GW_OK;
}

enum gw_status gw_segment_add(struct gw_segment_table *table, uint32_t number, uint64_t size,
                              struct gw_segment **ret_segment)
{
    gw_mutex_lock(&table->mutex);
    enum gw_status status = add_locked(table, number, size, ret_segment);
    gw_mutex_unlock(&table->mutex);
    return status;
}

/* Closes the file that was used longest ago, so that few stay open. */
static void close_oldest(struct gw_segment_table *table)
{
    struct gw_segment *oldest = NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct gw_segment *segment = table->list[i];
        if (segment->file >= 0 && segment->pins == 0 &&
            (oldest == NULL || segment->used_at < oldest->used_at))
            oldest = segment;
    }
    if (oldest != NULL)
        close_file(table, oldest);
}

static enum gw_status open_locked(struct gw_segment_table *table, struct gw_segment *segment,
                                  int *ret_errno)
{
    if (segment->file >= 0)
        return GW_OK;
    if (table->open_count >= GW_SEGMENT_FILES_MAX)
        close_oldest(table);
    char path[GW_SEGMENT_PATH_SIZE];
    gw_segment_path(table, segment->number, path);
    GW_TRY(table->disk->ops->open(table->disk->ctx, path, GW_DISK_READ, &segment->file, ret_errno));
    table->open_count++;
    return GW_OK;
}

enum gw_status gw_segment_pin(struct gw_segment_table *table, uint32_t number,
                              struct gw_segment **ret_segment, int *ret_errno)
{
    *ret_errno = 0;
    gw_mutex_lock(&table->mutex);
    size_t place = place_of(table, number);
    enum gw_status status = GW_NOT_FOUND;
    if (place < table->count && table->list[place]->number == number) {
        struct gw_segment *segment = table->list[place];
        status = open_locked(table, segment, ret_errno);
        if (status == GW_OK) {
            segment->pins++;
            segment->used_at = ++table->uses;
            *ret_segment = segment;
        }
    }
    gw_mutex_unlock(&table->mutex);
    return status;
}

void gw_segment_unpin(struct gw_segment_table *table, struct gw_segment *segment)
{
    gw_mutex_lock(&table->mutex);
    GW_ASSERT(segment->pins > 0);
    segment->pins--;
    gw_mutex_unlock(&table->mutex);
}

bool gw_segment_take(struct gw_segment_table *table, size_t *cursor, gw_segment_free_fn *is_free,
                     void *user, struct gw_segment *ret_segment)
{
    bool taken = false;
    gw_mutex_lock(&table->mutex);
    for (; *cursor < table->count && !taken; ++*cursor) {
        struct gw_segment *segment = table->list[*cursor];
        if (segment->pins > 0 || !is_free(user, segment))
            continue;
        close_file(table, segment);
        *ret_segment = *segment;
        ret_segment->needs = NULL;
        free(segment->needs);
        free(segment);
        table->count--;
        memmove(&table->list[*cursor], &table->list[*cursor + 1],
                (table->count - *cursor) * sizeof(struct gw_segment *));
        taken = true;
        break; /* the cursor stays: what followed has moved up */
    }
    gw_mutex_unlock(&table->mutex);
    return taken;
}

bool gw_segment_next(struct gw_segment_table *table, uint32_t from, uint32_t end,
                     uint32_t *ret_number, uint64_t *ret_size)
{
    gw_mutex_lock(&table->mutex);
    size_t place = place_of(table, from);
    while (place < table->count && !table->list[place]->live)
        place++;
    bool found = place < table->count && table->list[place]->number < end;
    if (found) {
        *ret_number = table->list[place]->number;
        *ret_size = table->list[place]->size;
    }
    gw_mutex_unlock(&table->mutex);
    return found;
}

void gw_segment_sum(struct gw_segment_table *table, uint64_t *ret_count, uint64_t *ret_size)
{
    *ret_size = 0;
    gw_mutex_lock(&table->mutex);
    *ret_count = table->count;
    for (size_t i = 0; i < table->count; i++)
        *ret_size += table->list[i]->size;
    gw_mutex_unlock(&table->mutex);
}
