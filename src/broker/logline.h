/*
 * broker/logline: one event as one line, in each form.
 *
 * Layer   broker. No I/O.
 * Owner   any thread.
 * Life    none.
 * Limits  GW_LOGLINE_SIZE_MAX bytes a line, GW_LOGLINE_VALUE_MAX of one value; what does not fit is
 *         left out, and the line says so.
 */
#ifndef GW_BROKER_LOGLINE_H
#define GW_BROKER_LOGLINE_H

#include "base/log.h"
#include "base/time.h"

#define GW_LOGLINE_SIZE_MAX  4096 /* PIPE_BUF: such a line arrives whole */
#define GW_LOGLINE_VALUE_MAX 512

struct gw_logline_event {
    gw_wall_ns wall;
    enum gw_log_level level;
    const char *event;
    const char *message;
    const struct gw_log_field *fields;
    size_t field_count;
};

/* A number's key ends with its unit: _ms, _s (UINT32_MAX: never) or _bytes. JSON leaves both as
 * they are; the other forms show after_ms=11520000 as after=3h12m, leave out what is empty and
 * false, and show what is true as its key alone. */

/* For people at a terminal: local time, level, message, key=value. Breaks before a field that would
 * stand beyond `width` columns, unless that is 0. Returns the size. */
size_t gw_logline_text(const struct gw_logline_event *event, bool colour, size_t width,
                       char line[GW_LOGLINE_SIZE_MAX]);

/* For systemd's journal: priority, message, key=value, and the event's name; no time. */
size_t gw_logline_journal(const struct gw_logline_event *event, char line[GW_LOGLINE_SIZE_MAX]);

/* For machines: one JSON object, always valid, time in UTC. */
size_t gw_logline_json(const struct gw_logline_event *event, char line[GW_LOGLINE_SIZE_MAX]);

#endif
