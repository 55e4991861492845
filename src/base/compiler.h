/*
 * base/compiler: compiler attributes under names of our own, and container_of.
 *
 * Layer   base (includes nothing of ours). Pure.
 * Owner   immutable.
 * Life    none.
 * Limits  gcc and clang.
 */
#ifndef GW_BASE_COMPILER_H
#define GW_BASE_COMPILER_H

#include <stddef.h>

#define GW_MUST_USE                     __attribute__((warn_unused_result))
#define GW_PRINTF(fmt, args)            __attribute__((format(printf, fmt, args)))
#define GW_NORETURN                     __attribute__((noreturn))
#define GW_NOINLINE                     __attribute__((noinline))
#define GW_UNUSED                       __attribute__((unused))
#define GW_LIKELY(x)                    __builtin_expect(!!(x), 1)
#define GW_UNLIKELY(x)                  __builtin_expect(!!(x), 0)
#define GW_PREFETCH(address)            __builtin_prefetch(address) /* a hint */
#define GW_COUNT_OF(array)              (sizeof(array) / sizeof((array)[0]))
#define GW_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define GW_CONTAINER_CONST(ptr, type, member)                                                      \
    ((const type *)(const void *)((const char *)(ptr)-offsetof(type, member)))

#endif
