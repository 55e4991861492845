/*
 * module/ldap/ldaplink: a connection to a directory: made when it is needed, given up when it
 *                       fails.
 *
 * Layer   module/ldap (may include auth, os, base). The protocol is libldap's; connecting and TLS
 *         are done here, for its own has no deadline that holds and takes orders from ldap.conf.
 * Owner   one worker.
 * Life    init on the caller's memory, fini releases.
 * Limits  the caller's patience; GW_LDAPLINK_ENTRIES_MAX of a search.
 */
#ifndef GW_MODULE_LDAP_LDAPLINK_H
#define GW_MODULE_LDAP_LDAPLINK_H

#include <ldap.h>

#include "module/ldap/ldapplan.h"
#include "os/patience.h"

#define GW_LDAPLINK_ENTRIES_MAX 1000
#define GW_LDAPLINK_IDLE_MAX    (60 * GW_NS_PER_S) /* what was idle longer may be dead unnoticed */

struct gw_ldaplink {
    const struct gw_ldapplan *plan;
    LDAP *ld; /* NULL: not connected */
    int fd;   /* -1: none */
    SSL *ssl; /* NULL: in clear */
    struct ldap_conncb on_connect;
    gw_mono_ns used_at;
    bool bound; /* its owner's note */
};

void gw_ldaplink_init(struct gw_ldaplink *link, const struct gw_ldapplan *plan);
void gw_ldaplink_fini(struct gw_ldaplink *link);
/* True if it is connected; one that was idle for too long is given up. */
bool gw_ldaplink_is_open(struct gw_ldaplink *link);

/* Connects, with TLS if that is wanted. GW_NOT_FOUND (the host), GW_OS_ERROR, GW_TIMEOUT,
 * GW_CLOSED, GW_PROTOCOL, GW_NO_MEMORY with words; the link is shut then. */
GW_MUST_USE enum gw_status gw_ldaplink_open(struct gw_ldaplink *link,
                                            const struct gw_patience *patience,
                                            char ret_words[GW_BACKEND_WORDS_MAX]);

/* Proves an identity. The password must not be empty: that would be a bind as nobody. GW_OK;
 * GW_REFUSED: the proof is wrong; GW_NOT_FOUND: there is no such entry; with words. GW_CLOSED: it
 * may help to open the link again; the rest as open. */
GW_MUST_USE enum gw_status gw_ldaplink_bind(struct gw_ldaplink *link, const char *dn,
                                            struct gw_span password,
                                            const struct gw_patience *patience,
                                            char ret_words[GW_BACKEND_WORDS_MAX]);

struct gw_ldaplink_search {
    const char *base;
    const char *filter;
    int scope; /* LDAP_SCOPE_... */
    int entries_max;
    const char *attributes[3]; /* ends with NULL */
};

/* Searches; GW_OK with the entries, which ldap_msgfree releases. GW_NOT_FOUND: there is no such
 * base; GW_LIMIT: there are more than entries_max; the rest as bind. */
GW_MUST_USE enum gw_status gw_ldaplink_search(struct gw_ldaplink *link,
                                              const struct gw_ldaplink_search *search,
                                              const struct gw_patience *patience,
                                              LDAPMessage **ret_found,
                                              char ret_words[GW_BACKEND_WORDS_MAX]);

#endif
