/*
 * auth/reach: the topic filter of an access rule: what it matches, overlaps and covers, with a
 *             client's names in the place of %u and %c.
 *
 * Layer   auth (may include topic, base, os). Computes only.
 * Owner   any thread.
 * Life    none; texts are the caller's.
 * Limits  65,535 bytes of a filter; linear in the lengths, no recursion, no memory but for encode.
 *
 * A filter is kept with one byte for each placeholder, one that UTF-8 does not use. Names are put
 * in while levels are compared, byte by byte, so that nothing has to be cut again: a name cannot
 * become a wildcard or two levels. One that could (+ # / in it, or a $ that would begin the topic)
 * makes the filter match nothing at all.
 */
#ifndef GW_AUTH_REACH_H
#define GW_AUTH_REACH_H

#include "auth/identity.h"
#include "base/buf.h"

#define GW_REACH_USER   0xFEu /* stands for %u */
#define GW_REACH_CLIENT 0xFFu /* stands for %c */

/* Appends a filter as a person writes it, %u and %c replaced by their bytes, %% by a percent sign.
 * GW_NOT_FOUND: another letter behind a percent sign; GW_INVALID: not a topic filter, or
 * $share/...; GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_reach_encode(struct gw_span text, struct gw_buf *out);
/* The way back. GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_reach_decode(struct gw_span reach, struct gw_buf *out);

/* True if placeholders stand in it. */
bool gw_reach_has_placeholder(struct gw_span reach);
/* True if this client's names may take the place of its placeholders. */
bool gw_reach_fits(struct gw_span reach, const struct gw_identity *who);

/* For those below gw_reach_fits must hold. `reach` matches this valid topic name. */
bool gw_reach_matches(struct gw_span reach, const struct gw_identity *who, struct gw_span name);
/* There may be a topic name that both match (`filter` is valid, without $share). */
bool gw_reach_overlaps(struct gw_span reach, const struct gw_identity *who, struct gw_span filter);
/* Whatever `filter` matches, `reach` matches. */
bool gw_reach_covers(struct gw_span reach, const struct gw_identity *who, struct gw_span filter);
/* Whatever both `filter` and `other` match, which overlap, `reach` matches. */
bool gw_reach_covers_both(struct gw_span reach, const struct gw_identity *who,
                          struct gw_span filter, struct gw_span other);

#endif
