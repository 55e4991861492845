/*
 * broker/certs: certificates and keys of the TLS listeners: read at the start, at a reload and when
 *               their files change; connections that stand never notice.
 *
 * Layer   broker.
 * Owner   the controlling thread; the slots it gives away: any thread.
 * Life    new, open for each TLS listener, free after the last connection.
 * Limits  GW_CONFIG_LISTENERS_MAX listeners; looks at files every GW_CERTS_PERIOD at most.
 */
#ifndef GW_BROKER_CERTS_H
#define GW_BROKER_CERTS_H

#include "base/log.h"
#include "config/config.h"
#include "net/tls.h"

#define GW_CERTS_PERIOD   (2 * GW_NS_PER_S)
#define GW_CERTS_REMIND   (12 * 3600 * GW_NS_PER_S)
#define GW_CERTS_DAYS_LOW 21 /* days before the end of a certificate in which it is spoken of */

struct gw_certs;

/* NULL when memory is out; log and clock must outlive it. */
struct gw_certs *gw_certs_new(const struct gw_log *log, const struct gw_clock *clock);
/* NULL is fine. */
void gw_certs_free(struct gw_certs *certs);

/* Reads what a listener (by its place in the configuration) needs. GW_INVALID with the fault,
 * GW_NO_MEMORY. The slot lives as long as certs. */
GW_MUST_USE enum gw_status gw_certs_open(struct gw_certs *certs, const struct gw_config *config,
                                         size_t listener, struct gw_tls_slot **ret_slot,
                                         struct gw_tlsfault *fault);
/* Reads everything again under a new configuration; either all of it comes into force or, with
 * GW_INVALID and a log line, nothing. */
GW_MUST_USE enum gw_status gw_certs_reload(struct gw_certs *certs, const struct gw_config *config);
/* Looks whether files have changed, and whether certificates come to their end. */
void gw_certs_tick(struct gw_certs *certs, const struct gw_config *config);

#endif
