/*
 * auth/insert: puts a user's name into a pattern such as "uid=%u,ou=people" so that it stays a name
 *              there, whatever it consists of.
 *
 * Layer   auth (may include topic, base, os). No I/O.
 * Owner   values.
 * Life    none.
 * Limits  what the buffer holds; a byte becomes three at most.
 *
 * What is not a plain letter of the place is written by its number, so no name can end a string,
 * begin another part or stand for several things. Two names never give the same text.
 *
 *   LDAP_FILTER   every byte but letters, digits and ".-_@" as \XX (RFC 4515, section 3)
 *   LDAP_DN       the same (RFC 4514, section 2.4)
 *   KEY           as %XX, and bytes beyond ASCII stay as they are
 */
#ifndef GW_AUTH_INSERT_H
#define GW_AUTH_INSERT_H

#include "base/buf.h"

enum gw_insert_place { GW_INSERT_LDAP_FILTER, GW_INSERT_LDAP_DN, GW_INSERT_KEY };

/* What a letter behind '%' stands for; a list of them ends with letter 0. */
struct gw_insert_text {
    char letter;
    struct gw_span text;
};

/* Appends the pattern with its texts put in; "%%" is a '%'. GW_INVALID: the pattern is not in order
 * (gw_insert_judge); GW_NO_MEMORY; GW_LIMIT of the buffer. */
GW_MUST_USE enum gw_status gw_insert(const char *pattern, enum gw_insert_place place,
                                     const struct gw_insert_text *texts, struct gw_buf *out);

/* Why a pattern with these letters is not in order, in one clause; NULL if it is. The first letter
 * must be in it. */
const char *gw_insert_judge(const char *pattern, const char *letters);

#endif
