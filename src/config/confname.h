/*
 * config/confname: names of keys: the path through the tree, names of environment variables, and
 *                  ${NAME} inside values.
 *
 * Layer   config. No I/O.
 * Owner   whoever loads.
 * Life    none.
 * Limits  GW_CONFNAME_SIZE_MAX bytes, GW_CONFNAME_DEPTH_MAX parts.
 */
#ifndef GW_CONFIG_CONFNAME_H
#define GW_CONFIG_CONFNAME_H

#include "config/config.h"
#include "config/confreport.h"

#define GW_CONFNAME_SIZE_MAX  64
#define GW_CONFNAME_DEPTH_MAX 4

/* Where a reader stands in the tree of keys; all zero is the root. */
struct gw_confname {
    char text[GW_CONFNAME_SIZE_MAX]; /* "limits.queue" */
    size_t size;
    uint32_t depth;                    /* parts of the text */
    const struct gw_config_key *key;   /* the key of this name, NULL for a group */
    const struct gw_config_key *first; /* the first key at or below this name */
};

/* Goes down to a child; false, and nothing changed, if there is none of that name. */
bool gw_confname_enter(struct gw_confname *name, struct gw_span part);
/* Goes back up to a name of that size. */
void gw_confname_leave(struct gw_confname *name, size_t size);

/* The name of a group's first child, for examples. */
const char *gw_confname_first_child(const struct gw_confname *group);

/* Fills *error for a name that is no key, with what was probably meant; `group` is where it stands
 * ("limits", or empty). Returns GW_INVALID. */
enum gw_status gw_confname_unknown(struct gw_span group, struct gw_span part,
                                   struct gw_confreport_error *error);

/* The value of a variable in an environment ("NAME=value" …, NULL); NULL if it is not set. */
const char *gw_confname_env(const char *const *env, struct gw_span name);

/* Appends a text with every ${NAME} replaced from the environment; "$${" stands for "${".
 * GW_INVALID with the error, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confname_expand(struct gw_span text, const char *const *env,
                                              struct gw_buf *out,
                                              struct gw_confreport_error *error);

/* Writes "limits.packet" for "LIMITS__PACKET"; false if it is too long. */
bool gw_confname_of_variable(struct gw_span variable, char name[GW_CONFNAME_SIZE_MAX]);

#endif
