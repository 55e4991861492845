#include "topic/intern.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

#define NEAR_MAX 16u

struct text {
    uint32_t refs;
    uint16_t size;
    union {
        uint8_t near[NEAR_MAX]; /* up to NEAR_MAX bytes */
        uint8_t *far;
    } at;
};
_Static_assert(sizeof(struct text) == 24, "one per distinct level");

static const uint8_t *bytes_of(const struct text *text)
{
    return text->size <= NEAR_MAX ? text->at.near : text->at.far;
}

static uint32_t hash_of(const struct gw_intern *intern, struct gw_span text)
{
    return (uint32_t)(gw_hash_bytes(text, intern->seed) >> 32);
}

void gw_intern_init(struct gw_intern *intern, uint64_t seed)
{
    gw_cells_init(&intern->texts, sizeof(struct text));
    gw_slots_init(&intern->by_text);
    intern->seed = seed;
}

void gw_intern_fini(struct gw_intern *intern)
{
    size_t at = 0;
    uint32_t number;
    while ((number = gw_slots_walk(&intern->by_text, &at)) != 0) {
        struct text *text = gw_cells_at(&intern->texts, number);
        if (text->size > NEAR_MAX)
            free(text->at.far);
    }
    gw_slots_fini(&intern->by_text);
    gw_cells_fini(&intern->texts);
}

static uint32_t find(const struct gw_intern *intern, struct gw_span wanted, uint32_t hash)
{
    struct gw_slots_probe probe = gw_slots_find(&intern->by_text, hash);
    uint32_t number;
    while ((number = gw_slots_next(&probe)) != 0) {
        const struct text *text = gw_cells_at(&intern->texts, number);
        if (text->size == wanted.size &&
            (wanted.size == 0 || memcmp(bytes_of(text), wanted.data, wanted.size) == 0))
            return number;
    }
    return 0;
}

uint32_t gw_intern_find(const struct gw_intern *intern, struct gw_span text)
{
    return find(intern, text, hash_of(intern, text));
}

static bool copy_in(struct text *text, struct gw_span from)
{
    uint8_t *to = text->at.near;
    if (from.size > NEAR_MAX) {
        to = malloc(from.size);
        if (!to)
            return false;
        text->at.far = to;
    }
    text->size = (uint16_t)from.size;
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    return true;
}

static void release(struct gw_intern *intern, uint32_t number)
{
    struct text *text = gw_cells_at(&intern->texts, number);
    if (text->size > NEAR_MAX)
        free(text->at.far);
    gw_cells_give(&intern->texts, number);
}

uint32_t gw_intern_ref(struct gw_intern *intern, struct gw_span text)
{
    uint32_t hash = hash_of(intern, text);
    uint32_t number = find(intern, text, hash);
    if (number == 0) {
        GW_ASSERT(text.size <= UINT16_MAX);
        number = gw_cells_take(&intern->texts);
        if (number == 0)
            return 0;
        if (!copy_in(gw_cells_at(&intern->texts, number), text) ||
            gw_slots_insert(&intern->by_text, hash, number) != GW_OK) {
            release(intern, number);
            return 0;
        }
    }
    struct text *held = gw_cells_at(&intern->texts, number);
    held->refs++;
    return number;
}

void gw_intern_unref(struct gw_intern *intern, uint32_t number)
{
    struct text *text = gw_cells_at(&intern->texts, number);
    GW_ASSERT(text->refs > 0);
    if (--text->refs > 0)
        return;
    struct gw_span span = gw_span_of(bytes_of(text), text->size);
    gw_slots_remove(&intern->by_text, hash_of(intern, span), number);
    release(intern, number);
}

size_t gw_intern_count(const struct gw_intern *intern)
{
    return intern->texts.count;
}
