/*
 * base/assert: our own invariants, held in release too; never used on what a peer sent.
 *
 * Layer   base. The one place below `os` that may write to stderr and abort.
 * Owner   any thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_BASE_ASSERT_H
#define GW_BASE_ASSERT_H

#include "base/compiler.h"

#define GW_ASSERT(expr)                                                                            \
    (GW_LIKELY(expr) ? (void)0 : gw_assert_fail(#expr, __FILE__, __LINE__, __func__))

/* Prints the broken invariant with its place to stderr and aborts. */
GW_NORETURN void gw_assert_fail(const char *expr, const char *file, int line, const char *func);

#endif
