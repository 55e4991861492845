/*
 * config/conflisten: listeners as URLs.
 *
 * Layer   config. No I/O, no name look-up.
 * Owner   whoever owns the configuration.
 * Life    add grows the list; gw_conflisten_fini releases it.
 * Limits  GW_CONFIG_LISTENERS_MAX.
 */
#ifndef GW_CONFIG_CONFLISTEN_H
#define GW_CONFIG_CONFLISTEN_H

#include "config/config.h"
#include "config/confreport.h"

#define GW_CONFLISTEN_DEFAULT "mqtt://localhost:1883"

/* What was written about clients without a name. */
enum gw_conflisten_anonymous {
    GW_CONFLISTEN_UNSAID, /* loopback lets them in, other addresses do not */
    GW_CONFLISTEN_NO,
    GW_CONFLISTEN_YES, /* refused beyond loopback */
    GW_CONFLISTEN_INSECURE,
};

/* Adds a listener: SCHEME://ADDRESS[:PORT][/PATH], where ADDRESS is 10.0.0.1, [::1], * or nothing
 * for all, or localhost (which adds one for each IP version); or unix:///FILE. GW_INVALID with the
 * error,
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_conflisten_add(struct gw_config_listeners *listeners,
                                             struct gw_span url,
                                             enum gw_conflisten_anonymous anonymous,
                                             struct gw_confreport_error *error);

/* Names the pages that may open a WebSocket, for the listeners from number `from` on: "*", or
 * origins parted by commas. GW_INVALID with the error, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_conflisten_set_origins(struct gw_config_listeners *listeners,
                                                     size_t from, struct gw_span origins,
                                                     struct gw_confreport_error *error);

/* Looks at what belongs together once a listener is read: whoever comes by a proxy does not come
 * from this machine, wherever the proxy runs. GW_INVALID with the error. */
GW_MUST_USE enum gw_status gw_conflisten_settle(struct gw_config_listener *listener,
                                                enum gw_conflisten_anonymous anonymous,
                                                struct gw_confreport_error *error);

/* Reads the word behind `anonymous:`; GW_INVALID with the error. */
GW_MUST_USE enum gw_status gw_conflisten_word(struct gw_span text,
                                              enum gw_conflisten_anonymous *ret_anonymous,
                                              struct gw_confreport_error *error);

/* Makes a copy; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_conflisten_copy(const struct gw_config_listeners *listeners,
                                              struct gw_config_listeners *ret_listeners);

/* The word before "://". */
const char *gw_conflisten_scheme_name(enum gw_config_scheme scheme);

/* Releases the items. */
void gw_conflisten_fini(struct gw_config_listeners *listeners);

#endif
