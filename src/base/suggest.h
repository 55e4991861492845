/*
 * base/suggest: finds the word that somebody meant.
 *
 * Layer   base. Pure.
 * Owner   any thread.
 * Life    none.
 * Limits  words longer than GW_SUGGEST_WORD_MAX are never near anything.
 */
#ifndef GW_BASE_SUGGEST_H
#define GW_BASE_SUGGEST_H

#include "base/span.h"

#define GW_SUGGEST_WORD_MAX 63

/* Edits (insert, delete, replace, swap of neighbours; case is free) between two words; SIZE_MAX if
 * one is too long. */
size_t gw_suggest_distance(struct gw_span a, struct gw_span b);

/* True if `word` may well be a slip for `candidate`: at most a third of it is wrong. */
bool gw_suggest_near(struct gw_span word, struct gw_span candidate, size_t *ret_distance);

/* The nearest of the candidates, NULL if none is near; the first of equals. */
const char *gw_suggest_word(struct gw_span word, const char *const *candidates, size_t count);

#endif
