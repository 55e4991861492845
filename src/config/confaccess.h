/*
 * config/confaccess: `access:` and `access_file:`: the rules that say who may publish and receive
 *                    what.
 *
 * Layer   config. Reads access_file through os/file.
 * Owner   whoever loads.
 * Life    lists are counted (auth/access).
 * Limits  those of auth/access and auth/aclfile.
 */
#ifndef GW_CONFIG_CONFACCESS_H
#define GW_CONFIG_CONFACCESS_H

#include "auth/access.h"
#include "config/confwalk.h"

/* Reads the list behind `access:` from the current event on, in the place of what was there. */
void gw_confaccess_read(struct gw_confwalk *walk);

/* Puts the rules of both keys together into config->rights; NULL if neither stands. GW_INVALID: the
 * report says why; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confaccess_join(struct gw_config *config,
                                              struct gw_confreport *report);

/* Reads "o=Example" behind `certificate:` or "role=operator" behind `claim:` into an attribute as
 * auth/warrant has it. GW_INVALID with the error, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confaccess_certificate(struct gw_span text, struct gw_buf *attribute,
                                                     struct gw_confreport_error *error);
GW_MUST_USE enum gw_status gw_confaccess_claim(struct gw_span text, struct gw_buf *attribute,
                                               struct gw_confreport_error *error);

/* Appends a rule as YAML: {allow: pub, topic: "devices/%c/#"}. */
GW_MUST_USE enum gw_status gw_confaccess_print(const struct gw_access_rule *rule,
                                               struct gw_buf *out);

#endif
