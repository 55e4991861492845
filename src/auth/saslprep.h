/*
 * auth/saslprep: whether a user name or a password may be used with SASL as it is written.
 *
 * Layer   auth (may include topic, base, os). No I/O.
 * Owner   none; any thread.
 * Life    none.
 * Limits  none.
 *
 * SASLprep (RFC 4013) makes one of several ways to write the same text, so that an "é" typed on one
 * machine is the "é" of another. Nothing is rewritten here: a text is taken if SASLprep would leave
 * every byte of it alone, and that is what all of ASCII without control characters and nearly all
 * that keyboards yield is. What it would change or forbid, what came into Unicode after 3.2, and
 * marks that melt with the letter before them are refused, so nobody gets a password that another
 * program would read in another way.
 */
#ifndef GW_AUTH_SASLPREP_H
#define GW_AUTH_SASLPREP_H

#include "base/span.h"

/* True if SASLprep leaves the text as it is; an empty one is fine. */
bool gw_saslprep_stable(struct gw_span text);

#endif
