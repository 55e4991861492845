#include "session/numset.h"

#include <stdlib.h>

#define CAPACITY_MIN 4u
#define SPREAD       UINT64_C(0x9E3779B97F4A7C15) /* 2^64 / golden ratio: neighbours land apart */

void gw_numset_init(struct gw_numset *set)
{
    *set = (struct gw_numset){0};
}

void gw_numset_fini(struct gw_numset *set)
{
    free(set->words);
    gw_numset_init(set);
}

/* The word of a key, or the free one where it would be; there is always a free one. */
static struct gw_numset_word *word_of(const struct gw_numset *set, uint64_t key)
{
    size_t at = (size_t)((key * SPREAD) >> 32) & (set->capacity - 1);
    while (set->words[at].key != 0 && set->words[at].key != key)
        at = (at + 1) & (set->capacity - 1);
    return &set->words[at];
}

bool gw_numset_has(const struct gw_numset *set, uint64_t number)
{
    if (set->count == 0)
        return false;
    return (word_of(set, number / 64 + 1)->bits >> (number % 64) & 1) != 0;
}

static enum gw_status grow(struct gw_numset *set)
{
    if ((set->count + 1) * 4 <= set->capacity * 3)
        return GW_OK;
    struct gw_numset larger = {.capacity = set->capacity ? set->capacity * 2 : CAPACITY_MIN,
                               .count = set->count};
    larger.words = calloc(larger.capacity, sizeof(*larger.words));
    if (!larger.words)
        return GW_NO_MEMORY;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->words[i].key != 0)
            *word_of(&larger, set->words[i].key) = set->words[i];
    }
    free(set->words);
    *set = larger;
    return GW_OK;
}

enum gw_status gw_numset_add(struct gw_numset *set, uint64_t number)
{
    GW_TRY(grow(set));
    struct gw_numset_word *word = word_of(set, number / 64 + 1);
    set->count += word->key == 0;
    word->key = number / 64 + 1;
    word->bits |= (uint64_t)1 << (number % 64);
    return GW_OK;
}
