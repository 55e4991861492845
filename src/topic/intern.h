/*
 * topic/intern: each text once, known by a counted 32-bit number.
 *
 * Layer   topic (may include base). Allocates with malloc.
 * Owner   one loop; not thread-safe.
 * Life    init/fini on the caller's memory.
 * Limits  texts of 65,535 bytes (a level of a topic cannot be longer).
 */
#ifndef GW_TOPIC_INTERN_H
#define GW_TOPIC_INTERN_H

#include "base/span.h"
#include "base/status.h"
#include "topic/cells.h"
#include "topic/slots.h"

struct gw_intern {
    struct gw_cells texts;
    struct gw_slots by_text;
    uint64_t seed;
};

/* Prepares an empty set; allocates nothing. */
void gw_intern_init(struct gw_intern *intern, uint64_t seed);

/* Releases every text, counted or not. */
void gw_intern_fini(struct gw_intern *intern);

/* The number of a text, which keeps its meaning until the matching unref; 0 when memory is out. */
uint32_t gw_intern_ref(struct gw_intern *intern, struct gw_span text);

/* Gives one reference back; the text goes with the last. */
void gw_intern_unref(struct gw_intern *intern, uint32_t number);

/* The number of a text, not counted; 0 if nobody holds it. */
uint32_t gw_intern_find(const struct gw_intern *intern, struct gw_span text);

/* Texts held. */
size_t gw_intern_count(const struct gw_intern *intern);

#endif
