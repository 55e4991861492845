/*
 * cli/jsonout: writes JSON, on one line or on several, into a buffer.
 *
 * Layer   cli. Pure but for the buffer's malloc.
 * Owner   the caller.
 * Life    init on the caller's memory; nothing of its own to release.
 * Limits  the buffer's bound: what does not fit sets `failed` and nothing more is written.
 */
#ifndef GW_CLI_JSONOUT_H
#define GW_CLI_JSONOUT_H

#include "base/buf.h"

struct gw_jsonout {
    struct gw_buf *buf;
    bool pretty;
    bool failed;
    bool first; /* nothing stands in the innermost object or array yet */
    unsigned depth;
};

void gw_jsonout_init(struct gw_jsonout *out, struct gw_buf *buf, bool pretty);

/* Opens or closes an object or an array; a member's key comes before its value. */
void gw_jsonout_open(struct gw_jsonout *out, bool object);
void gw_jsonout_close(struct gw_jsonout *out, bool object);
void gw_jsonout_key(struct gw_jsonout *out, struct gw_span key);
/* Comes before each element of an array. */
void gw_jsonout_element(struct gw_jsonout *out);

/* A string of any bytes: what is not UTF-8 becomes U+FFFD, so that the result is always JSON. */
void gw_jsonout_string(struct gw_jsonout *out, struct gw_span text);
void gw_jsonout_integer(struct gw_jsonout *out, int64_t value);
/* The shortest of 15 or 17 digits that gives the same number; null if it is none. */
void gw_jsonout_number(struct gw_jsonout *out, double value);
/* true, false, null. */
void gw_jsonout_word(struct gw_jsonout *out, const char *word);

#endif
