#include "base/suggest.h"

#define BEGINNING_MIN 3 /* letters that begin a word without doubt */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t gw_suggest_distance(struct gw_span a, struct gw_span b)
{
    /* Three rows of the usual table: two back for swaps, one back, and the one being filled. */
    size_t rows[3][GW_SUGGEST_WORD_MAX + 1];

    if (a.size > GW_SUGGEST_WORD_MAX || b.size > GW_SUGGEST_WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *second = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            uint8_t x = lower(a.data[i - 1]);
            uint8_t y = lower(b.data[j - 1]);

            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b.data[j - 2]) && lower(a.data[i - 2]) == y)
                row[j] = least(row[j], second[j - 2] + 1);
        }
    }
    return rows[a.size % 3][b.size];
}

bool gw_suggest_near(struct gw_span word, struct gw_span candidate, size_t *ret_distance)
{
    size_t longer = word.size > candidate.size ? word.size : candidate.size;
    size_t distance = gw_suggest_distance(word, candidate);

    if (word.size >= BEGINNING_MIN && distance > 1 && distance != SIZE_MAX &&
        gw_span_starts_with(candidate, word))
        distance = 1; /* cut short, not misspelt */
    *ret_distance = distance;
    return distance != SIZE_MAX && longer > 1 && distance * 3 <= longer + 1 && distance < longer;
}

const char *gw_suggest_word(struct gw_span word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;

    for (size_t i = 0; i < count; i++) {
        size_t distance;

        if (gw_suggest_near(word, gw_span_str(candidates[i]), &distance) &&
            distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
