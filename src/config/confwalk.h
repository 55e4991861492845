/*
 * config/confwalk: a walk over the events of a YAML text, with places for what is wrong.
 *
 * Layer   config. No I/O.
 * Owner   whoever loads; not thread-safe.
 * Life    confyaml makes and ends it; the memory of an event lasts until the next.
 * Limits  GW_CONFYAML_DEPTH_MAX, GW_CONFYAML_EVENTS_MAX, GW_CONFREPORT_ERRORS_MAX.
 */
#ifndef GW_CONFIG_CONFWALK_H
#define GW_CONFIG_CONFWALK_H

#include <yaml.h>

#include "config/confname.h"
#include "config/confyaml.h"

struct gw_confwalk {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; its memory lasts until the next */
    const struct gw_confyaml_input *input;
    struct gw_config *config;
    struct gw_confreport *report;
    uint32_t event_count;
    uint32_t depth; /* of the current event */
    uint32_t error_count;
    enum gw_status status; /* the worst so far */
    bool ended;            /* nothing more can be read */
    /* For each key and for each group (at its first key) the line it stood in, 0 if it did not;
     * one column per depth of the name. */
    uint32_t seen[GW_CONFIG_KEY_COUNT][GW_CONFNAME_DEPTH_MAX];
};

/* Where the current event stands. */
struct gw_confreport_place gw_confwalk_here(const struct gw_confwalk *walk);

/* Notes an error; memory that ran out outweighs what is wrong with the text. */
void gw_confwalk_note(struct gw_confwalk *walk, enum gw_status status,
                      const struct gw_confreport_place *place,
                      const struct gw_confreport_error *error);
/* Notes an error at the current event. */
void gw_confwalk_note_here(struct gw_confwalk *walk, enum gw_confreport_code code, const char *what,
                           const char *why);

/* Goes to the next event; false when there is none any more. */
bool gw_confwalk_next(struct gw_confwalk *walk);
/* Skips what the current event begins. */
void gw_confwalk_skip(struct gw_confwalk *walk);

/* The bytes of the current scalar. */
struct gw_span gw_confwalk_scalar(const struct gw_confwalk *walk);
/* True for the nothing behind `limits:`, and for `~` and `null`. */
bool gw_confwalk_is_null(const struct gw_confwalk *walk);
/* Reads the current scalar with its ${NAME}s filled in into a buffer that it begins; notes what is
 * wrong, and then the buffer is empty. */
bool gw_confwalk_read_text(struct gw_confwalk *walk, struct gw_buf *buf);

#endif
