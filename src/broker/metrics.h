/*
 * broker/metrics: what one loop counts, readable from any thread.
 *
 * Layer   broker.
 * Owner   written by one loop, read by any; every atomic is relaxed: figures, not signals.
 * Life    zeroed memory; nothing to release.
 * Limits  none.
 */
#ifndef GW_BROKER_METRICS_H
#define GW_BROKER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

enum gw_metric {
#define X(name, kind, help) GW_METRIC_##name,
#include "broker/metrics.def"
#undef X
    GW_METRIC_COUNT
};

struct gw_metrics {
    atomic_int_fast64_t values[GW_METRIC_COUNT];
};

/* Adds to a figure of the calling loop. */
static inline void gw_metrics_add(struct gw_metrics *metrics, enum gw_metric metric, int64_t n)
{
    atomic_int_fast64_t *value = &metrics->values[metric];
    int64_t now = atomic_load_explicit(value, memory_order_relaxed);
    atomic_store_explicit(value, now + n, memory_order_relaxed);
}

/* Sets a figure of the calling loop. */
static inline void gw_metrics_set(struct gw_metrics *metrics, enum gw_metric metric, int64_t n)
{
    atomic_store_explicit(&metrics->values[metric], n, memory_order_relaxed);
}

static inline int64_t gw_metrics_get(const struct gw_metrics *metrics, enum gw_metric metric)
{
    return atomic_load_explicit(&metrics->values[metric], memory_order_relaxed);
}

#endif
