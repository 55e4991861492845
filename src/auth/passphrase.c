#include "auth/passphrase.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "os/entropy.h"

#define WORD_MAX   6
#define NUMBER_MIN 10
#define NUMBERS    90 /* 10 to 99 */

static const char words[][WORD_MAX + 1] = {
#define X(word) word,
#include "auth/passphrase.def"
#undef X
};
_Static_assert(GW_COUNT_OF(words) == GW_PASSPHRASE_WORDS, "as many as the header says");
_Static_assert(4 * (WORD_MAX + 1) + 3 < GW_PASSPHRASE_MAX, "there is room for the longest");

/* A number below `bound`, each as likely: what would favour some of them is drawn again. */
static uint32_t draw(uint32_t bound)
{
    uint32_t top = UINT32_MAX - UINT32_MAX % bound;
    uint32_t number;
    do
        gw_entropy_fill(&number, sizeof number);
    while (number >= top);
    return number % bound;
}

const char *gw_passphrase_word(size_t index)
{
    GW_ASSERT(index < GW_PASSPHRASE_WORDS);
    return words[index];
}

const char *gw_passphrase_make(char text[GW_PASSPHRASE_MAX])
{
    const char *chosen[4];
    for (size_t i = 0; i < GW_COUNT_OF(chosen); i++)
        chosen[i] = words[draw(GW_PASSPHRASE_WORDS)];
    snprintf(text, GW_PASSPHRASE_MAX, "%s-%s-%u-%s-%s", chosen[0], chosen[1],
             NUMBER_MIN + draw(NUMBERS), chosen[2], chosen[3]);
    return text;
}
