/*
 * bench/verdict: what a measurement says, for people and for programs.
 *
 * Layer   bench (may include cli, net, os, proto, topic, wire, base). Pure but for malloc.
 * Owner   one thread.
 * Life    none.
 * Limits  the buffer's.
 */
#ifndef GW_BENCH_VERDICT_H
#define GW_BENCH_VERDICT_H

#include "base/buf.h"
#include "bench/drill.h"

/* Nothing lost, nothing twice, nothing out of order, all acknowledged, nobody cut off. */
bool gw_verdict_good(const struct gw_drill_plan *plan, const struct gw_drill_result *result);

/* A page for people. GW_NO_MEMORY, GW_LIMIT. */
GW_MUST_USE enum gw_status gw_verdict_text(const struct gw_drill_plan *plan,
                                           const struct gw_drill_result *result,
                                           struct gw_buf *out);
/* One JSON object, a line of its own. Times in microseconds. */
GW_MUST_USE enum gw_status gw_verdict_json(const struct gw_drill_plan *plan,
                                           const struct gw_drill_result *result,
                                           struct gw_buf *out);

/* "pubsub"; the words of the command line. */
const char *gw_verdict_scene(enum gw_drill_scene scene);

#endif
