/*
 * config/confauth: auth: who is asked whether a client may connect, in order.
 *
 * Layer   config. No I/O: files are named here and read by whoever uses them.
 * Owner   whoever owns the configuration.
 * Life    read fills the list; fini releases it.
 * Limits  GW_CONFIG_AUTH_MAX.
 */
#ifndef GW_CONFIG_CONFAUTH_H
#define GW_CONFIG_CONFAUTH_H

#include "config/authkinds.h"
#include "config/config.h"
#include "config/confwalk.h"

/* Reads the list behind `auth:`, or the one entry; none is fine. Notes what is wrong. */
void gw_confauth_read(struct gw_confwalk *walk);

/* Makes a copy; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confauth_copy(const struct gw_config_auth *auth,
                                            struct gw_config_auth *ret_auth);
/* Releases the items. */
void gw_confauth_fini(struct gw_config_auth *auth);

/* Appends an item as YAML: "{http: {url: ..., timeout: 2s}}"; secrets are but names of files. */
GW_MUST_USE enum gw_status gw_confauth_print(const struct gw_config_auth_item *item,
                                             struct gw_buf *out);
/* Appends the table of kinds and settings as Markdown. */
GW_MUST_USE enum gw_status gw_confauth_reference(struct gw_buf *out);

/* True if this is a user file. */
bool gw_confauth_is_file(const struct gw_config_auth_item *item);
/* What an item says of a setting, its default if it does not; NULL: neither. */
const char *gw_confauth_value(const struct gw_config_auth_item *item, const char *name);
/* The same for a number. */
uint32_t gw_confauth_number(const struct gw_config_auth_item *item, const char *name);

/* Appends what a backend is to get of a setting: times in milliseconds ("5000ms"), truths as true
 * or false, all else as it stands. */
GW_MUST_USE enum gw_status gw_confauth_plain(const struct gw_authkinds_setting *setting,
                                             const char *text, struct gw_buf *out);

#endif
