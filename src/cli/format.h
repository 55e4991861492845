/*
 * cli/format: how sub and rr show a message: the payload, topic and payload, or a format (-F).
 *
 * Layer   cli. Pure but for the buffer's malloc; the local time zone comes from the C library.
 * Owner   the main thread.
 * Life    none.
 * Limits  the buffer's bound; field widths up to GW_FORMAT_WIDTH_MAX.
 */
#ifndef GW_CLI_FORMAT_H
#define GW_CLI_FORMAT_H

#include "base/buf.h"
#include "base/time.h"
#include "cli/options.h"
#include "wire/publish.h"

#define GW_FORMAT_WIDTH_MAX ((size_t)16 * 1024 * 1024)

/* Checks a format once, before the first message: GW_INVALID with options->problem. */
GW_MUST_USE enum gw_status gw_format_check(struct gw_options *options);

/* Appends a message in the form that the options say; wall is the time of its arrival.
 * GW_MALFORMED: %J met a payload that is not JSON and shows nothing in its place. */
GW_MUST_USE enum gw_status gw_format_message(const struct gw_options *options,
                                             const struct gw_publish *publish, gw_wall_ns wall,
                                             struct gw_buf *buf);

#endif
