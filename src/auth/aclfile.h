/*
 * auth/aclfile: mosquitto's acl_file, read as it is, into access rules.
 *
 * Layer   auth (may include topic, base, os). Computes only.
 * Owner   any thread.
 * Life    none; the text is the caller's.
 * Limits  GW_ACLFILE_SIZE_MAX bytes, those of auth/access.
 *
 * Lines: `user NAME`, `topic [read|write|readwrite|deny] FILTER`, `pattern [...] FILTER` with %u
 * and %c, comments behind # in the first column. Topics in front of the first user are for
 * anonymous clients, those behind a user for that user, patterns for everybody. A client's denials
 * come before what it is allowed, its topics before the patterns; the rules stand in that order.
 */
#ifndef GW_AUTH_ACLFILE_H
#define GW_AUTH_ACLFILE_H

#include "auth/access.h"

#define GW_ACLFILE_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define GW_ACLFILE_WORDS    128

/* The first thing that is wrong with a file. */
struct gw_aclfile_error {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, in characters */
    uint32_t width;  /* characters */
    char what[GW_ACLFILE_WORDS];
    char why[GW_ACLFILE_WORDS]; /* the cure, or what may stand there; perhaps empty */
};

/* Adds the rules of a file. GW_INVALID with the error; GW_LIMIT, with the error: too many rules, or
 * the text is too large; GW_NO_MEMORY. Then some rules may have been added. */
GW_MUST_USE enum gw_status gw_aclfile_parse(struct gw_span text, struct gw_access *access,
                                            struct gw_aclfile_error *ret_error);

#endif
