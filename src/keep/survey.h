/*
 * keep/survey: what there is in a store, in numbers.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   a value.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_KEEP_SURVEY_H
#define GW_KEEP_SURVEY_H

#include "base/buf.h"
#include "keep/vault.h"

struct gw_survey_log {
    uint64_t segments, bytes; /* spares apart */
    uint64_t spares, spare_bytes;
    uint64_t side_files; /* damaged bytes put aside */
    uint32_t format;     /* version of the newest segment, 0 = there is none */
    gw_wall_ns begun_at; /* when that one was begun */
    gw_position checkpoint;
    gw_position end;
};

struct gw_survey_state {
    uint64_t sessions, online; /* online: when it was written */
    uint64_t subscriptions, shared;
    uint64_t queued, queued_bytes; /* deliveries; in memory, if all were */
    uint64_t under_way;            /* of these: sent, or to be released */
    uint64_t retained;
    uint64_t groups, group_queued;
    uint64_t unfinished;
    uint64_t wills;
};

struct gw_survey {
    struct gw_survey_log log;
    struct gw_survey_state state;
    struct gw_store_report report;
};

GW_MUST_USE enum gw_status gw_survey_take(const struct gw_vault *vault,
                                          struct gw_survey *ret_survey, struct gw_trouble *trouble);
/* As lines for people, or as one JSON object; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_survey_print(const struct gw_survey *survey, const char *path,
                                           bool json, struct gw_buf *buf);

#endif
