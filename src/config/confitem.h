/*
 * config/confitem: one item of a list in YAML: a mapping of a few named fields, each one value.
 *                  A field called "tls.cert" is read as tls: {cert: ...}.
 *
 * Layer   config. No I/O.
 * Owner   whoever loads; not thread-safe.
 * Life    init on the caller's memory, fini releases.
 * Limits  GW_CONFITEM_FIELDS_MAX fields, GW_CONFIG_TEXT_MAX bytes a value.
 */
#ifndef GW_CONFIG_CONFITEM_H
#define GW_CONFIG_CONFITEM_H

#include "config/confwalk.h"

#define GW_CONFITEM_FIELDS_MAX 40

struct gw_confitem_field {
    const char *name;
    struct gw_buf text;
    struct gw_confreport_place place;
    bool is_list; /* it may be a list of scalars, read as "a, b"; set by the caller */
    bool stands;  /* it was written */
};

struct gw_confitem {
    const char *what; /* "a listener" */
    struct gw_confitem_field fields[GW_CONFITEM_FIELDS_MAX];
    size_t field_count;
    struct gw_confreport_place place; /* of the whole */
    bool broken;                      /* something was noted */
};

/* Prepares for an item that begins at the current event; names is an array of field_count. */
void gw_confitem_init(struct gw_confitem *item, const struct gw_confwalk *walk, const char *what,
                      const char *const *names, size_t field_count);
void gw_confitem_fini(struct gw_confitem *item);

/* Reads the mapping that the current event begins; notes what is wrong with it. */
void gw_confitem_read(struct gw_confitem *item, struct gw_confwalk *walk);
/* Reads the current event, a scalar, as the value of one field: for short forms. */
void gw_confitem_read_as(struct gw_confitem *item, struct gw_confwalk *walk, size_t field);

/* Notes what came out for a field, unless it is good. */
void gw_confitem_note(struct gw_confitem *item, struct gw_confwalk *walk, size_t field,
                      enum gw_status status, const struct gw_confreport_error *error);

/* What stands in a field; empty if it does not. */
static inline struct gw_span gw_confitem_text(const struct gw_confitem *item, size_t field)
{
    return gw_buf_span(&item->fields[field].text);
}

#endif
