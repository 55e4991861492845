/*
 * config/conftls: the block tls, its list of certificates, and what single listeners say otherwise.
 *
 * Layer   config. No I/O: files are named here and read by who uses them.
 * Owner   whoever owns the configuration.
 * Life    add and say grow lists; fini, forget release them.
 * Limits  GW_CONFIG_PAIRS_MAX certificates beside the first; one word for each key.
 */
#ifndef GW_CONFIG_CONFTLS_H
#define GW_CONFIG_CONFTLS_H

#include "config/config.h"
#include "config/confreport.h"

/* Adds a certificate, its key (empty: in the same file) and OCSP response (empty: none). GW_INVALID
 * with the error, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_conftls_add(struct gw_config_pairs *pairs, struct gw_span cert,
                                          struct gw_span key, struct gw_span ocsp,
                                          struct gw_confreport_error *error);
GW_MUST_USE enum gw_status gw_conftls_copy(const struct gw_config_pairs *pairs,
                                           struct gw_config_pairs *ret_pairs);
void gw_conftls_fini(struct gw_config_pairs *pairs);

/* Notes what one listener says of a key of the block ("tls.client_cert"). GW_INVALID with the error
 * if the key takes no such value, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_conftls_say(struct gw_config_saids *saids, struct gw_span name,
                                          struct gw_span text, struct gw_confreport_error *error);
GW_MUST_USE enum gw_status gw_conftls_copy_said(const struct gw_config_saids *saids,
                                                struct gw_config_saids *ret_saids);
/* Appends it as YAML: "{cert: a, key: b}". */
GW_MUST_USE enum gw_status gw_conftls_print_said(const struct gw_config_saids *saids,
                                                 struct gw_buf *out);
void gw_conftls_forget(struct gw_config_saids *saids);

/* What holds for a listener: the block, but what it says itself. Borrowed from the configuration;
 * a listener with a certificate of its own does not use the block's key and OCSP response. */
void gw_conftls_resolve(const struct gw_config *config, const struct gw_config_listener *listener,
                        struct gw_config_tls *ret_tls);

/* True if a listener lets clients in by what they prove to TLS: a certificate's part, or a key. */
bool gw_conftls_proves(const struct gw_config *config, const struct gw_config_listener *listener);

#endif
