/*
 * config/confyaml: YAML to values of the table.
 *
 * Layer   config. No I/O.
 * Owner   whoever owns the configuration.
 * Life    one call.
 * Limits  GW_CONFYAML_DEPTH_MAX levels, GW_CONFYAML_EVENTS_MAX nodes; no anchors, aliases or tags.
 */
#ifndef GW_CONFIG_CONFYAML_H
#define GW_CONFIG_CONFYAML_H

#include "config/config.h"
#include "config/confreport.h"

#define GW_CONFYAML_DEPTH_MAX  16
#define GW_CONFYAML_EVENTS_MAX 200000

struct gw_confyaml_input {
    const char *name;       /* of the file, or what stands for it in errors */
    struct gw_span text;    /* the YAML */
    bool show_lines;        /* errors show line and caret; else the name says enough */
    const char *const *env; /* for ${NAME}; may be NULL */
    enum gw_config_source source;
};

/* Reads a whole file into the configuration: all errors go to the report, GW_INVALID if there was
 * one; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confyaml_load(const struct gw_confyaml_input *input,
                                            struct gw_config *config, struct gw_confreport *report);

/* Reads the value of one key, written as YAML ("[3.1.1, 5]"). */
GW_MUST_USE enum gw_status gw_confyaml_load_value(const struct gw_confyaml_input *input,
                                                  const struct gw_config_key *key,
                                                  struct gw_config *config,
                                                  struct gw_confreport *report);

#endif
