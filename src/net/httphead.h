/*
 * net/httphead: the head of an HTTP/1.1 message, as far as a WebSocket needs it (RFC 9112, 2 to 5).
 *
 * Layer   net (may include os, base). Pure: no system call, no malloc.
 * Owner   whoever gathers the head; views point into it.
 * Life    nothing to release.
 * Limits  GW_HTTPHEAD_SIZE_MAX bytes, GW_HTTPHEAD_FIELDS_MAX fields.
 *
 * Stricter than the standard lets one be: what one program reads in one way and a proxy in front of
 * it in another (a bare LF, a folded line, a blank before the colon) is refused.
 */
#ifndef GW_NET_HTTPHEAD_H
#define GW_NET_HTTPHEAD_H

#include "base/span.h"
#include "base/status.h"

#define GW_HTTPHEAD_SIZE_MAX   ((size_t)8192)
#define GW_HTTPHEAD_FIELDS_MAX 64

struct gw_httphead_field {
    struct gw_span name;
    struct gw_span value; /* without blanks around it; may be empty */
};

/* Looks for the empty line that ends a head. `*scanned` says what an earlier call has seen of the
 * same bytes, 0 at first. GW_OK: *ret_size bytes belong to the head. GW_MORE: not there yet.
 * GW_LIMIT: it is not within GW_HTTPHEAD_SIZE_MAX bytes. */
GW_MUST_USE enum gw_status gw_httphead_end(struct gw_span bytes, size_t *scanned, size_t *ret_size);

/* Takes the first line off a whole head. GW_MALFORMED: it does not end in CR LF or holds control
 * characters. */
GW_MUST_USE enum gw_status gw_httphead_first(struct gw_span *head, struct gw_span *ret_line);

/* Takes the next field off. GW_END: the empty line was reached. GW_MALFORMED. */
GW_MUST_USE enum gw_status gw_httphead_next(struct gw_span *head,
                                            struct gw_httphead_field *ret_field);

/* Takes the next word off a line whose words are parted by one blank each; empty at its end. */
struct gw_span gw_httphead_word(struct gw_span *line);

/* Takes the next member off a list parted by commas, without blanks around it; empty members are
 * passed over; false: none is left. */
bool gw_httphead_member(struct gw_span *list, struct gw_span *ret_member);

/* Says whether a list has this member; case is ignored. */
bool gw_httphead_has(struct gw_span list, const char *member);

/* Compares texts as ASCII, case ignored. */
bool gw_httphead_same(struct gw_span a, struct gw_span b);

#endif
