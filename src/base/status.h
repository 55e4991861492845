/*
 * base/status: what went wrong for us. What the peer hears is `enum gw_reason` (wire/reason.h).
 *
 * Layer   base. Pure.
 * Owner   immutable.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_BASE_STATUS_H
#define GW_BASE_STATUS_H

#include "base/compiler.h"

enum gw_status {
    GW_OK = 0,
    GW_MORE,      /* incomplete: give more bytes; a normal outcome */
    GW_AGAIN,     /* not now: try later; a normal outcome */
    GW_END,       /* nothing more; a normal outcome */
    GW_NOT_FOUND, /* no such thing */
    GW_EXISTS,    /* already there */
    GW_NO_MEMORY, /* an allocation failed */
    GW_NO_SPACE,  /* the caller's memory is too small */
    GW_LIMIT,     /* a named limit was reached */
    GW_INVALID,   /* an argument or a text is not valid */
    GW_MALFORMED, /* the peer's bytes break the format */
    GW_PROTOCOL,  /* the peer's packet breaks a rule */
    GW_REFUSED,   /* not allowed */
    GW_TIMEOUT,   /* a deadline passed */
    GW_CLOSED,    /* the other end is gone */
    GW_OS_ERROR,  /* the operating system said no; see the detail given beside it */
    GW_STATUS_COUNT
};

/* Returns the lower-case name of a status, never NULL. */
const char *gw_status_name(enum gw_status status);

/* Leaves the calling function with the status of expr unless it is GW_OK. */
#define GW_TRY(expr)                                                                               \
    do {                                                                                           \
        enum gw_status try_status_ = (expr);                                                       \
        if (try_status_ != GW_OK)                                                                  \
            return try_status_;                                                                    \
    } while (0)

#endif
