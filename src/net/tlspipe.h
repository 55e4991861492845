/*
 * net/tlspipe: what OpenSSL reads from and writes to: the transport's lower side, without a buffer.
 *
 * Layer   net (may include os, base).
 * Owner   the connection's loop.
 * Life    embedded in a TLS transport; the method in its context.
 * Limits  none; it holds nothing.
 */
#ifndef GW_NET_TLSPIPE_H
#define GW_NET_TLSPIPE_H

#include <openssl/bio.h>

#include "net/transport.h"

struct gw_tlspipe {
    struct gw_transport *transport;
    bool dry;                   /* the last read was short: no need to ask again in this call */
    int16_t first;              /* the first byte that ever came; -1: none yet */
    enum gw_status recv_status; /* GW_CLOSED, GW_OS_ERROR: how reading ended */
    enum gw_status send_status; /* how writing ended */
    int os_errno;               /* of either */
};

/* NULL when memory is out; BIO_meth_free releases it, after the last BIO. */
BIO_METHOD *gw_tlspipe_method(void);
/* A BIO over the pipe, which must outlive it; NULL when memory is out. */
BIO *gw_tlspipe_new(const BIO_METHOD *method, struct gw_tlspipe *pipe);

#endif
