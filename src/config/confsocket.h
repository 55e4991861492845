/*
 * config/confsocket: what a listener says of its socket: who may open a Unix socket's file, and who
 *                    its peers are taken for.
 *
 * Layer   config. No I/O.
 * Owner   the configuration; see config/config.
 * Life    zeroed, set; fini releases and leaves it zeroed.
 * Limits  none.
 */
#ifndef GW_CONFIG_CONFSOCKET_H
#define GW_CONFIG_CONFSOCKET_H

#include "config/config.h"
#include "config/confreport.h"

/* Its owner and his group: not everybody on the machine. */
#define GW_CONFSOCKET_MODE_DEFAULT 0660u

/* In the order in which the entries of a listener have them. */
enum gw_confsocket_field {
    GW_CONFSOCKET_MODE,
    GW_CONFSOCKET_GROUP,
    GW_CONFSOCKET_PEER_IDENTITY,
    GW_CONFSOCKET_PROXY_PROTOCOL,
    GW_CONFSOCKET_TRUSTED_PROXIES,
    GW_CONFSOCKET_FIELD_COUNT
};

/* Sets one of them as written; the listener's URL is known. GW_INVALID with the error,
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confsocket_set(struct gw_config_listener *listener,
                                             enum gw_confsocket_field field, struct gw_span text,
                                             struct gw_confreport_error *error);

/* Looks whether they fit together; ret_field is what to blame. */
GW_MUST_USE enum gw_status gw_confsocket_check(const struct gw_config_listener *listener,
                                               enum gw_confsocket_field *ret_field,
                                               struct gw_confreport_error *error);

/* Takes the next entry off a list of proxies: an address or network, or "unix" (an empty net).
 * False: none is left, or with *ret_bad not empty the entry is none. */
bool gw_confsocket_next_proxy(struct gw_span *list, struct gw_access_net *ret_net,
                              struct gw_span *ret_bad);

/* Appends what was said, as ", mode: 0660"; GW_NO_MEMORY, GW_LIMIT of the buffer. */
GW_MUST_USE enum gw_status gw_confsocket_print(const struct gw_config_socket *socket,
                                               struct gw_buf *out);

/* Makes a copy; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_confsocket_copy(const struct gw_config_socket *socket,
                                              struct gw_config_socket *ret_socket);
void gw_confsocket_fini(struct gw_config_socket *socket);

#endif
