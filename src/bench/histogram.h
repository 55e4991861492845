/*
 * bench/histogram: how often which value came, over nine orders of magnitude with an error below
 *                  1 %, so that percentiles of a whole run can be told (after G. Tene's HDR).
 *
 * Layer   bench (may include cli, net, os, proto, topic, wire, base). Pure.
 * Owner   one thread; add brings those of several together.
 * Life    init on the caller's memory (about 28 KiB); nothing to release.
 * Limits  values above GW_HISTOGRAM_MAX are counted as that.
 */
#ifndef GW_BENCH_HISTOGRAM_H
#define GW_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Each power of two is cut into 2^SUB_BITS equal parts; below 2^(SUB_BITS + 1) values are exact. */
#define GW_HISTOGRAM_SUB_BITS 7
#define GW_HISTOGRAM_TOP_BITS 42 /* nanoseconds: 73 minutes */
#define GW_HISTOGRAM_MAX      (((uint64_t)1 << GW_HISTOGRAM_TOP_BITS) - 1)
#define GW_HISTOGRAM_SLOTS                                                                         \
    ((size_t)(GW_HISTOGRAM_TOP_BITS - GW_HISTOGRAM_SUB_BITS + 1) << GW_HISTOGRAM_SUB_BITS)

struct gw_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t min; /* UINT64_MAX while empty */
    uint64_t max;
    uint64_t slots[GW_HISTOGRAM_SLOTS];
};

void gw_histogram_init(struct gw_histogram *histogram);

void gw_histogram_record(struct gw_histogram *histogram, uint64_t value);

/* Adds what another one has counted. */
void gw_histogram_add(struct gw_histogram *histogram, const struct gw_histogram *other);

/* The value below or at which a share of all lies (0.5, 0.999; 1 is the largest); never above the
 * largest. 0 while empty. */
uint64_t gw_histogram_quantile(const struct gw_histogram *histogram, double share);

/* 0 while empty. */
double gw_histogram_mean(const struct gw_histogram *histogram);

/* For plots: the highest value that a slot stands for. */
uint64_t gw_histogram_value(size_t slot);

#endif
