/*
 * config/confrules: store.durability_rules: which class of durability holds for which topics.
 *
 * Layer   config. No I/O.
 * Owner   whoever owns the configuration.
 * Life    add grows the list; gw_confrules_fini releases it.
 * Limits  GW_CONFIG_RULES_MAX.
 */
#ifndef GW_CONFIG_CONFRULES_H
#define GW_CONFIG_CONFRULES_H

#include "config/config.h"
#include "config/confreport.h"

/* Reads the word behind `class:`; GW_INVALID with the error. */
GW_MUST_USE enum gw_status gw_confrules_word(struct gw_span text, enum gw_durability *ret_class,
                                             struct gw_confreport_error *error);

/* Adds a rule at the end of the list. GW_INVALID with the error, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confrules_add(struct gw_config_rules *rules, struct gw_span filter,
                                            enum gw_durability result,
                                            struct gw_confreport_error *error);

/* True if a rule is for this topic name. */
bool gw_confrules_matches(const struct gw_config_rule *rule, struct gw_span topic_name);

/* Makes a copy; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confrules_copy(const struct gw_config_rules *rules,
                                             struct gw_config_rules *ret_rules);

/* Releases the items. */
void gw_confrules_fini(struct gw_config_rules *rules);

#endif
