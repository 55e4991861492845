/*
 * module/ldap/ldapplan: what the configuration says about a directory and the users in it.
 *
 * Layer   module/ldap (may include auth, os, base).
 * Owner   immutable after init; read by every worker.
 * Life    init on the caller's memory, fini releases, also after a failed init.
 * Limits  none.
 *
 * A user is found in one of two ways: his DN follows from his name (user_dn), or he is searched for
 * (base, filter) by an account of the broker's own, or by nobody in particular.
 */
#ifndef GW_MODULE_LDAP_LDAPPLAN_H
#define GW_MODULE_LDAP_LDAPPLAN_H

#include <openssl/types.h>

#include "auth/backend.h"

struct gw_ldapplan {
    char *url;
    char *host; /* NULL: a Unix socket */
    char *path;
    uint16_t port;
    SSL_CTX *tls;  /* NULL: none */
    char *user_dn; /* with %u; NULL: by base and filter */
    char *base;
    char *filter;         /* with %u */
    char *bind_dn;        /* NULL: searched for anonymously */
    char *bind_password;  /* never empty if bind_dn is there */
    char *name_attribute; /* what the user is called, as the directory writes it */
    char *group_base;     /* NULL: groups stand in the user's entry, if anywhere */
    char *group_filter;   /* with %d, %u */
    char *group_attribute;
    uint32_t timeout_ms;
    uint32_t valid_ms; /* 0: what it says holds as long as the connection */
    bool start_tls;    /* or TLS from the first byte on */
};

/* GW_INVALID with words; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_ldapplan_init(struct gw_ldapplan *plan,
                                            const struct gw_backend_settings *settings,
                                            char ret_words[GW_BACKEND_WORDS_MAX]);
void gw_ldapplan_fini(struct gw_ldapplan *plan);

#endif
