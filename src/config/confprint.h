/*
 * config/confprint: the configuration as text: what is in force and why, the defaults, the
 *                   reference page.
 *
 * Layer   config. No I/O.
 * Owner   any thread.
 * Life    none.
 * Limits  those of the buffer.
 */
#ifndef GW_CONFIG_CONFPRINT_H
#define GW_CONFIG_CONFPRINT_H

#include "config/config.h"

/* Appends every key with its value and, as a comment, where it came from. The text is YAML that
 * loads to the same values. GW_NO_MEMORY, GW_LIMIT of the buffer. */
GW_MUST_USE enum gw_status gw_confprint_effective(const struct gw_config *config,
                                                  struct gw_buf *out);

/* As above, but only keys whose value is not the default. */
GW_MUST_USE enum gw_status gw_confprint_changed(const struct gw_config *config, struct gw_buf *out);

/* Appends a complete configuration file of the defaults, with help and bounds as comments. */
GW_MUST_USE enum gw_status gw_confprint_defaults(struct gw_buf *out);

/* Appends docs/reference/config.md. */
GW_MUST_USE enum gw_status gw_confprint_reference(struct gw_buf *out);

/* Appends where a value came from: "default", "godwit.yaml:12", "environment", "command line". */
GW_MUST_USE enum gw_status gw_confprint_origin(const struct gw_config *config,
                                               const struct gw_config_key *key, struct gw_buf *out);

#endif
