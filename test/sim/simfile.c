#include "sim/simfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct simfile_change {
    struct simfile_change *next;
    uint64_t offset; /* for a change of size: the new one */
    size_t size;
    bool resize;
    uint8_t bytes[];
};

/* -- images -- */

static void image_store(struct simfile_image *image, uint64_t offset, const void *bytes,
                        size_t size)
{
    if (size == 0)
        return;
    size_t end = (size_t)offset + size;
    if (end > image->capacity) {
        size_t capacity = end + end / 2;
        image->data = realloc(image->data, capacity);
        GW_ASSERT(image->data != NULL);
        image->capacity = capacity;
    }
    if (end > image->stored) {
        memset(image->data + image->stored, 0, end - image->stored);
        image->stored = end;
    }
    memcpy(image->data + offset, bytes, size);
    if (end > image->size)
        image->size = end;
}

static void image_resize(struct simfile_image *image, uint64_t size)
{
    image->size = size;
    if (image->stored > size)
        image->stored = (size_t)size;
}

static void image_copy(struct simfile_image *to, const struct simfile_image *from)
{
    image_resize(to, 0);
    image_store(to, 0, from->data, from->stored);
    to->size = from->size;
}

/* -- changes -- */

static void add_change(struct simfile *file, const struct simfile_change *head, const void *bytes)
{
    struct simfile_change *change = malloc(sizeof *change + head->size);
    GW_ASSERT(change != NULL);
    *change = *head;
    change->next = NULL;
    if (bytes) /* none: a change without bytes */
        memcpy(change->bytes, bytes, head->size);
    if (file->last)
        file->last->next = change;
    else
        file->first = change;
    file->last = change;
}

static struct simfile_change *pop_change(struct simfile *file)
{
    struct simfile_change *change = file->first;
    if (!change)
        return NULL;
    file->first = change->next;
    if (!file->first)
        file->last = NULL;
    return change;
}

static void apply(struct simfile_image *image, const struct simfile_change *change)
{
    if (change->resize)
        image_resize(image, change->offset);
    else
        image_store(image, change->offset, change->bytes, change->size);
}

/* Stores the sectors of a write from the sector `from` to before `to`, each with odds of `odds` in
 * 8; sectors are those of the file. */
static void store_sectors(struct simfile_image *image, const struct simfile_change *change,
                          uint64_t from, uint64_t to, unsigned odds, struct gw_random *random)
{
    uint64_t end = change->offset + change->size;
    for (uint64_t sector = from; sector < to; sector++) {
        uint64_t a = sector * SIMFILE_SECTOR;
        uint64_t b = a + SIMFILE_SECTOR;
        a = a > change->offset ? a : change->offset;
        b = b < end ? b : end;
        if (gw_random_below(random, 8) < odds)
            image_store(image, a, change->bytes + (a - change->offset), (size_t)(b - a));
    }
}

/* Keeps a beginning, an end or scattered sectors of a write. */
static void tear(struct simfile_image *image, const struct simfile_change *change,
                 struct gw_random *random)
{
    uint64_t from = change->offset / SIMFILE_SECTOR;
    uint64_t to = (change->offset + change->size + SIMFILE_SECTOR - 1) / SIMFILE_SECTOR;
    uint64_t cut = from + gw_random_below(random, to - from + 1);
    switch (gw_random_below(random, 3)) {
    case 0: store_sectors(image, change, from, cut, 8, random); break;
    case 1: store_sectors(image, change, cut, to, 8, random); break;
    default:
        store_sectors(image, change, from, to, 1 + (unsigned)gw_random_below(random, 7), random);
        break;
    }
}

/* A lost write may have made the file longer all the same. */
static void lose(struct simfile_image *image, const struct simfile_change *change,
                 struct gw_random *random)
{
    uint64_t end = change->offset + change->size;
    if (!change->resize && image->size < end && gw_random_below(random, 4) == 0)
        image_resize(image, end);
}

/* Each change may be lost, so what is on stable storage is what any order of writing could have
 * left there: no need to draw an order too. `odds`: changes in 8 that are kept whole. */
static void decide(struct simfile_image *image, const struct simfile_change *change, unsigned odds,
                   struct gw_random *random)
{
    if (gw_random_below(random, 8) < odds)
        apply(image, change);
    else if (!change->resize && change->size > 0 && gw_random_below(random, 2) == 0)
        tear(image, change, random);
    else
        lose(image, change, random);
}

/* -- for the disk -- */

void simfile_fini(struct simfile *file)
{
    for (struct simfile_change *change; (change = pop_change(file)) != NULL;)
        free(change);
    free(file->now.data);
    free(file->kept.data);
    *file = (struct simfile){0};
}

void simfile_copy(struct simfile *to, const struct simfile *from)
{
    image_copy(&to->now, &from->now);
    image_copy(&to->kept, &from->kept);
    for (const struct simfile_change *change = from->first; change; change = change->next)
        add_change(to, change, change->bytes);
}

size_t simfile_read(const struct simfile *file, uint64_t offset, void *memory, size_t size)
{
    const struct simfile_image *image = &file->now;
    if (offset >= image->size)
        return 0;
    if (size > image->size - offset)
        size = (size_t)(image->size - offset);
    size_t stored = offset < image->stored ? image->stored - (size_t)offset : 0;
    stored = stored < size ? stored : size;
    if (stored > 0)
        memcpy(memory, image->data + offset, stored);
    memset((uint8_t *)memory + stored, 0, size - stored);
    return size;
}

void simfile_write(struct simfile *file, uint64_t offset, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    image_store(&file->now, offset, bytes, size);
    add_change(file, &(struct simfile_change){.offset = offset, .size = size}, bytes);
}

void simfile_resize(struct simfile *file, uint64_t size)
{
    image_resize(&file->now, size);
    add_change(file, &(struct simfile_change){.offset = size, .resize = true}, NULL);
}

void simfile_sync(struct simfile *file)
{
    for (struct simfile_change *change; (change = pop_change(file)) != NULL; free(change))
        apply(&file->kept, change);
}

void simfile_sync_failed(struct simfile *file, struct gw_random *random)
{
    struct simfile before = {.first = file->first, .last = file->last};
    file->first = file->last = NULL;
    for (struct simfile_change *change; (change = pop_change(&before)) != NULL; free(change))
        if (gw_random_below(random, 3) == 0)
            add_change(file, change, change->bytes);
        else
            decide(&file->kept, change, 4, random);
}

void simfile_crash(struct simfile *file, enum simfile_fate fate, struct gw_random *random)
{
    unsigned odds = 1 + (unsigned)gw_random_below(random, 7);
    for (struct simfile_change *change; (change = pop_change(file)) != NULL; free(change))
        if (fate == SIMFILE_KEEP)
            apply(&file->kept, change);
        else if (fate == SIMFILE_TEAR)
            decide(&file->kept, change, odds, random);
    image_copy(&file->now, &file->kept);
}

bool simfile_dirty(const struct simfile *file)
{
    return file->first != NULL;
}

static bool image_flip(struct simfile_image *image, uint64_t offset, unsigned bit)
{
    if (offset >= image->size)
        return false;
    uint8_t byte = offset < image->stored ? image->data[offset] : 0;
    byte ^= (uint8_t)(1u << bit);
    image_store(image, offset, &byte, 1);
    return true;
}

bool simfile_flip(struct simfile *file, uint64_t offset, unsigned bit)
{
    (void)image_flip(&file->kept, offset, bit); /* may be shorter: not synced yet */
    return image_flip(&file->now, offset, bit);
}

void simfile_cut(struct simfile *file, uint64_t size)
{
    if (file->now.size > size)
        image_resize(&file->now, size);
    if (file->kept.size > size)
        image_resize(&file->kept, size);
}
