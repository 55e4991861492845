#include "session/pending.h"

#include <stdlib.h>

#define HAD_MIN        4u
#define UNFINISHED_MIN 64u

static bool is_finished(const struct gw_image *image, const struct gw_image_unfinished *message)
{
    return message->message <= image->complete[message->origin];
}

/* Where the message is, or would be. */
static size_t unfinished_at(const struct gw_image *image, gw_position position)
{
    size_t from = 0;
    size_t end = image->unfinished_count;
    if (end > 0 && image->unfinished[end - 1].message < position)
        return end;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (image->unfinished[middle].message < position)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

struct gw_image_unfinished *gw_pending_find(const struct gw_image *image, gw_position position)
{
    size_t at = unfinished_at(image, position);
    if (at == image->unfinished_count || image->unfinished[at].message != position)
        return NULL;
    return &image->unfinished[at];
}

static void prune(struct gw_image *image)
{
    size_t kept = 0;
    for (size_t i = 0; i < image->unfinished_count; i++) {
        struct gw_image_unfinished message = image->unfinished[i];
        image->unfinished[i].had = NULL;
        if (is_finished(image, &message))
            free(message.had);
        else
            image->unfinished[kept++] = message;
    }
    image->unfinished_count = kept;
}

static enum gw_status make_unfinished_room(struct gw_image *image)
{
    if (image->unfinished_count < image->unfinished_capacity)
        return GW_OK;
    prune(image);
    if (image->unfinished_count < image->unfinished_capacity / 2)
        return GW_OK;
    size_t capacity = image->unfinished_capacity ? image->unfinished_capacity * 2 : UNFINISHED_MIN;
    struct gw_image_unfinished *larger =
        realloc(image->unfinished, capacity * sizeof(*image->unfinished));
    if (!larger)
        return GW_NO_MEMORY;
    image->unfinished = larger;
    image->unfinished_capacity = capacity;
    return GW_OK;
}

enum gw_status gw_pending_add(struct gw_image *image, gw_position position, uint8_t origin)
{
    struct gw_image_unfinished message = {.message = position, .origin = origin};
    if (is_finished(image, &message) || gw_pending_find(image, position))
        return GW_OK;
    GW_TRY(make_unfinished_room(image));
    size_t at = unfinished_at(image, position);
    memmove(&image->unfinished[at + 1], &image->unfinished[at],
            (image->unfinished_count - at) * sizeof(*image->unfinished));
    image->unfinished[at] = message;
    image->unfinished_count++;
    return GW_OK;
}

/* Heapsort: in place, never slow. */
static void sift(uint64_t *numbers, size_t at, size_t count)
{
    uint64_t number = numbers[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && numbers[child + 1] > numbers[child])
            child++;
        if (numbers[child] <= number)
            break;
        numbers[at] = numbers[child];
    }
    numbers[at] = number;
}

static void sort_had(struct gw_image_unfinished *message)
{
    uint64_t *had = message->had;
    uint32_t kept = 0;
    for (size_t at = message->had_count / 2; at-- > 0;)
        sift(had, at, message->had_count);
    for (size_t end = message->had_count; end-- > 1;) {
        uint64_t largest = had[0];
        had[0] = had[end];
        had[end] = largest;
        sift(had, 0, end);
    }
    for (uint32_t i = 0; i < message->had_count; i++) {
        if (kept == 0 || had[kept - 1] != had[i])
            had[kept++] = had[i];
    }
    message->had_count = kept;
}

/* Some are said twice, where slices were written meanwhile: those go first. */
static enum gw_status make_had_room(struct gw_image_unfinished *message)
{
    sort_had(message);
    if (message->had_count < message->had_capacity / 2)
        return GW_OK;
    uint32_t capacity = message->had_capacity ? message->had_capacity * 2 : HAD_MIN;
    uint64_t *larger = realloc(message->had, (size_t)capacity * sizeof(*larger));
    if (!larger)
        return GW_NO_MEMORY;
    message->had = larger;
    message->had_capacity = capacity;
    return GW_OK;
}

enum gw_status gw_pending_note(struct gw_image *image, gw_position position, uint64_t serial)
{
    struct gw_image_unfinished *message = gw_pending_find(image, position);
    if (!message)
        return GW_OK;
    if (message->had_count == message->had_capacity)
        GW_TRY(make_had_room(message));
    message->had[message->had_count++] = serial;
    return GW_OK;
}

void gw_pending_finish(struct gw_image *image)
{
    prune(image);
    for (size_t i = 0; i < image->unfinished_count; i++)
        sort_had(&image->unfinished[i]);
}
