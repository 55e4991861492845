/*
 * topic/name: the rules of topic names and topic filters (MQTT 5.0 section 4.7, 4.8.2).
 *
 * Layer   topic (may include base). Pure.
 * Owner   any thread.
 * Life    none.
 * Limits  `levels_max` levels where the caller gives it (default GW_TOPIC_LEVELS_MAX_DEFAULT, key
 *         limits.topic_levels); 65,535 bytes by the format.
 */
#ifndef GW_TOPIC_NAME_H
#define GW_TOPIC_NAME_H

#include "base/span.h"
#include "base/status.h"

#define GW_TOPIC_LEVELS_MAX_DEFAULT 128u

/* Levels of a name or filter: separators + 1. */
size_t gw_name_levels(struct gw_span topic);

/* A topic name: not empty, no '+', no '#', at most 65,535 bytes. UTF-8 is checked by wire.
 * GW_INVALID, or GW_LIMIT above levels_max (0 = no limit). */
GW_MUST_USE enum gw_status gw_name_validate(struct gw_span name, size_t levels_max);

/* A topic filter without $share. GW_INVALID, GW_LIMIT as above. */
GW_MUST_USE enum gw_status gw_filter_validate(struct gw_span filter, size_t levels_max);

/* A filter as it stands in SUBSCRIBE. For "$share/<name>/<filter>" share_name and filter are its
 * parts; else share_name is empty and filter is the whole. */
struct gw_filter_parts {
    struct gw_span share_name;
    struct gw_span filter;
    bool shared;
};

/* Splits and validates (MQTT-4.8.2-1, 4.8.2-2): GW_INVALID, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_filter_split(struct gw_span text, size_t levels_max,
                                           struct gw_filter_parts *ret_parts);

/* True if a validated filter contains a wildcard. */
bool gw_filter_has_wildcard(struct gw_span filter);

/* True if a valid filter (without $share) matches a valid name (MQTT-4.7.2-1 included). No
 * recursion, linear in the lengths. */
bool gw_filter_matches(struct gw_span filter, struct gw_span name);

#endif
