/*
 * net/proxyhead: what a proxy says in front of a connection's bytes about who is behind it: the
 *                PROXY protocol of HAProxy, versions 1 and 2.
 *
 * Layer   net (may include os, base). Pure: no system call, no malloc.
 * Owner   whoever gathers the bytes; views point into them.
 * Life    nothing to release.
 * Limits  GW_PROXYHEAD_SIZE_MAX bytes.
 */
#ifndef GW_NET_PROXYHEAD_H
#define GW_NET_PROXYHEAD_H

#include "os/address.h"

#define GW_PROXYHEAD_SIZE_MAX ((size_t)8192)

struct gw_proxyhead {
    bool known;                /* it says who the client is; else it is the proxy itself, or the */
                               /* proxy does not know: the connection's own address holds */
    struct gw_address address; /* of the client, if known; its size is 0 for a nameless socket */
    bool tls;                  /* the client speaks TLS to the proxy */
    bool verified;             /* it has shown a certificate there that was found good */
    struct gw_span tls_version;
    struct gw_span cipher;
    struct gw_span common_name; /* of its certificate */
    struct gw_span authority;   /* the server's name that the client asked for */
};

/* Reads a header from the first bytes of a connection. GW_OK: it has *ret_size bytes. GW_MORE: it
 * goes on behind them. GW_MALFORMED: this is none, or not as it must be, with *ret_what. */
GW_MUST_USE enum gw_status gw_proxyhead_read(struct gw_span bytes, struct gw_proxyhead *ret_head,
                                             size_t *ret_size, const char **ret_what);

#endif
