#include "bench/histogram.h"

#include <string.h>

#define SUB_COUNT ((uint64_t)1 << GW_HISTOGRAM_SUB_BITS)

void gw_histogram_init(struct gw_histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->min = UINT64_MAX;
}

/* Two rows of exact values, then for each power of two one row of parts twice as wide. */
static size_t slot_of(uint64_t value)
{
    if (value < SUB_COUNT)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - GW_HISTOGRAM_SUB_BITS;
    return ((size_t)shift << GW_HISTOGRAM_SUB_BITS) + (size_t)(value >> shift);
}

uint64_t gw_histogram_value(size_t slot)
{
    size_t row = slot >> GW_HISTOGRAM_SUB_BITS;
    if (row < 2)
        return slot;
    uint64_t part = SUB_COUNT + (slot & (SUB_COUNT - 1));
    return ((part + 1) << (row - 1)) - 1;
}

void gw_histogram_record(struct gw_histogram *histogram, uint64_t value)
{
    if (value > GW_HISTOGRAM_MAX)
        value = GW_HISTOGRAM_MAX;
    histogram->slots[slot_of(value)]++;
    histogram->count++;
    histogram->sum += value;
    histogram->min = value < histogram->min ? value : histogram->min;
    histogram->max = value > histogram->max ? value : histogram->max;
}

void gw_histogram_add(struct gw_histogram *histogram, const struct gw_histogram *other)
{
    for (size_t i = 0; i < GW_HISTOGRAM_SLOTS; i++)
        histogram->slots[i] += other->slots[i];
    histogram->count += other->count;
    histogram->sum += other->sum;
    histogram->min = other->min < histogram->min ? other->min : histogram->min;
    histogram->max = other->max > histogram->max ? other->max : histogram->max;
}

uint64_t gw_histogram_quantile(const struct gw_histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    if (histogram->count == 0)
        return 0;
    for (size_t i = 0; i < GW_HISTOGRAM_SLOTS; i++) {
        seen += histogram->slots[i];
        if (histogram->slots[i] > 0 && (double)seen >= wanted) {
            uint64_t value = gw_histogram_value(i);
            return value < histogram->max ? value : histogram->max;
        }
    }
    return histogram->max;
}

double gw_histogram_mean(const struct gw_histogram *histogram)
{
    return histogram->count > 0 ? (double)histogram->sum / (double)histogram->count : 0;
}
