/*
 * base/checked: arithmetic on lengths that a peer or a file chose.
 *
 * Layer   base. Pure.
 * Owner   any thread.
 * Life    none.
 * Limits  results above SIZE_MAX are refused with GW_LIMIT and change nothing.
 */
#ifndef GW_BASE_CHECKED_H
#define GW_BASE_CHECKED_H

#include <stddef.h>

#include "base/status.h"

GW_MUST_USE static inline enum gw_status gw_checked_add(size_t a, size_t b, size_t *ret_sum)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return GW_LIMIT;
    *ret_sum = sum;
    return GW_OK;
}

GW_MUST_USE static inline enum gw_status gw_checked_mul(size_t a, size_t b, size_t *ret_product)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return GW_LIMIT;
    *ret_product = product;
    return GW_OK;
}

#endif
